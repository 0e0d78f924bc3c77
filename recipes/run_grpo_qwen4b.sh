#!/usr/bin/env bash
# Baseline: GRPO on the outcome. It is run_awpo_qwen4b.sh with one other key; the reasoning reward is only logged.
#
#   bash recipes/run_grpo_qwen4b.sh [--dry-run] [key=value ...]
set -euo pipefail

# ---------------------------------------------------- settings: run_awpo_qwen4b.sh's, with this default
export ALGO=grpo
# ---------------------------------------------------------------------------------------------------------

exec bash "$(dirname "$0")/run_awpo_qwen4b.sh" "$@"
