#!/usr/bin/env bash
# Run a grid of AWPO's variants and seeds through verl, one run after the other, and print one table.
#
#   bash recipes/ablate.sh                                          # the variants below, three seeds, Qwen3-4B
#   VARIANTS="awpo no_gate grpo" SEEDS="0 1 2 3 4" bash recipes/ablate.sh [--dry-run] [key=value ...]
#   VARIANTS="awpo strong:algorithm.awpo.reasoning_weight=2" bash recipes/ablate.sh
#
# Run it again to continue after a stop or a failure. MODEL, TRAIN_FILE and the other settings are the recipe's, and so
# is the hardware. awpo_verl/workbench/ablation/variants.py lists the variants.
set -euo pipefail

# ------------------------------------------------------------------------------------------------ settings
RECIPE=${RECIPE:-$(dirname "$0")/run_awpo_qwen4b.sh}
VARIANTS=${VARIANTS:-awpo no_gate hard_gate no_difficulty no_clip_shrink naive_mix gdpo grpo}
SEEDS=${SEEDS:-0 1 2}
OUT=${OUT:-outputs/ablation}
METRICS=${METRICS:-val-core/*}             # patterns of the table's metrics
# ---------------------------------------------------------------------------------------------------------

exec python -m awpo_verl.workbench.ablation.grid \
  --recipe "$RECIPE" --variants "$VARIANTS" --seeds "$SEEDS" --out "$OUT" --metrics "$METRICS" "$@"
