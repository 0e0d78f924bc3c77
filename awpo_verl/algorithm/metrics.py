"""The `awpo/*` metrics of one train batch, for verl's tracker (docs/metrics.md: how to read them).

A metric that is undefined for a batch is left out of that step. Examples: a correlation without spread, the rescued
share where no group is silent.

verl reduces the metrics of several updates of one step by the words in their names ("min", "max", "mean"; see
MetricsAggregator in verl/trainer/ppo/v1/utils.py). The names follow that.

B = rows (rollouts), N = groups (prompts).
"""

from __future__ import annotations

import torch
from torch import Tensor

from awpo_verl.algorithm.spread import Spread


def method_metrics(
    spread: Spread, gate: Tensor, difficulty: Tensor, advantages: Tensor, advantages_out: Tensor, scale: Tensor
) -> dict[str, float]:
    """What AWPO made of the batch.

    Args:
        spread: the statistics of the groups.
        gate, difficulty: float64 [N].
        advantages, advantages_out: float64 [B], AWPO's and those of the outcome alone.
        scale: float64 [B], the clip scale.
    """
    metrics = {
        "awpo/gate/mean": gate.mean(),
        "awpo/gate/min": gate.min(),
        "awpo/gate/max": gate.max(),
        "awpo/difficulty/mean": difficulty.mean(),
        "awpo/clip_scale": scale.mean(),
    }
    silent = (spread.std_out == 0) & (spread.sizes > 1)
    if silent.any():
        metrics["awpo/rescued_groups_frac"] = (spread.std_mix[silent] > 0).double().mean()
    differs = spread.groups.to_rows(spread.std_out > 0)
    if differs.any():
        conflict = torch.sign(advantages) != torch.sign(advantages_out)
        metrics["awpo/sign_conflict_frac"] = conflict.masked_select(differs).double().mean()
    return {name: float(value) for name, value in metrics.items()}


def reward_metrics(
    outcome: Tensor, unit_outcome: Tensor, reasoning: Tensor, valid: Tensor, sizes: Tensor, std_out: Tensor
) -> dict[str, float]:
    """What the rewards of the batch are. A baseline logs them too, to be compared with AWPO.

    Args:
        outcome, reasoning: float64 [B].
        unit_outcome: float64 [B], the outcome on the scale of its range, so that sources of 0/1 and -1/1 compare.
        valid: bool [B], True where there is a reasoning reward.
        sizes: float64 [N], rows of the group.
        std_out: float64 [N], standard deviation of the outcome; exactly 0 in a silent group.
    """
    metrics = {
        "awpo/outcome/mean": outcome.mean(),
        "awpo/reasoning_valid_frac": valid.double().mean(),
    }
    if valid.any():
        metrics["awpo/reasoning/mean"] = reasoning.masked_select(valid).mean()
    over_batch = correlation(unit_outcome.masked_select(valid), reasoning.masked_select(valid))
    if over_batch is not None:
        metrics["awpo/outcome_reasoning_corr"] = over_batch
    comparable = sizes > 1
    if comparable.any():
        metrics["awpo/dead_groups_frac"] = (std_out[comparable] == 0).double().mean()
    return {name: float(value) for name, value in metrics.items()}


def correlation(x: Tensor, y: Tensor) -> Tensor | None:
    """Pearson correlation, in [-1, 1]; None where x or y is constant. x, y: float64 [B]."""
    x, y = x - x.mean(), y - y.mean()
    norm = torch.sqrt((x * x).sum() * (y * y).sum()) if len(x) > 1 else torch.zeros(())
    return None if norm <= 1e-12 else ((x * y).sum() / norm).clamp(-1.0, 1.0)
