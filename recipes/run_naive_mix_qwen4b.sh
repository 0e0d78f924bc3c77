#!/usr/bin/env bash
# Baseline: GRPO on the sum of outcome and reasoning reward. It is run_awpo_qwen4b.sh with AWPO's mechanisms off.
#
#   bash recipes/run_naive_mix_qwen4b.sh [--dry-run] [key=value ...]
set -euo pipefail

# ---------------------------------------------------- settings: run_awpo_qwen4b.sh's, with these defaults
export ALGO=awpo
export NAME=${NAME:-naive-mix-qwen4b}
# ---------------------------------------------------------------------------------------------------------

exec bash "$(dirname "$0")/run_awpo_qwen4b.sh" \
  algorithm.awpo.gate.kind=fixed \
  algorithm.awpo.gate.value=1 \
  algorithm.awpo.difficulty.kind=none \
  algorithm.awpo.clip.shrink=0 \
  algorithm.awpo.reasoning_std_floor=0 \
  "$@"
