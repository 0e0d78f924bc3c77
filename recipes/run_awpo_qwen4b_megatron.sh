#!/usr/bin/env bash
# AWPO on Qwen3-4B with Megatron-Core, not FSDP: one node of 8 GPUs with 80 GB, in verl's image, which has Megatron.
#
#   bash recipes/run_awpo_qwen4b_megatron.sh [--dry-run] [key=value ...]
set -euo pipefail

# ---------------------------------------------------- settings: run_awpo_qwen4b.sh's, with these defaults
export ENGINE=megatron
export NAME=${NAME:-${ALGO:-awpo}-qwen4b-megatron}
MEGATRON_TP=${MEGATRON_TP:-2}              # GPUs that share a layer
MEGATRON_PP=${MEGATRON_PP:-1}              # pipeline stages
# ---------------------------------------------------------------------------------------------------------

exec bash "$(dirname "$0")/run_awpo_qwen4b.sh" \
  actor_rollout_ref.actor.megatron.tensor_model_parallel_size="$MEGATRON_TP" \
  actor_rollout_ref.actor.megatron.pipeline_model_parallel_size="$MEGATRON_PP" \
  actor_rollout_ref.actor.megatron.param_offload=True \
  actor_rollout_ref.actor.megatron.optimizer_offload=True \
  actor_rollout_ref.actor.megatron.override_transformer_config.recompute_granularity=full \
  actor_rollout_ref.actor.megatron.override_transformer_config.recompute_method=uniform \
  actor_rollout_ref.actor.megatron.override_transformer_config.recompute_num_layers=1 \
  "$@"
