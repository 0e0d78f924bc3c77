#!/usr/bin/env bash
# AWPO over several tool turns, on a CPU: verl's tool agent loop runs a stateful environment (examples/demo/desk.py),
# and the environment's last state decides the outcome.
#
#   make demo TASK=desk              prepares the model, the data and the tools, runs this, and shows the result
#   ALGO=grpo make demo TASK=desk    the same with GRPO; one key differs
#
# Hardware: 2 cores, 8 GiB.
set -euo pipefail

# -------------------------------------------------------- settings: run_awpo_tiny_cpu.sh's, with these defaults
export OUT=${OUT:-outputs/demo-desk}
export NAME=${NAME:-${ALGO:-awpo}-desk-seed${SEED:-0}}
export STEPS=${STEPS:-10}
export PROMPTS=${PROMPTS:-12}
export UPDATE_PROMPTS=${UPDATE_PROMPTS:-$PROMPTS}
export RESPONSE_TOKENS=${RESPONSE_TOKENS:-192}
export LR=${LR:-5e-5}
export TEST_FREQ=${TEST_FREQ:-5}
TOOLS=${TOOLS:-$OUT/tools.yaml}   # from awpo_verl.integration.verl_environment_tool.write_tools_yaml
TURNS=${TURNS:-6}                 # replies of a rollout: up to 4 calls, the last reply, and one more
# ---------------------------------------------------------------------------------------------------------

source "$(dirname "${BASH_SOURCE[0]}")/quoted.sh"
exec bash "$(dirname "$0")/run_awpo_tiny_cpu.sh" \
  actor_rollout_ref.rollout.agent.default_agent_loop=tool_agent \
  actor_rollout_ref.rollout.multi_turn.enable=True \
  actor_rollout_ref.rollout.multi_turn.tool_config_path="$(quoted "$TOOLS")" \
  actor_rollout_ref.rollout.multi_turn.format=hermes \
  actor_rollout_ref.rollout.multi_turn.max_assistant_turns="$TURNS" \
  actor_rollout_ref.rollout.multi_turn.max_tool_response_length=1024 \
  "$@"
