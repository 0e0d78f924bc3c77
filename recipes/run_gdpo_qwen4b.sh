#!/usr/bin/env bash
# Baseline: verl's GDPO, which normalizes each reward in its group, sums them and whitens the sum over the batch.
# It is run_awpo_qwen4b.sh with two other keys.
#
#   bash recipes/run_gdpo_qwen4b.sh [--dry-run] [key=value ...]
set -euo pipefail

# ---------------------------------------------------- settings: run_awpo_qwen4b.sh's, with this default
export ALGO=gdpo
# ---------------------------------------------------------------------------------------------------------

exec bash "$(dirname "$0")/run_awpo_qwen4b.sh" \
  '+algorithm.gdpo_reward_keys=[outcome,reasoning]' \
  "$@"
