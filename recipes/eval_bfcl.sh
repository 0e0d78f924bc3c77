#!/usr/bin/env bash
# Evaluate a checkpoint on BFCL v4 with the official bfcl-eval. vLLM serves the model. docs/evaluation.md explains it.
#
#   MODEL=outputs/run/global_step_100/actor bash recipes/eval_bfcl.sh
#   MODEL=... OUT=outputs/bfcl/awpo BASELINE=outputs/bfcl/grpo bash recipes/eval_bfcl.sh     compare two runs
#   MODEL=... LIMIT=20 bash recipes/eval_bfcl.sh                                             20 of each category
#   MODEL=... bash recipes/eval_bfcl.sh --dry-run                                            print the plan
#
# Hardware: what vLLM needs for the model. On a CPU use VLLM_CPU_KVCACHE_SPACE=2 VLLM_ARGS=--enforce-eager and a LIMIT.
# Run the same command again to continue after a stop.
set -euo pipefail

# ------------------------------------------------------------------------------------------------ settings
MODEL=${MODEL:?a checkpoint: a Hugging Face folder or hub id, or a folder of verl (global_step_N or its actor folder)}
OUT=${OUT:-outputs/bfcl/$(tr -s "/." _ <<<"${MODEL#/}")}   # answers, scores, logs, bfcl.md, bfcl.json
BASELINE=${BASELINE:-}            # OUT of the run to compare with, paired by entry
LABEL=${LABEL:-}                  # the run's name in the report; empty: MODEL
CATEGORIES=${CATEGORIES:-non_live live multi_turn}   # BFCL's groups or categories
LIMIT=${LIMIT:-0}                 # entries of each category, evenly spread; 0: all
HANDLER=${HANDLER:-qwen-fc}       # BFCL's prompt and parser: qwen-fc, qwen, openai-fc, openai, or a model of BFCL
TEMPERATURE=${TEMPERATURE:-0.001} # BFCL's default
MAX_NEW_TOKENS=${MAX_NEW_TOKENS:-}   # limit of an answer; empty: BFCL's default (4096 for the qwen handlers)
THREADS=${THREADS:-100}           # concurrent requests
BASE_URL=${BASE_URL:-}            # an OpenAI endpoint that serves the model (http://host:port/v1); empty: start vLLM
PORT=${PORT:-}                    # empty: a free one
TP=${TP:-1}                       # GPUs that share the model
VLLM_ARGS=${VLLM_ARGS:-}          # more arguments for vLLM, such as --max-model-len 32768
START_SECONDS=${START_SECONDS:-1800}   # time limit of vLLM's start
BFCL_VENV=${BFCL_VENV:-outputs/.bfcl-venv}   # bfcl-eval's virtual environment; created where it is missing
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
