#!/usr/bin/env bash
# AWPO on Qwen3-4B over several tool turns: verl's tool agent loop runs your environment, and its last state decides the
# outcome. One node of 8 GPUs with 80 GB.
#
#   python -m examples.demo.desk_files --out data/desk     # the example environment; yours: docs/environments.md
#   bash recipes/run_awpo_qwen4b_multiturn.sh [--dry-run] [key=value ...]
set -euo pipefail

# ---------------------------------------------------- settings: run_awpo_qwen4b.sh's, with these defaults
export TRAIN_FILE=${TRAIN_FILE:-data/desk/train.parquet}
export VAL_FILE=${VAL_FILE:-data/desk/heldout.parquet}
export NAME=${NAME:-${ALGO:-awpo}-qwen4b-multiturn}
export PROMPT_TOKENS=${PROMPT_TOKENS:-4096}
export RESPONSE_TOKENS=${RESPONSE_TOKENS:-8192}    # of all replies and observations together
TOOLS=${TOOLS:-data/desk/tools.yaml}               # from awpo_verl.integration.verl_environment_tool.write_tools_yaml
TURNS=${TURNS:-8}                                  # replies of the model in a rollout
CALLS=${CALLS:-4}                                  # calls of a reply that run; verl drops the others
# ---------------------------------------------------------------------------------------------------------

# Ray's workers import the environment from the project's folder.
export PYTHONPATH=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)${PYTHONPATH:+:$PYTHONPATH}
source "$(dirname "${BASH_SOURCE[0]}")/quoted.sh"
TOOLS=$(realpath -m "$TOOLS")                      # Ray's workers may have another working directory
exec bash "$(dirname "$0")/run_awpo_qwen4b.sh" \
  actor_rollout_ref.rollout.agent.default_agent_loop=tool_agent \
  actor_rollout_ref.rollout.multi_turn.enable=True \
  actor_rollout_ref.rollout.multi_turn.tool_config_path="$(quoted "$TOOLS")" \
  actor_rollout_ref.rollout.multi_turn.format=hermes \
  actor_rollout_ref.rollout.multi_turn.max_assistant_turns="$TURNS" \
  actor_rollout_ref.rollout.multi_turn.max_parallel_calls="$CALLS" \
  actor_rollout_ref.rollout.multi_turn.max_tool_response_length=2048 \
  "$@"
