"""The AWPO advantage: outcome and reasoning, each relative to the group, mixed by the gate and weighted by difficulty.

    m     = o + lambda q                                  mixed reward
    A_out = (o - mean(o)) / (std(o) + eps)                what GRPO uses
    A_mix = (m - mean(m)) / (s + eps)                     s = std(m), or max(std(m), floor) where o is constant
    A     = d * ((1 - w) * A_out + w * A_mix)             w: gate.py, d: difficulty.py

Means and sample standard deviations (ddof = 1) are over the group, the rollouts of one prompt. Degenerate
cases: a group whose o and q are both constant has A = 0 exactly; a group of one rollout has A = o, as verl's GRPO.

Mechanisms from the abstract of arXiv 2512.19126; the closed forms are this project's own (docs/method.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from awpo_verl.algorithm.alignment import agreement
from awpo_verl.algorithm.difficulty import DIFFICULTIES
from awpo_verl.algorithm.gate import GATES
from awpo_verl.algorithm.groups import EPS, group_center, group_ids, group_sizes, group_sum
from awpo_verl.algorithm.kinds import find, within
from awpo_verl.algorithm.metrics import diagnostics
from awpo_verl.algorithm.policy_loss import clip_scale
from awpo_verl.config import AWPOConfig


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
    outcome: Tensor,
    reasoning: Tensor,
    reasoning_valid: Tensor,
    index: Sequence[object] | np.ndarray,
    config: AWPOConfig,
    norm_by_std: bool = True,
    judged: Tensor | None = None,
) -> Estimate:
    """AWPO advantages, clip scale and diagnostics of one train batch (METHOD: Advantage, Clipping, Metrics).

    Args:
        outcome: [B], o_i; finite, within `config.outcome_range` for the difficulty weight to mean something.
        reasoning: [B], q_i; read only where valid. NaN or inf counts as missing.
        reasoning_valid: bool [B], True where the scorer answered.
        index: B group labels, equal for the rollouts of one prompt. Rows of padding must not be passed.
        config: the `algorithm.awpo` section.
        norm_by_std: False drops both divisions (Dr.GRPO, arXiv 2503.20783).
        judged: bool [B], False where there was no thinking to judge: such a reward is no word of the scorer's, and
            gate.kind=agreement does not hold it against the outcome. None: all that are valid.

    Raises:
        ValueError: an outcome is NaN or inf (names the groups), or the shapes differ.
    """
    _check_shapes(outcome, reasoning, reasoning_valid, index)
    o, q = outcome.double(), reasoning.double()
    _check_outcome(o, index)
    ids, n = group_ids(index)
    sizes = group_sizes(ids, n)

    nonfinite = reasoning_valid & ~torch.isfinite(q)
    valid = reasoning_valid & ~nonfinite
    q = fill_missing(q, valid, ids, n)

    o_dev, o_mean, o_std = group_center(o, ids, sizes)
    m_dev, _, m_std = group_center(o + config.reasoning_weight * q, ids, sizes)
    dead = o_std == 0  # the outcome says nothing here; groups of one are handled below
    if norm_by_std:
        m_unit = torch.where(dead, m_std.clamp(min=config.reasoning_std_floor), m_std)
        a_out = o_dev / (o_std + EPS)[ids]
        a_mix = m_dev / (m_unit + EPS)[ids]
    else:
        a_out, a_mix = o_dev, m_dev

    low, high = config.outcome_range
    single = sizes == 1
    silent = single | ((o_std == 0) & (m_std == 0))  # nothing to weigh: w = 0, whatever the kind of gate
    agreeing = partial(agreement, o, q, valid if judged is None else valid & judged, ids, n)
    gate_of = find(GATES, "gate.kind", config.gate.kind)
    w = gate_of(o_std, m_std, agreeing, config.gate)
    w = within("gate.kind", config.gate.kind, w, o_std, 1.0).masked_fill(silent, 0.0)
    success = ((o_mean - low) / (high - low)).clamp(0.0, 1.0)
    weight_of = find(DIFFICULTIES, "difficulty.kind", config.difficulty.kind)
    d = weight_of(success, config.difficulty)
    d = within("difficulty.kind", config.difficulty.kind, d, o_std, math.inf).masked_fill(single, 1.0)
    gate = w[ids]
    a = d[ids] * ((1.0 - gate) * a_out + gate * a_mix)
    a = torch.where(single[ids], o, a)

    scale = clip_scale(gate, config.clip)
    metrics = diagnostics(
        advantages=a,
        advantages_out=a_out,
        outcome=o,
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
    metrics["awpo/outcome_out_of_range_frac"] = float(((o < low - EPS) | (o > high + EPS)).double().mean())
    return Estimate(a, scale, gate, metrics)


def fill_missing(q: Tensor, valid: Tensor, ids: Tensor, n_groups: int) -> Tensor:
    """Missing reasoning becomes the mean of the group's valid ones, and 0 where the group has none.

    q: float64 [B]; valid: bool [B]; ids: int64 [B]. Returns float64 [B], all finite.
    """
    known = torch.where(valid, q, torch.zeros_like(q))
    count = group_sum(valid.double(), ids, n_groups)
    mean = group_sum(known, ids, n_groups) / count.clamp(min=1)
    return torch.where(valid, q, mean[ids])


def _check_shapes(outcome: Tensor, reasoning: Tensor, valid: Tensor, index: Sequence[object] | np.ndarray) -> None:
    shapes = {"outcome": outcome.shape, "reasoning": reasoning.shape, "reasoning_valid": valid.shape}
    if outcome.ndim != 1 or len(set(shapes.values())) != 1 or len(index) != len(outcome):
        given = ", ".join(f"{name} {tuple(shape)}" for name, shape in shapes.items())
        raise ValueError(
            f"AWPO needs one outcome, reasoning, reasoning_valid and group label for each row, all of shape [B]: "
            f"got {given}, {len(index)} labels."
        )
    if valid.dtype != torch.bool:
        raise ValueError(f"reasoning_valid must be a bool tensor (True = the scorer answered), got {valid.dtype}.")


def _check_outcome(o: Tensor, index: Sequence[object] | np.ndarray) -> None:
    bad = [int(i) for i in (~torch.isfinite(o)).nonzero().flatten()]
    if bad:
        shown = ", ".join(f"row {i} (uid {index[i]}): {o[i].item()}" for i in bad[:5])
        raise ValueError(
            f"The outcome reward of {len(bad)} of {len(o)} rollouts is not a finite number: {shown}. An outcome is "
            "what the policy is trained on, so it cannot be guessed: make the outcome checker or your "
            "custom_reward_function return a finite float for every rollout."
        )
