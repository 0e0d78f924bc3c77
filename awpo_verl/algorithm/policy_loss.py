"""Tailored clipping: a smaller trust region where reasoning has more say.

    c    = 1 / (1 + eta * w)                                            clip scale of a row, in (0, 1]
    loss = max(-A r, -A clip(r, 1 - c low, 1 + c high)),  for A < 0 at most -A clip_ratio_c       r = pi / pi_old

The loss is verl's dual-clip PPO objective (arXiv 1912.09729) with the row's own clip range; eta = 0 (`clip.shrink`)
makes it verl's `vanilla`. The scale is computed once for the whole train batch, before mini- and micro-batches are cut,
so the update does not depend on the cut.

arXiv 2512.19126 names the mechanism; the closed form is this project's own (docs/method.md).

B = rows (rollouts), T = response tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor

from awpo_verl.config import ClipConfig


def clip_scale(gate: Tensor, config: ClipConfig) -> Tensor:
    """Scale of each row's clip range.

    Args:
        gate: float64 [B], the gate w of each row, in [0, 1]; without rows of padding.
        config: `shrink` (eta >= 0) and `scope`: "batch" takes the mean of w over the rows, "sequence" the row's own.

    Returns:
        float64 [B], in (0, 1]; 1 everywhere for shrink = 0.
    """
    w = gate if config.scope == "sequence" else gate.mean().expand_as(gate)
    return 1.0 / (1.0 + config.shrink * w)


def clipped_surrogate(
    ratio: Tensor,
    advantages: Tensor,
    scale: Tensor,
    clip_ratio_low: float,
    clip_ratio_high: float,
    clip_ratio_c: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """The loss of each token, to be minimised.

    With scale = 1 every value and gradient equals verl's `vanilla` (core_algos.compute_policy_loss_vanilla) bit for
    bit: the bounds are computed in float64 and rounded once, as a Python float is. A clipped token has no gradient, so
    the clipped branch stays out of the graph. That pays for the bounds of each row.

    Args:
        ratio: [B, T], pi / pi_old, > 0.
        advantages: [B, T].
        scale: [B], in (0, 1], from `clip_scale`.
        clip_ratio_low, clip_ratio_high: the clip range before it is scaled, each >= 0.
        clip_ratio_c: > 1, bounds the loss of tokens with a negative advantage.

    Returns:
        losses: [B, T]; clipped: bool [B, T], True where the clip range took effect; clipped_lower: bool [B, T], True
        where the dual clip did.
    """
    scale = scale.to(torch.float64).unsqueeze(-1)
    low = (1.0 - clip_ratio_low * scale).to(ratio.dtype)
    high = (1.0 + clip_ratio_high * scale).to(ratio.dtype)
    negated = -advantages
    unclipped = negated * ratio
    with torch.no_grad():
        clipped = negated * torch.clamp(ratio, low, high)
        is_clipped = clipped > unclipped
        bound = torch.where(advantages < 0, negated * clip_ratio_c, torch.inf)
    pessimistic = torch.where(is_clipped, clipped, unclipped)
    return torch.min(bound, pessimistic), is_clipped, pessimistic.detach() > bound
