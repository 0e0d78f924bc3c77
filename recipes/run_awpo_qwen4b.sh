#!/usr/bin/env bash
# AWPO on Qwen3-4B: FSDP, vLLM, one node of 8 GPUs with 80 GB.
#
#   awpo-verl prepare toolace Team-ACE/ToolACE --out data/toolace     # once
#   bash recipes/run_awpo_qwen4b.sh
#   bash recipes/run_awpo_qwen4b.sh --dry-run                         # checks and prints the config; starts nothing
#   GPUS=4 bash recipes/run_awpo_qwen4b.sh algorithm.awpo.gate.kind=hard    # other settings, and any key of verl
#
# The other recipes for Qwen3 call this one with other settings and more keys. docs/metrics.md says what to watch.
set -euo pipefail

# ------------------------------------------------------------------------------------------------ settings
MODEL=${MODEL:-Qwen/Qwen3-4B}              # an id of the hub, or a folder that every node sees
TRAIN_FILE=${TRAIN_FILE:-data/toolace/train.parquet}
VAL_FILE=${VAL_FILE:-data/toolace/heldout.parquet}
ALGO=${ALGO:-awpo}                         # any estimator of verl; awpo implies its loss
NAME=${NAME:-$ALGO-qwen4b}                 # the run's name in the logger
OUT=${OUT:-outputs/$NAME}                  # metrics, dumps, checkpoints
SEED=${SEED:-0}
NODES=${NODES:-1}
GPUS=${GPUS:-8}                            # of a node
ENGINE=${ENGINE:-fsdp}                     # fsdp, megatron
TP=${TP:-1}                                # GPUs that share a vLLM
STEPS=${STEPS:-300}
PROMPTS=${PROMPTS:-128}                    # prompts of a step
ROLLOUTS=${ROLLOUTS:-8}                    # rollouts of a prompt: the group
UPDATE_PROMPTS=${UPDATE_PROMPTS:-32}       # prompts of an update; AWPO's clipping needs several updates a step
PROMPT_TOKENS=${PROMPT_TOKENS:-4096}
RESPONSE_TOKENS=${RESPONSE_TOKENS:-4096}   # Qwen3 thinks long, and a truncated response fails
MICRO_TOKENS=${MICRO_TOKENS:-16384}        # tokens of a micro-batch on a GPU; lower it if training is out of memory
VLLM_MEMORY=${VLLM_MEMORY:-0.6}            # share of a GPU for vLLM; lower it if rollouts are out of memory
LR=${LR:-1e-6}
TEST_FREQ=${TEST_FREQ:-10}
SAVE_FREQ=${SAVE_FREQ:-50}
LOGGER=${LOGGER:-[console,file]}           # [console,file,wandb]
# ---------------------------------------------------------------------------------------------------------

case $ENGINE in
  fsdp)
    engine=(
      actor_rollout_ref.actor.strategy=fsdp2
      actor_rollout_ref.actor.checkpoint.save_contents='[model,optimizer,extra,hf_model]'
    ) ;;
  megatron)
    engine=(
      model_engine=megatron
      actor_rollout_ref.actor.megatron.use_mbridge=True
      actor_rollout_ref.actor.checkpoint.save_contents='[model,optimizer,extra]'
    ) ;;
  *) echo "ENGINE is '$ENGINE'; use fsdp or megatron." >&2; exit 2 ;;
esac

source "$(dirname "${BASH_SOURCE[0]}")/quoted.sh"
# hdfs://... and [a.parquet,b.parquet] stay as they are
absolute() { case $1 in *://* | \[*) echo "$1" ;; *) realpath -m "$1" ;; esac; }
OUT=$(realpath -m "$OUT")                  # Ray's workers may have another working directory
TRAIN_FILE=$(absolute "$TRAIN_FILE")
VAL_FILE=$(absolute "$VAL_FILE")
[[ ! -d $MODEL ]] || MODEL=$(realpath "$MODEL")
export VERL_FILE_LOGGER_PATH="$OUT/metrics.jsonl"

exec awpo-verl train \
  "${engine[@]}" \
  algorithm.adv_estimator="$ALGO" \
  reward.reward_manager.name=awpo \
  data.train_files="$(quoted "$TRAIN_FILE")" \
  data.val_files="$(quoted "$VAL_FILE")" \
  data.train_batch_size="$PROMPTS" \
  data.seed="$SEED" \
  data.max_prompt_length="$PROMPT_TOKENS" \
  data.max_response_length="$RESPONSE_TOKENS" \
  data.filter_overlong_prompts=True \
  actor_rollout_ref.model.path="$(quoted "$MODEL")" \
  actor_rollout_ref.actor.optim.lr="$LR" \
  actor_rollout_ref.actor.ppo_mini_batch_size="$UPDATE_PROMPTS" \
  actor_rollout_ref.actor.use_dynamic_bsz=True \
  actor_rollout_ref.actor.ppo_max_token_len_per_gpu="$MICRO_TOKENS" \
  actor_rollout_ref.rollout.name=vllm \
  actor_rollout_ref.rollout.n="$ROLLOUTS" \
  actor_rollout_ref.rollout.seed="$SEED" \
  actor_rollout_ref.rollout.tensor_model_parallel_size="$TP" \
  actor_rollout_ref.rollout.gpu_memory_utilization="$VLLM_MEMORY" \
  actor_rollout_ref.rollout.max_model_len=$((PROMPT_TOKENS + RESPONSE_TOKENS)) \
  actor_rollout_ref.rollout.val_kwargs.do_sample=True \
  actor_rollout_ref.rollout.val_kwargs.temperature=0.6 \
  actor_rollout_ref.rollout.val_kwargs.top_p=0.95 \
  trainer.nnodes="$NODES" \
  trainer.n_gpus_per_node="$GPUS" \
  trainer.total_training_steps="$STEPS" \
  trainer.total_epochs=1000 \
  trainer.val_before_train=True \
  trainer.test_freq="$TEST_FREQ" \
  trainer.save_freq="$SAVE_FREQ" \
  trainer.max_actor_ckpt_to_keep=3 \
  trainer.default_local_dir="$(quoted "$OUT/checkpoints")" \
  trainer.rollout_data_dir="$(quoted "$OUT/rollouts")" \
  trainer.validation_data_dir="$(quoted "$OUT/validation")" \
  trainer.project_name=awpo \
  trainer.experiment_name="$(quoted "$NAME")" \
  trainer.logger="$LOGGER" \
  +ray_kwargs.ray_init.runtime_env.env_vars.VERL_FILE_LOGGER_PATH="$(quoted "$VERL_FILE_LOGGER_PATH")" \
  "$@"
