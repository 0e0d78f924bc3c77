"""The clip scale by hand, and the surrogate with a radius per row."""

from __future__ import annotations

import pytest
import torch

from awpo_verl.algorithm import clip_scale, clipped_surrogate
from awpo_verl.config import ClipConfig


def test_scale_by_hand() -> None:
    gate = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    # batch: w = 0.5, c = 1 / (1 + 0.2 * 0.5) = 1/1.1; sequence: 1, 1/1.1, 1/1.2
    assert clip_scale(gate, ClipConfig(shrink=0.2)).tolist() == pytest.approx([1 / 1.1] * 3)
    assert clip_scale(gate, ClipConfig(shrink=0.2, scope="sequence")).tolist() == pytest.approx([1, 1 / 1.1, 1 / 1.2])
    assert clip_scale(gate, ClipConfig(shrink=0.0)).tolist() == [1.0, 1.0, 1.0]


def test_each_row_is_clipped_at_its_own_radius() -> None:
    # clip_ratio 0.2, scales 1 and 0.5: ratio 1.15 is inside [0.8, 1.2], and over 1.1 in the second row
    ratio = torch.tensor([[1.15], [1.15]])
    losses, clipped, lower = clipped_surrogate(ratio, torch.ones(2, 1), torch.tensor([1.0, 0.5]), 0.2, 0.2, 3.0)
    assert losses.flatten().tolist() == pytest.approx([-1.15, -1.1])
    assert clipped.flatten().tolist() == [False, True]
    assert not lower.any()


def test_low_and_high_radius_are_scaled_apart() -> None:
    # scale 0.5: [1 - 0.5 * 0.2, 1 + 0.5 * 0.4] = [0.9, 1.2]
    ratio = torch.tensor([[0.85, 1.15, 1.25]])
    losses, _, _ = clipped_surrogate(ratio, torch.tensor([[-1.0, 1.0, 1.0]]), torch.tensor([0.5]), 0.2, 0.4, 3.0)
    assert losses.flatten().tolist() == pytest.approx([0.9, -1.15, -1.2])


def test_dual_clip_bounds_the_loss_of_a_negative_advantage() -> None:
    # ratio 10, A = -1: -A * ratio = 10, bound -A * 3 = 3
    losses, _, lower = clipped_surrogate(torch.tensor([[10.0]]), torch.tensor([[-1.0]]), torch.ones(1), 0.2, 0.2, 3.0)
    assert losses.item() == 3.0
    assert lower.item()
