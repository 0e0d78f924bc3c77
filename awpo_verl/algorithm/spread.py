"""Spread: what a gate and a difficulty weight may read of a batch.

    std_out = std(o)    std_mix = std(o + lambda q)    std_reasoning = std(q)    success = mean outcome in [0, 1]

All of them are per group; `concordance` is over the batch. A spread of exactly 0 means that the reward is constant in
the group. What not every kind needs is computed when it is read first.

B = rows (rollouts), N = groups (prompts).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from awpo_verl.algorithm.concordance import concordance
from awpo_verl.algorithm.groups import Groups


@dataclass(frozen=True)
class Spread:
    """How the rewards of one train batch are spread, group by group.

    Attributes:
        std_out: float64 [N] >= 0, sample standard deviation of the outcome.
        std_mix: float64 [N] >= 0, sample standard deviation of outcome + reasoning_weight * reasoning.
        success: float64 [N], the mean outcome on the scale of its range, in [0, 1].
        groups: the group of each row.
        outcome: float64 [B], on the scale where its range is [0, 1]; not clipped.
        reasoning: float64 [B], in [0, 1]; a missing one is the mean of its group.
        judged: bool [B], True where the reasoning reward is the scorer's opinion of a thinking, so not where either is
            missing.
    """

    std_out: Tensor
    std_mix: Tensor
    success: Tensor
    groups: Groups
    outcome: Tensor
    reasoning: Tensor
    judged: Tensor

    @property
    def sizes(self) -> Tensor:
        """float64 [N], the rollouts of each group."""
        return self.groups.sizes

    @cached_property
    def std_reasoning(self) -> Tensor:
        """float64 [N] >= 0, sample standard deviation of the reasoning reward."""
        return self.groups.center(self.reasoning).std

    @cached_property
    def concordance(self) -> float | None:
        """How far reasoning orders the rollouts as the outcome does, in [-1, 1]; None where no pair of them tells."""
        return concordance(self.outcome, self.reasoning, self.judged, self.groups.ids)
