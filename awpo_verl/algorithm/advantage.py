"""The AWPO advantage: outcome and reasoning, each compared within its group, mixed by a gate, weighted by difficulty.

    m     = o + lambda q                                  mixed reward
    A_out = (o - mean(o)) / (std(o) + eps)                GRPO's advantage
    A_mix = (m - mean(m)) / (s + eps)                     s = std(m), or max(std(m), floor) where o is constant
    A     = d * ((1 - w) * A_out + w * A_mix)             w: gate.py, d: difficulty.py

Means and sample standard deviations (ddof = 1) are over the group, the rollouts of one prompt.

Degenerate cases. A group whose o and q are both constant has A = 0 exactly. A group of one rollout has A = o, as in
verl's GRPO. A rejected rollout (no response token left) enters no statistic, and a group that rejection leaves with one
rollout has A = 0.

The mechanisms are from the abstract of arXiv 2512.19126; the closed forms are this project's own (docs/method.md).

B = rows (rollouts), N = groups (prompts).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from awpo_verl.algorithm.difficulty import DIFFICULTIES
from awpo_verl.algorithm.gate import GATES
from awpo_verl.algorithm.groups import EPS, Centered, Groups, Labels
from awpo_verl.algorithm.metrics import method_metrics, reward_metrics
from awpo_verl.algorithm.policy_loss import clip_scale
from awpo_verl.algorithm.ranges import RowRanges, SeenRanges, fixed_ranges, unit_reasoning
from awpo_verl.algorithm.registry import compute_kind
from awpo_verl.algorithm.rollouts import Flags, Numbers, Rollouts, read_rollouts
from awpo_verl.algorithm.spread import Spread
from awpo_verl.config import AWPOConfig, parse


@dataclass(frozen=True)
class Estimate:
    """What one train batch of B rollouts teaches.

    Attributes:
        advantages: float64 [B], one number for each rollout, to be spread over its response tokens.
        clip_scale: float64 [B], in (0, 1], for the policy loss.
        gate: float64 [B], the gate of the row's group, in [0, 1].
        metrics: `awpo/*`, floats; a metric that is undefined for this batch is left out.
    """

    advantages: Tensor
    clip_scale: Tensor
    gate: Tensor
    metrics: dict[str, float]


def estimate(
    outcome: Numbers,
    reasoning: Numbers,
    reasoning_valid: Flags,
    index: Labels | Groups,
    config: AWPOConfig | Mapping[str, object] | None = None,
    norm_by_std: bool = True,
    has_thinking: Flags | None = None,
    rejected: Flags | None = None,
    outcome_range: RowRanges | None = None,
) -> Estimate:
    """AWPO advantages, clip scale and metrics of one train batch (docs/method.md).

    Takes tensors, NumPy arrays and lists. The result is on the CPU.

    Args:
        outcome: [B], B >= 1, o; finite where not rejected.
        reasoning: [B], q, in `config.reasoning_range`; read only where valid. NaN or inf counts as missing. A value
            outside of the range is clipped, and counted in `awpo/reasoning_out_of_range_frac`.
        reasoning_valid: bool [B], True where the scorer answered.
        index: B group labels, equal for the rollouts of one prompt, or their `Groups`. Leave out rows of padding.
        config: the `algorithm.awpo` section, or a mapping of its keys; None: all defaults.
        norm_by_std: False drops both divisions (Dr.GRPO, arXiv 2503.20783).
        has_thinking: bool [B], False without a thinking to score. Such a reward is not the scorer's opinion, so
            gate.kind=agreement leaves it out. None: all rows have thinking.
        rejected: bool [B], True where no response token is left to train on (rejection sampling). Such a row enters no
            statistic, and has advantage 0, gate 0 and clip scale 1. None: no row is rejected.
        outcome_range: the range of each row's outcome (ranges.py). None: `config.outcome_range`; `auto` is then [0, 1],
            widened by the outcomes of this batch as if one source had scored them all.

    Raises:
        AWPOConfigError: a wrong key or value of the config.
        ValueError: an outcome that is not rejected is NaN or inf (names the groups), the batch is empty, or the shapes
            differ.

    >>> estimate([1, 1, 0, 0], [0.5] * 4, [True] * 4, ["prompt"] * 4, {"clip": {"shrink": 0}}).advantages.tolist()[0]
    1.2990...
    """
    config = parse(config)
    rows = read_rollouts(outcome, reasoning, reasoning_valid, index, has_thinking, rejected)
    ranges = outcome_range or _find_ranges(rows, config)
    kept = ~rows.rejected
    rejected_frac = float(rows.rejected.double().mean())
    zeros, ones = torch.zeros_like(rows.outcome), torch.ones_like(rows.outcome)
    if not kept.any():
        return Estimate(zeros, ones, zeros.clone(), {"awpo/rejected_frac": rejected_frac})
    alone = rows.groups.to_rows(rows.groups.sizes == 1).masked_select(kept)
    found = _estimate_kept(rows.select_kept(), alone, ranges.select(kept), config, norm_by_std)
    return Estimate(
        advantages=zeros.masked_scatter(kept, found.advantages),
        clip_scale=ones.masked_scatter(kept, found.clip_scale),
        gate=zeros.masked_scatter(kept, found.gate),
        metrics=found.metrics | {"awpo/rejected_frac": rejected_frac},
    )


def _find_ranges(rows: Rollouts, config: AWPOConfig) -> RowRanges:
    """The outcome ranges, from the config and this batch alone."""
    fixed = config.fixed_outcome_range()
    if fixed is not None:
        return fixed_ranges(rows.outcome, fixed)
    return SeenRanges().observe(rows.outcome, [""] * len(rows.outcome), counted=~rows.rejected)


def _estimate_kept(rows: Rollouts, alone: Tensor, ranges: RowRanges, config: AWPOConfig, norm_by_std: bool) -> Estimate:
    """The estimate of rows of which none is rejected.

    alone: bool [B], True where the prompt had one rollout from the start. Rejection leaves others alone too.
    """
    groups = rows.groups
    q, out_of_range = unit_reasoning(rows.reasoning, rows.valid, config.reasoning_bounds())
    nonfinite = rows.valid & ~torch.isfinite(q)
    valid = rows.valid & ~nonfinite
    q = fill_missing(q, valid, groups)

    o = groups.center(rows.outcome)
    m = groups.center(rows.outcome + config.reasoning_weight * q)
    a_out, a_mix = _normalize(o, m, groups, config.reasoning_std_floor) if norm_by_std else (o.deviation, m.deviation)

    spread = Spread(
        std_out=o.std,
        std_mix=m.std,
        success=success_rates(o.mean, ranges, groups),
        groups=groups,
        outcome=ranges.to_unit(rows.outcome),
        reasoning=q,
        judged=valid & rows.has_thinking,
    )
    single = groups.sizes == 1
    constant = single | ((o.std == 0) & (m.std == 0))  # nothing to weigh: w = 0, whatever the kind of gate
    w = compute_kind(GATES, "gate", spread, config.gate, highest=1.0).masked_fill(constant, 0.0)
    d = compute_kind(DIFFICULTIES, "difficulty", spread, config.difficulty, highest=math.inf).masked_fill(single, 1.0)
    gate = groups.to_rows(w)
    a = groups.to_rows(d) * ((1.0 - gate) * a_out + gate * a_mix)
    a = torch.where(alone, rows.outcome, a)  # verl's GRPO. A rollout that rejection left alone keeps its 0

    scale = clip_scale(gate, config.clip)
    metrics = method_metrics(spread, w, d, a, a_out, scale)
    metrics |= reward_metrics(rows.outcome, spread.outcome, q, valid, groups.sizes, o.std)
    metrics["awpo/reasoning_nonfinite"] = float(nonfinite.sum())
    metrics["awpo/outcome_out_of_range_frac"] = float(ranges.outside.double().mean())
    if valid.any():
        metrics["awpo/reasoning_out_of_range_frac"] = float(out_of_range.masked_select(valid).double().mean())
    return Estimate(a, scale, gate, metrics)


def _normalize(o: Centered, m: Centered, groups: Groups, floor: float) -> tuple[Tensor, Tensor]:
    """A_out and A_mix, float64 [B]. Where o is constant, the unit of m is at least `floor` (`reasoning_std_floor`)."""
    unit = torch.where(o.std == 0, m.std.clamp(min=floor), m.std)
    return o.deviation / groups.to_rows(o.std + EPS), m.deviation / groups.to_rows(unit + EPS)


def success_rates(mean: Tensor, ranges: RowRanges, groups: Groups) -> Tensor:
    """mu of each group: its mean outcome on the scale of its range, float64 [N], in [0, 1].

    Rows of one group that have several ranges share the widest.

    Args:
        mean: float64 [N], the mean outcome of each group.
        ranges: of the B rows.
        groups: of the B rows.
    """
    low = torch.full_like(mean, math.inf).scatter_reduce(0, groups.ids, ranges.low, "amin")
    high = torch.full_like(mean, -math.inf).scatter_reduce(0, groups.ids, ranges.high, "amax")
    return ((mean - low) / (high - low)).clamp(0.0, 1.0)


def fill_missing(q: Tensor, valid: Tensor, groups: Groups) -> Tensor:
    """Replace missing reasoning by the mean of its group's valid ones, or by 0 where the group has none.

    q: float64 [B]; valid: bool [B], True where q is present. Returns float64 [B], all finite.
    """
    known = torch.where(valid, q, torch.zeros_like(q))
    mean = groups.sum(known) / groups.sum(valid.double()).clamp(min=1)
    return torch.where(valid, q, groups.to_rows(mean))
