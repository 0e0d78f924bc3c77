"""Variance-aware gate: the share w of a group's advantage that comes from outcome plus reasoning.

    A = (1 - w) * A_out + w * A_mix           w in [0, 1] for each group

The gate reads the spread of both rewards within the group. Where the outcome does not tell the rollouts apart
(std_out -> 0, where GRPO learns nothing), w -> 1 and reasoning decides. A group in which nothing differs has w = 0.

arXiv 2512.19126 names the mechanism. The closed forms are this project's own; `variance_ratio` agrees with second-hand
accounts and has not been checked against the paper's equations (docs/method.md).

To add a kind: write its function here, and add its line to GATES. N = groups (prompts).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from awpo_verl.algorithm.groups import EPS
from awpo_verl.algorithm.spread import Spread
from awpo_verl.config import GateConfig
from awpo_verl.config.kinds import Kind, Kinds


def variance_ratio(spread: Spread, config: GateConfig) -> Tensor:
    """std_mix / (std_out + std_mix + eps). 1 where the outcome is constant, 1/2 where the reasoning is."""
    return spread.std_mix / (spread.std_out + spread.std_mix + EPS)


def fixed(spread: Spread, config: GateConfig) -> Tensor:
    """`value` in every group. 1 is the naive mix of both rewards."""
    return torch.full_like(spread.std_out, config.value)


def hard(spread: Spread, config: GateConfig) -> Tensor:
    """1 where std_out <= `threshold`, else 0. Reasoning counts only where the outcome is (nearly) constant."""
    return (spread.std_out <= config.threshold).to(spread.std_out)


def none(spread: Spread, config: GateConfig) -> Tensor:
    """0 in every group. The outcome alone, as in GRPO."""
    return torch.zeros_like(spread.std_out)


def agreement(spread: Spread, config: GateConfig) -> Tensor:
    """variance_ratio * clip(1 + 2 * concordance, 0, 1). A guard against a scorer that contradicts the outcome.

    The scorer is trusted in full where it agrees with the outcome or where no pair of rollouts tells, and not at all
    from a concordance of -1/2 down. The groups whose outcome is constant learn from the other groups of the batch
    whether the scorer is right. So an advantage depends on the other prompts (invariant I6 does not hold).
    """
    found = spread.concordance
    trust = 1.0 if found is None else min(max(1.0 + 2.0 * found, 0.0), 1.0)
    return trust * variance_ratio(spread, config)


Gate = Callable[[Spread, GateConfig], Tensor]  # returns w, float64 [N], in [0, 1]
GATES: Kinds[Gate] = {
    "variance_ratio": Kind(variance_ratio),
    "fixed": Kind(fixed, reads=("value",)),
    "hard": Kind(hard, reads=("threshold",)),
    "none": Kind(none),
    "agreement": Kind(agreement),
}
