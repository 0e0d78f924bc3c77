"""Difficulty-aware weight: how much a group counts, by the success rate mu of its rollouts.

    A = d * (...)           d >= 0 for each group

`parabolic` weighs a half-solved group most. An all-failed or all-solved group keeps the weight d_min > 0, so that the
groups that the gate opens (mu = 0 or 1) still teach.

arXiv 2512.19126 names the mechanism; the closed form is this project's own (docs/method.md).

To add a kind: write its function here, and add its line to DIFFICULTIES. N = groups (prompts).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from awpo_verl.algorithm.spread import Spread
from awpo_verl.config import DifficultyConfig
from awpo_verl.config.kinds import Kind, Kinds


def parabolic(spread: Spread, config: DifficultyConfig) -> Tensor:
    """`d_min` + (`d_max` - `d_min`) * 4 mu (1 - mu). A half-solved group counts most."""
    return config.d_min + (config.d_max - config.d_min) * 4.0 * spread.success * (1.0 - spread.success)


def none(spread: Spread, config: DifficultyConfig) -> Tensor:
    """1 in every group."""
    return torch.ones_like(spread.success)


Difficulty = Callable[[Spread, DifficultyConfig], Tensor]  # returns d, float64 [N], >= 0
DIFFICULTIES: Kinds[Difficulty] = {
    "parabolic": Kind(parabolic, reads=("d_min", "d_max")),
    "none": Kind(none),
}
