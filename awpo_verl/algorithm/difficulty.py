"""Difficulty-aware weight: how much a group counts, by how often its rollouts succeed.

arXiv 2512.19126 names the mechanism; the closed form is this project's own.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from awpo_verl.config import DifficultyConfig


def parabolic(success: Tensor, config: DifficultyConfig) -> Tensor:
    """d = d_min + (d_max - d_min) * 4 mu (1 - mu): most for half-solved prompts.

    An all-failed or all-solved group still has weight d_min, so the groups that the gate rescues teach.
    """
    return config.d_min + (config.d_max - config.d_min) * 4.0 * success * (1.0 - success)


def none(success: Tensor, config: DifficultyConfig) -> Tensor:
    """d = 1 in every group."""
    return torch.ones_like(success)


# Each takes mu, the groups' mean outcome mapped to [0, 1], float64 [N], and returns d, float64 [N] >= 0.
DIFFICULTIES: dict[str, Callable[[Tensor, DifficultyConfig], Tensor]] = {
    "parabolic": parabolic,
    "none": none,
}
