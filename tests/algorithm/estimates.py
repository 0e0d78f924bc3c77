"""Estimates of small batches, and verl's own GRPO to compare them with."""

from __future__ import annotations

import numpy as np
import torch
from verl.trainer.ppo.core_algos import compute_grpo_outcome_advantage

from awpo_verl.algorithm import Estimate, estimate
from awpo_verl.config import AWPOConfig
from tests.conftest import config


def awpo(o: torch.Tensor, q: torch.Tensor, labels: list[str], c: AWPOConfig | None = None, **kw: bool) -> Estimate:
    return estimate(o, q, torch.ones(len(o), dtype=torch.bool), labels, c or config(), **kw)


def grpo(o: torch.Tensor, labels: list[str], norm_by_std: bool = True) -> torch.Tensor:
    """verl's GRPO, one token per row; float64, so that a difference is ours and not rounding."""
    rewards = o.double().unsqueeze(-1).clone()
    mask = torch.ones_like(rewards)
    return compute_grpo_outcome_advantage(
        rewards, mask, np.array(labels, dtype=object), norm_adv_by_std_in_grpo=norm_by_std
    )[0].squeeze(-1)


def assert_close(a: torch.Tensor, b: torch.Tensor, tolerance: float = 1e-6) -> None:
    torch.testing.assert_close(a.double(), b.double(), rtol=0, atol=tolerance)
