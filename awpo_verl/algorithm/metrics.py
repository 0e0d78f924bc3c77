"""What a run logs about AWPO: numbers with the prefix `awpo/`, for verl's tracker (docs/metrics.md: how to read them).

A figure that is undefined for a batch (a correlation without spread, the rescued share where no group is dead) is
left out of that step, rather than reported as a number that means something else.

verl reduces the metrics of several updates in one step by the words in their names ("min", "max", "mean"; see
verl/trainer/ppo/v1/utils.py, MetricsAggregator), so the names are chosen with that in mind.
"""

from __future__ import annotations

import torch
from torch import Tensor

from awpo_verl.algorithm.groups import to_rows


def diagnostics(
    *,
    advantages: Tensor,
    advantages_out: Tensor,
    outcome: Tensor,
    unit_outcome: Tensor,
    reasoning: Tensor,
    valid: Tensor,
    ids: Tensor,
    sizes: Tensor,
    gate: Tensor,
    difficulty: Tensor,
    std_out: Tensor,
    std_mix: Tensor,
    scale: Tensor,
) -> dict[str, float]:
    """The `awpo/*` metrics of one batch of B rollouts in N groups.

    Args:
        advantages, advantages_out, outcome, reasoning, scale: float64 [B].
        unit_outcome: float64 [B], the outcome on the scale of its range: sources of 0/1 and -1/+1 can be compared.
        valid: bool [B]; ids: int64 [B].
        sizes, gate, difficulty, std_out, std_mix: float64 [N]; a std of exactly 0 means constant.
    """
    metrics = {
        "awpo/gate/mean": gate.mean(),
        "awpo/gate/min": gate.min(),
        "awpo/gate/max": gate.max(),
        "awpo/difficulty/mean": difficulty.mean(),
        "awpo/clip_scale": scale.mean(),
    }
    dead = (std_out == 0) & (sizes > 1)
    if dead.any():
        metrics["awpo/rescued_groups_frac"] = (std_mix[dead] > 0).double().mean()
    told_apart = to_rows(std_out > 0, ids)
    if told_apart.any():
        conflict = torch.sign(advantages) != torch.sign(advantages_out)
        metrics["awpo/sign_conflict_frac"] = conflict.masked_select(told_apart).double().mean()
    found = {name: float(value) for name, value in metrics.items()}
    return found | reward_metrics(outcome, unit_outcome, reasoning, valid, sizes, std_out)


def reward_metrics(
    outcome: Tensor, unit_outcome: Tensor, reasoning: Tensor, valid: Tensor, sizes: Tensor, std_out: Tensor
) -> dict[str, float]:
    """The `awpo/*` metrics that say nothing of AWPO itself, so that a baseline logs them too. Arguments as above."""
    metrics = {
        "awpo/outcome/mean": outcome.mean(),
        "awpo/reasoning_valid_frac": valid.double().mean(),
    }
    if valid.any():
        metrics["awpo/reasoning/mean"] = reasoning.masked_select(valid).mean()
    agreement = correlation(unit_outcome.masked_select(valid), reasoning.masked_select(valid))
    if agreement is not None:
        metrics["awpo/outcome_reasoning_corr"] = agreement
    comparable = sizes > 1
    if comparable.any():
        metrics["awpo/dead_groups_frac"] = (std_out[comparable] == 0).double().mean()
    return {name: float(value) for name, value in metrics.items()}


def correlation(x: Tensor, y: Tensor) -> Tensor | None:
    """Pearson correlation of two [B], in [-1, 1]; None where either has no spread."""
    x, y = x - x.mean(), y - y.mean()
    norm = torch.sqrt((x * x).sum() * (y * y).sum()) if len(x) > 1 else torch.zeros(())
    return None if norm <= 1e-12 else ((x * y).sum() / norm).clamp(-1.0, 1.0)
