"""Train many seeds at once with the plugin's own estimator, clip scale and loss on the simulated policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from awpo_verl.algorithm import clipped_surrogate, estimate
from awpo_verl.config import AWPOConfig
from benchmarks.simulator.world import Policy, Rollouts, World, roll_out

CLIP_RATIO, CLIP_RATIO_C = 0.2, 3.0  # verl's defaults


@dataclass(frozen=True)
class Training:
    """Length and speed of a training. updates: mini-batches per step, each with prompts / updates prompts."""

    steps: int = 24
    updates: int = 4
    lr: float = 0.05


def train(world: World, config: AWPOConfig, training: Training, seeds: int, first_seed: int = 0) -> Tensor:
    """Train `seeds` policies. Returns their exact success on unseen prompts, [steps + 1, seeds, levels]."""
    random = torch.Generator().manual_seed(first_seed)
    policy = Policy(seeds, world)
    optimizer = torch.optim.Adam(policy.parameters(), lr=training.lr)
    curve = [policy.success()]
    for _ in range(training.steps):
        rolled = roll_out(policy, world, random)
        advantages, scale = _estimates(rolled, config)
        with torch.no_grad():
            old = _log_prob(policy, rolled)
        order = torch.rand(rolled.prompt.shape, generator=random).argsort(1)
        for chosen in order.chunk(training.updates, dim=1):
            optimizer.zero_grad()
            _loss(policy, rolled, old, advantages, scale, chosen).backward()
            optimizer.step()
        curve.append(policy.success())
    return torch.stack(curve)


def _estimates(rolled: Rollouts, config: AWPOConfig) -> tuple[Tensor, Tensor]:
    """Advantages and clip scales, each float64 [S, P, G]. Each run is its own batch."""
    runs, prompts, size = rolled.outcome.shape
    index = np.repeat(np.arange(prompts), size)
    valid = torch.ones(prompts * size, dtype=torch.bool)
    found = [
        estimate(o.flatten(), q.flatten(), valid, index, config)
        for o, q in zip(rolled.outcome, rolled.reasoning, strict=True)
    ]
    shape = (runs, prompts, size)
    return torch.stack([e.advantages for e in found]).view(shape), torch.stack([e.clip_scale for e in found]).view(
        shape
    )


def _log_prob(policy: Policy, rolled: Rollouts) -> Tensor:
    """Log-probability of each decision: [S, P, G, 2 K]."""
    logits = policy.logits(rolled.prompt, rolled.level).unsqueeze(2).expand_as(rolled.decisions)
    return -torch.nn.functional.binary_cross_entropy_with_logits(logits, rolled.decisions, reduction="none")


def _loss(policy: Policy, rolled: Rollouts, old: Tensor, advantages: Tensor, scale: Tensor, chosen: Tensor) -> Tensor:
    """Mean loss over a run's decisions (verl's token-mean), summed over runs. chosen: int64 [S, p], prompts."""
    run = torch.arange(len(chosen)).unsqueeze(1)
    ratio = (_log_prob(policy, rolled) - old)[run, chosen].exp()
    made = rolled.made[run, chosen]
    spread = advantages[run, chosen].float().unsqueeze(-1).expand_as(ratio)
    losses, _, _ = clipped_surrogate(
        ratio.flatten(0, 2), spread.flatten(0, 2), scale[run, chosen].flatten(), CLIP_RATIO, CLIP_RATIO, CLIP_RATIO_C
    )
    return ((losses.view_as(ratio) * made).sum((1, 2, 3)) / made.sum((1, 2, 3))).sum()
