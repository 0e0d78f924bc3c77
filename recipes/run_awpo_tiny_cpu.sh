#!/usr/bin/env bash
# AWPO on the shop task of the demo, on a CPU, with verl's real trainer, Ray, TransferQueue, FSDP2 and vLLM.
#
#   make demo                 prepares the model and the data, runs this, and shows the result
#   ALGO=grpo make demo       the same with GRPO; one key differs
#
# Hardware: 2 cores, 8 GiB. VERL_PLATFORM=cpu sets the keys that a CPU needs (awpo_verl/integration/cpu/config.py).
set -euo pipefail

# ------------------------------------------------------------------------------------------------ settings
MODEL=${MODEL:?the folder of the warm-started model; make demo sets it}
TRAIN_FILE=${TRAIN_FILE:?a parquet of training prompts; make demo sets it}
VAL_FILE=${VAL_FILE:?a parquet of held-out prompts; make demo sets it}
OUT=${OUT:-outputs/demo}          # metrics, dumps, checkpoint
ALGO=${ALGO:-awpo}                # any estimator of verl; awpo implies its loss
NAME=${NAME:-$ALGO-seed${SEED:-0}}    # the run's name in the logger
SEED=${SEED:-0}
GPUS=${GPUS:-1}                   # number of workers; each of them uses the CPU
STEPS=${STEPS:-12}
PROMPTS=${PROMPTS:-12}            # prompts of a step
ROLLOUTS=${ROLLOUTS:-8}           # rollouts of a prompt: the group
UPDATE_PROMPTS=${UPDATE_PROMPTS:-3}   # prompts of an update
PROMPT_TOKENS=${PROMPT_TOKENS:-96}
RESPONSE_TOKENS=${RESPONSE_TOKENS:-96}
LR=${LR:-1e-4}
TEST_FREQ=${TEST_FREQ:-6}         # steps between validations
SAVE_FREQ=${SAVE_FREQ:-$STEPS}
LOGGER=${LOGGER:-[console,file]}
# ---------------------------------------------------------------------------------------------------------

source "$(dirname "${BASH_SOURCE[0]}")/quoted.sh"
# Ray's workers import the desk's environment from the project's folder.
export PYTHONPATH=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)${PYTHONPATH:+:$PYTHONPATH}
export VERL_PLATFORM=cpu HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
executor=vllm.v1.executor.uniproc_executor.UniProcExecutor   # vLLM's worker needs no process of its own
export RAY_ADDRESS=local              # start a Ray of its own, and join no other on this machine
# The tensors are small, so a second thread gains nothing, and threads of a busy machine wait for each other.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
export VLLM_CPU_OMP_THREADS_BIND=${VLLM_CPU_OMP_THREADS_BIND:-nobind}   # vLLM's thread may run on any core
export RAY_worker_niceness=${RAY_worker_niceness:-0}                    # by default Ray's workers give way to others
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
  +actor_rollout_ref.rollout.engine_kwargs.vllm.distributed_executor_backend="$executor" \
  +ray_kwargs.ray_init.include_dashboard=False \
  "$@"
