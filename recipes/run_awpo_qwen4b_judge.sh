#!/usr/bin/env bash
# AWPO on Qwen3-4B with an LLM as the judge of the thinking. verl serves the judge on GPUs of its own: one node of 8
# GPUs with 80 GB, 4 for training and 4 for the judge.
#
#   bash recipes/run_awpo_qwen4b_judge.sh [--dry-run] [key=value ...]
#
# For a judge that runs elsewhere, use run_awpo_qwen4b.sh with algorithm.awpo.reasoning_source=judge and the keys of
# docs/judge.md.
set -euo pipefail

# ---------------------------------------------------- settings: run_awpo_qwen4b.sh's, with these defaults
export NAME=${NAME:-${ALGO:-awpo}-qwen4b-judge}
export GPUS=${GPUS:-4}
JUDGE_MODEL=${JUDGE_MODEL:-Qwen/Qwen3-32B}
JUDGE_NODES=${JUDGE_NODES:-1}
JUDGE_GPUS=${JUDGE_GPUS:-4}                        # of a node
JUDGE_TP=${JUDGE_TP:-2}                            # GPUs that share a judge
JUDGE_CONTEXT=${JUDGE_CONTEXT:-16384}              # tokens of the conversation, the tools and the thinking
# ---------------------------------------------------------------------------------------------------------

source "$(dirname "${BASH_SOURCE[0]}")/quoted.sh"
judge=reward.reward_model
exec bash "$(dirname "$0")/run_awpo_qwen4b.sh" \
  algorithm.awpo.reasoning_source=judge \
  'algorithm.awpo.judge.extra_body={chat_template_kwargs: {enable_thinking: false}}' \
  $judge.enable=True \
  $judge.enable_resource_pool=True \
  $judge.nnodes="$JUDGE_NODES" \
  $judge.n_gpus_per_node="$JUDGE_GPUS" \
  $judge.model_path="$(quoted "$JUDGE_MODEL")" \
  $judge.rollout.name=vllm \
  $judge.rollout.tensor_model_parallel_size="$JUDGE_TP" \
  $judge.rollout.gpu_memory_utilization=0.85 \
  $judge.rollout.max_model_len="$JUDGE_CONTEXT" \
  "+$judge.rollout.engine_kwargs.vllm.structured_outputs_config={backend: xgrammar, disable_any_whitespace: true}" \
  "$@"
