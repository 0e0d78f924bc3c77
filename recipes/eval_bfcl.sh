#!/usr/bin/env bash
# A checkpoint against BFCL v4: the official bfcl-eval, the model served by vLLM. docs/evaluation.md explains the table.
#
#   MODEL=outputs/run/global_step_100/actor bash recipes/eval_bfcl.sh
#   MODEL=... OUT=outputs/bfcl/awpo BASELINE=outputs/bfcl/grpo bash recipes/eval_bfcl.sh     differences, paired by entry
#   MODEL=... LIMIT=20 bash recipes/eval_bfcl.sh                                             20 entries a category
#   MODEL=... bash recipes/eval_bfcl.sh --dry-run                                            what it would do
#
# Hardware: what vLLM needs for the model. On a CPU: VLLM_CPU_KVCACHE_SPACE=2 VLLM_ARGS=--enforce-eager, and a LIMIT.
# The same command again goes on where it stopped.
set -euo pipefail

# ------------------------------------------------------------------------------------------------ settings
MODEL=${MODEL:?a checkpoint: a Hugging Face folder or hub id, or a folder of verl (global_step_N or its actor folder)}
OUT=${OUT:-outputs/bfcl/$(tr -s "/." _ <<<"${MODEL#/}")}   # answers, scores, logs, bfcl.md, bfcl.json
BASELINE=${BASELINE:-}            # another run's OUT, to compare with
LABEL=${LABEL:-}                  # the run's name in the report; MODEL if empty
CATEGORIES=${CATEGORIES:-non_live live multi_turn}   # BFCL's groups or categories
LIMIT=${LIMIT:-0}                 # entries a category, evenly spread; 0: all
HANDLER=${HANDLER:-qwen-fc}       # how BFCL asks: qwen-fc, qwen, openai-fc, openai, or the name of a model in BFCL
TEMPERATURE=${TEMPERATURE:-0.001} # BFCL's own
MAX_NEW_TOKENS=${MAX_NEW_TOKENS:-}   # a cap on each answer; empty: BFCL's own (4096 for the qwen handlers)
THREADS=${THREADS:-100}           # requests at a time
BASE_URL=${BASE_URL:-}            # an OpenAI endpoint that serves the model already (http://host:port/v1); empty: vLLM is started
PORT=${PORT:-}                    # empty: a free one
TP=${TP:-1}                       # GPUs to split the model over
VLLM_ARGS=${VLLM_ARGS:-}          # more for vLLM, such as --max-model-len 32768
START_SECONDS=${START_SECONDS:-1800}   # how long vLLM may take to start
BFCL_VENV=${BFCL_VENV:-outputs/.bfcl-venv}   # bfcl-eval's own environment, made if it is not there
# ---------------------------------------------------------------------------------------------------------

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

exec python -m awpo_verl.workbench.bfcl.evaluate \
  --model "$MODEL" \
  --out "$OUT" \
  --baseline "$BASELINE" \
  --label "$LABEL" \
  --categories "$CATEGORIES" \
  --limit "$LIMIT" \
  --handler "$HANDLER" \
  --temperature "$TEMPERATURE" \
  --max-new-tokens "$MAX_NEW_TOKENS" \
  --threads "$THREADS" \
  --base-url "$BASE_URL" \
  --port "$PORT" \
  --tp "$TP" \
  --vllm-args="$VLLM_ARGS" \
  --start-seconds "$START_SECONDS" \
  --bfcl-venv "$BFCL_VENV" \
  --requirements "$HERE/requirements/bfcl.txt" \
  "$@"
