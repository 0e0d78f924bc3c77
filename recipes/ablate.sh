#!/usr/bin/env bash
# A grid over AWPO's switches and seeds: each run through verl, one after the other, and one table at the end.
#
#   bash recipes/ablate.sh                                          # the variants below, three seeds, Qwen3-4B
#   VARIANTS="awpo no_gate grpo" SEEDS="0 1 2 3 4" bash recipes/ablate.sh [--dry-run] [key=value ...]
#   VARIANTS="awpo strong:algorithm.awpo.reasoning_weight=2" bash recipes/ablate.sh
#
# Stopped or failed, it goes on when it is run again. MODEL, TRAIN_FILE and the recipe's other settings are taken as they
# are. Hardware: the recipe's. Variants: awpo_verl/workbench/ablation/variants.py.
set -euo pipefail

# ------------------------------------------------------------------------------------------------ settings
RECIPE=${RECIPE:-$(dirname "$0")/run_awpo_qwen4b.sh}
VARIANTS=${VARIANTS:-awpo no_gate hard_gate no_difficulty no_clip_shrink naive_mix gdpo grpo}
SEEDS=${SEEDS:-0 1 2}
OUT=${OUT:-outputs/ablation}
METRICS=${METRICS:-val-core/*}             # patterns of the metrics in the table
# ---------------------------------------------------------------------------------------------------------

exec python -m awpo_verl.workbench.ablation.grid \
  --recipe "$RECIPE" --variants "$VARIANTS" --seeds "$SEEDS" --out "$OUT" --metrics "$METRICS" "$@"
