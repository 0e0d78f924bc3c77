"""Variance-aware gate: how much of a group's advantage comes from outcome plus reasoning, instead of outcome alone.

The gate w is in [0, 1] for each group: A = (1 - w) * A_out + w * A_mix. Its input is the spread that the
outcome and the mixed reward have inside the group: where the outcome does not tell the rollouts apart
(std_out -> 0, a dead group for GRPO), w -> 1 and reasoning decides.

arXiv 2512.19126 names the mechanism; this closed form agrees with second-hand accounts of it, and has not
been checked against the paper's equations.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from awpo_verl.algorithm.groups import EPS
from awpo_verl.config import GateConfig

# Computes how far the batch's reasoning and outcome agree, in [-1, 1]; None where nothing tells (alignment.py).
Agreement = Callable[[], float | None]


def variance_ratio(std_out: Tensor, std_mix: Tensor, agreement: Agreement, config: GateConfig) -> Tensor:
    """w = std_mix / (std_out + std_mix + eps). Both spreads 0: w = 0. Reasoning constant: w = 1/2."""
    return std_mix / (std_out + std_mix + EPS)


def fixed(std_out: Tensor, std_mix: Tensor, agreement: Agreement, config: GateConfig) -> Tensor:
    """w = gate.value in every group. gate.value = 1 is the naive mix of both rewards."""
    return torch.full_like(std_out, config.value)


def hard(std_out: Tensor, std_mix: Tensor, agreement: Agreement, config: GateConfig) -> Tensor:
    """w = 1 where std_out <= gate.threshold, else 0: reasoning only where the outcome is (nearly) silent."""
    return (std_out <= config.threshold).to(std_out.dtype)


def none(std_out: Tensor, std_mix: Tensor, agreement: Agreement, config: GateConfig) -> Tensor:
    """w = 0: the outcome alone, as GRPO."""
    return torch.zeros_like(std_out)


def trusted_ratio(std_out: Tensor, std_mix: Tensor, agreement: Agreement, config: GateConfig) -> Tensor:
    """variance_ratio, times how far the reasoning reward is to be trusted: clip(1 + 2 agreement, 0, 1).

    Trusted in full where it agrees with the outcome or nothing is known, not at all from an agreement of -1/2 down. A
    group without outcome says nothing of its scorer, the other groups of the batch do. So this gate is no function of
    the group alone (METHOD's I6 does not hold), and it is not the default.
    """
    agreeing = agreement()
    trust = 1.0 if agreeing is None else min(max(1.0 + 2.0 * agreeing, 0.0), 1.0)
    return trust * variance_ratio(std_out, std_mix, agreement, config)


# Each takes std_out and std_mix, float64 [N] >= 0, and what gives the batch's agreement, and returns w, float64 [N] in
# [0, 1].
GATES: dict[str, Callable[[Tensor, Tensor, Agreement, GateConfig], Tensor]] = {
    "variance_ratio": variance_ratio,
    "fixed": fixed,
    "hard": hard,
    "none": none,
    "agreement": trusted_ratio,
}
