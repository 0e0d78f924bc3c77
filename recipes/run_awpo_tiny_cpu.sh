#!/usr/bin/env bash
# AWPO on the demo task, on a CPU: verl's trainer, Ray, TransferQueue, FSDP2 and vLLM, nothing mocked.
#
#   make demo                 prepares the model and the data, runs this, and shows what it learned
#   ALGO=grpo make demo       the same with GRPO: one key differs
#
# Hardware: 2 cores, 8 GiB. VERL_PLATFORM=cpu sets the keys that a CPU needs (awpo_verl/integration/cpu/config.py).
set -euo pipefail

# ------------------------------------------------------------------------------------------------ settings
MODEL=${MODEL:?the folder of the warm-started model; make demo sets it}
TRAIN_FILE=${TRAIN_FILE:?a parquet of training prompts; make demo sets it}
VAL_FILE=${VAL_FILE:?a parquet of held-out prompts; make demo sets it}
OUT=${OUT:-outputs/demo}          # metrics, dumps, checkpoint
ALGO=${ALGO:-awpo}                # any verl estimator; awpo brings its loss and its reward manager with it
NAME=${NAME:-$ALGO-seed${SEED:-0}}    # of the run, in the logger
SEED=${SEED:-0}
GPUS=${GPUS:-1}                   # workers, for there are none
STEPS=${STEPS:-12}
PROMPTS=${PROMPTS:-12}            # prompts a step
ROLLOUTS=${ROLLOUTS:-8}           # rollouts a prompt: the group
UPDATE_PROMPTS=${UPDATE_PROMPTS:-3}   # prompts an update
PROMPT_TOKENS=${PROMPT_TOKENS:-96}
RESPONSE_TOKENS=${RESPONSE_TOKENS:-96}
LR=${LR:-1e-4}
TEST_FREQ=${TEST_FREQ:-3}
SAVE_FREQ=${SAVE_FREQ:-$STEPS}
LOGGER=${LOGGER:-[console,file]}
# ---------------------------------------------------------------------------------------------------------

source "$(dirname "${BASH_SOURCE[0]}")/quoted.sh"
export VERL_PLATFORM=cpu HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
export RAY_ADDRESS=local              # a Ray of its own: Ray would join whatever was started on this machine before
export VERL_FILE_LOGGER_PATH="$OUT/metrics.jsonl"

exec awpo-verl train \
  algorithm.adv_estimator="$ALGO" \
  reward.reward_manager.name=awpo \
  data.train_files="$(quoted "$TRAIN_FILE")" \
  data.val_files="$(quoted "$VAL_FILE")" \
  data.train_batch_size="$PROMPTS" \
  data.seed="$SEED" \
  data.max_prompt_length="$PROMPT_TOKENS" \
  data.max_response_length="$RESPONSE_TOKENS" \
  actor_rollout_ref.model.path="$(quoted "$MODEL")" \
  actor_rollout_ref.actor.optim.lr="$LR" \
  actor_rollout_ref.actor.optim.weight_decay=0.0 \
  actor_rollout_ref.actor.ppo_mini_batch_size="$UPDATE_PROMPTS" \
  actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=24 \
  +actor_rollout_ref.actor.fsdp_config.mixed_precision='{param_dtype:fp32,reduce_dtype:fp32,buffer_dtype:fp32}' \
  actor_rollout_ref.actor.checkpoint.save_contents='[model,optimizer,extra,hf_model]' \
  actor_rollout_ref.rollout.name=vllm \
  actor_rollout_ref.rollout.n="$ROLLOUTS" \
  actor_rollout_ref.rollout.seed="$SEED" \
  actor_rollout_ref.rollout.dtype=float32 \
  actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=48 \
  actor_rollout_ref.rollout.max_num_seqs=256 \
  actor_rollout_ref.rollout.val_kwargs.do_sample=True \
  actor_rollout_ref.rollout.val_kwargs.temperature=1.0 \
  trainer.n_gpus_per_node="$GPUS" \
  trainer.total_training_steps="$STEPS" \
  trainer.total_epochs=1000 \
  trainer.val_before_train=True \
  trainer.test_freq="$TEST_FREQ" \
  trainer.save_freq="$SAVE_FREQ" \
  trainer.default_local_dir="$(quoted "$OUT/checkpoints")" \
  trainer.validation_data_dir="$(quoted "$OUT/validation")" \
  trainer.project_name=awpo_demo \
  trainer.experiment_name="$(quoted "$NAME")" \
  trainer.logger="$LOGGER" \
  "$@"
