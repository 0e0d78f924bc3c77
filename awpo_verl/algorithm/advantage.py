"""The AWPO advantage: outcome and reasoning, each relative to the group, mixed by the gate and weighted by difficulty.

    m     = o + lambda q                                  mixed reward
    A_out = (o - mean(o)) / (std(o) + eps)                what GRPO uses
    A_mix = (m - mean(m)) / (s + eps)                     s = std(m), or max(std(m), floor) where o is constant
    A     = d * ((1 - w) * A_out + w * A_mix)             w: gate.py, d: difficulty.py

Means and sample standard deviations (ddof = 1) are over the group, the rollouts of one prompt. Degenerate
cases: a group whose o and q are both constant has A = 0 exactly; a group of one rollout has A = o, as verl's GRPO. A
rejected rollout (no response token left) enters nothing, and a group that rejection leaves with one rollout has A = 0.

Mechanisms from the abstract of arXiv 2512.19126; the closed forms are this project's own (docs/method.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from awpo_verl.algorithm.alignment import agreement
from awpo_verl.algorithm.difficulty import DIFFICULTIES
from awpo_verl.algorithm.gate import GATES, Agreement
from awpo_verl.algorithm.groups import EPS, group_center, group_sizes, group_sum, to_rows
from awpo_verl.algorithm.metrics import diagnostics
from awpo_verl.algorithm.policy_loss import clip_scale
from awpo_verl.algorithm.ranges import RowRanges, SeenRanges, fixed_ranges, unit_reasoning
from awpo_verl.algorithm.registry import find, within
from awpo_verl.algorithm.rollouts import Flags, Labels, Numbers, Rollouts, read_rollouts
from awpo_verl.config import AWPOConfig, parse


@dataclass(frozen=True)
class Estimate:
    """What one train batch of B rollouts teaches.

    Attributes:
        advantages: float64 [B], one number a rollout, to be spread over its response tokens.
        clip_scale: float64 [B], in (0, 1], for the policy loss.
        gate: float64 [B], the gate of the row's group, in [0, 1].
        metrics: `awpo/*`, floats; a figure that is undefined for this batch is left out.
    """

    advantages: Tensor
    clip_scale: Tensor
    gate: Tensor
    metrics: dict[str, float]


def estimate(
    outcome: Numbers,
    reasoning: Numbers,
    reasoning_valid: Flags,
    index: Labels,
    config: AWPOConfig | Mapping[str, Any] | None = None,
    norm_by_std: bool = True,
    judged: Flags | None = None,
    rejected: Flags | None = None,
    outcome_range: RowRanges | None = None,
) -> Estimate:
    """AWPO advantages, clip scale and diagnostics of one train batch (METHOD: Advantage, Clipping, Metrics).

    Tensors, NumPy arrays and lists are all taken; the result is on the CPU.

    Args:
        outcome: [B], B >= 1, o_i; finite where not rejected.
        reasoning: [B], q_i, in `config.reasoning_range`; read only where valid. NaN or inf counts as missing. A value
            outside of the range is clipped, and counted in `awpo/reasoning_out_of_range_frac`.
        reasoning_valid: bool [B], True where the scorer answered.
        index: B group labels, equal for the rollouts of one prompt. Rows of padding must not be passed.
        config: the `algorithm.awpo` section, or a mapping of its keys; None: all defaults.
        norm_by_std: False drops both divisions (Dr.GRPO, arXiv 2503.20783).
        judged: bool [B], False where there was no thinking to judge: such a reward is no word of the scorer's, and
            gate.kind=agreement does not hold it against the outcome. None: all that are valid.
        rejected: bool [B], True where no response token is left to train on (rejection sampling). Such a row enters no
            statistic; it has advantage 0, gate 0 and clip scale 1. None: no row is rejected.
        outcome_range: the range of each row's outcome (algorithm/ranges.py). None: `config.outcome_range`, and for
            auto [0, 1], widened by the outcomes of this batch as if one source had scored them all.

    Raises:
        AWPOConfigError: a wrong key or value of the config.
        ValueError: an outcome that is not rejected is NaN or inf (names the groups), the batch is empty, or the shapes
            differ.

    >>> estimate([1, 1, 0, 0], [0.5] * 4, [True] * 4, ["prompt"] * 4, {"clip": {"shrink": 0}}).advantages.tolist()[0]
    1.2990...
    """
    config = parse(config)
    rows = read_rollouts(outcome, reasoning, reasoning_valid, index, judged, rejected)
    ranges = outcome_range or _ranges_of(rows, config)
    kept = ~rows.rejected
    lost_frac = float(rows.rejected.double().mean())
    zeros, ones = torch.zeros_like(rows.outcome), torch.ones_like(rows.outcome)
    if not kept.any():
        return Estimate(zeros, ones, zeros.clone(), {"awpo/rejected_frac": lost_frac})
    alone = to_rows(group_sizes(rows.ids, rows.n_groups) == 1, rows.ids)
    found = _estimate(rows.kept(), alone.masked_select(kept), ranges.select(kept), config, norm_by_std)
    return Estimate(
        advantages=zeros.masked_scatter(kept, found.advantages),
        clip_scale=ones.masked_scatter(kept, found.clip_scale),
        gate=zeros.masked_scatter(kept, found.gate),
        metrics=found.metrics | {"awpo/rejected_frac": lost_frac},
    )


def _ranges_of(rows: Rollouts, config: AWPOConfig) -> RowRanges:
    """The ranges that the config and this batch alone tell."""
    fixed = config.fixed_outcome_range()
    if fixed is not None:
        return fixed_ranges(rows.outcome, fixed)
    return SeenRanges().look(rows.outcome, [""] * len(rows.outcome), counted=~rows.rejected)


def _estimate(rows: Rollouts, alone: Tensor, ranges: RowRanges, config: AWPOConfig, norm_by_std: bool) -> Estimate:
    """The estimate of rows of which none is rejected.

    alone: bool [B], True where the prompt had one rollout from the start, and not because the others were rejected.
    """
    o, ids, n = rows.outcome, rows.ids, rows.n_groups
    sizes = group_sizes(ids, n)
    q, out_of_range = unit_reasoning(rows.reasoning, rows.valid, _pair(config.reasoning_range))
    nonfinite = rows.valid & ~torch.isfinite(q)
    valid = rows.valid & ~nonfinite
    q = fill_missing(q, valid, ids, n)

    o_dev, o_mean, o_std = group_center(o, ids, sizes)
    m_dev, _, m_std = group_center(o + config.reasoning_weight * q, ids, sizes)
    dead = o_std == 0  # the outcome says nothing here; groups of one are handled below
    if norm_by_std:
        m_unit = torch.where(dead, m_std.clamp(min=config.reasoning_std_floor), m_std)
        a_out = o_dev / to_rows(o_std + EPS, ids)
        a_mix = m_dev / to_rows(m_unit + EPS, ids)
    else:
        a_out, a_mix = o_dev, m_dev

    single = sizes == 1
    silent = single | ((o_std == 0) & (m_std == 0))  # nothing to weigh: w = 0, whatever the kind of gate
    unit = ranges.to_unit(o)
    w = _gates(config, o_std, m_std, partial(agreement, unit, q, valid & rows.judged, ids, n)).masked_fill(silent, 0.0)
    d = _difficulties(config, success_rates(o_mean, ranges, ids), o_std).masked_fill(single, 1.0)
    gate = to_rows(w, ids)
    a = to_rows(d, ids) * ((1.0 - gate) * a_out + gate * a_mix)
    a = torch.where(alone, o, a)  # verl's GRPO; a lone survivor has nothing to be compared with, and keeps its 0

    scale = clip_scale(gate, config.clip)
    metrics = diagnostics(
        advantages=a,
        advantages_out=a_out,
        outcome=o,
        unit_outcome=unit,
        reasoning=q,
        valid=valid,
        ids=ids,
        sizes=sizes,
        gate=w,
        difficulty=d,
        std_out=o_std,
        std_mix=m_std,
        scale=scale,
    )
    metrics["awpo/reasoning_nonfinite"] = float(nonfinite.sum())
    metrics["awpo/outcome_out_of_range_frac"] = float(ranges.outside.double().mean())
    if valid.any():
        metrics["awpo/reasoning_out_of_range_frac"] = float(out_of_range.masked_select(valid).double().mean())
    return Estimate(a, scale, gate, metrics)


def _gates(config: AWPOConfig, std_out: Tensor, std_mix: Tensor, agreeing: Agreement) -> Tensor:
    gate_of = find(GATES, "gate.kind", config.gate.kind)
    return within("gate.kind", config.gate.kind, gate_of(std_out, std_mix, agreeing, config.gate), std_out, 1.0)


def _difficulties(config: AWPOConfig, success: Tensor, like: Tensor) -> Tensor:
    weight_of = find(DIFFICULTIES, "difficulty.kind", config.difficulty.kind)
    weights = weight_of(success, config.difficulty)
    return within("difficulty.kind", config.difficulty.kind, weights, like, math.inf)


def success_rates(mean: Tensor, ranges: RowRanges, ids: Tensor) -> Tensor:
    """mu of each group: its mean outcome on the scale of its range, in [0, 1].

    mean: float64 [N]; ranges of B rows; ids: int64 [B]. Rows of a group that have several ranges share the widest.
    """
    low = torch.full_like(mean, math.inf).scatter_reduce(0, ids, ranges.low, "amin")
    high = torch.full_like(mean, -math.inf).scatter_reduce(0, ids, ranges.high, "amax")
    return ((mean - low) / (high - low)).clamp(0.0, 1.0)


def _pair(bounds: Sequence[float]) -> tuple[float, float]:
    return bounds[0], bounds[1]


def fill_missing(q: Tensor, valid: Tensor, ids: Tensor, n_groups: int) -> Tensor:
    """Missing reasoning becomes the mean of the group's valid ones, and 0 where the group has none.

    q: float64 [B]; valid: bool [B]; ids: int64 [B]. Returns float64 [B], all finite.
    """
    known = torch.where(valid, q, torch.zeros_like(q))
    count = group_sum(valid.double(), ids, n_groups)
    mean = group_sum(known, ids, n_groups) / count.clamp(min=1)
    return torch.where(valid, q, to_rows(mean, ids))
