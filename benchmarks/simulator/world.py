"""A simulated policy and its prompts: thinking is a sequence of yes-or-no decisions with a table of learned logits.

A prompt has 1 (easy), 2 (medium) or 4 (hard) steps. For each step the policy decides to write it or to stop and guess;
a written step is right or wrong. The outcome is 1 if every step is written and right. So this is the demo's task
(examples/demo/shop.py) without the language. The policy has to learn a habit that all prompts share, and some skill. It
starts like the learning benchmark's model.

S = runs (seeds), trained together; P = prompts in a step; G = rollouts of a prompt; K = 4, the largest number of steps.
The tokens of a rollout are its 2 K decisions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

LEVELS = {"easy": 1, "medium": 2, "hard": 4}
K = 4
# P(write 0, 1, ... steps) at the start, like the learning benchmark's model; the last entry is all steps. For hard
# prompts World.complete sets the last two entries.
START = ((0.01, 0.99), (0.40, 0.36, 0.24), (0.45, 0.30, 0.17, 0.08, 0.0))
RIGHT_AT_START = 0.9  # of a written step
CONDITIONS = ("faithful", "noisy", "misaligned")


@dataclass(frozen=True)
class World:
    """The prompts and the judge that a run learns from.

    Attributes:
        levels: levels of the training prompts, in equal shares.
        condition: faithful: the share of the steps written and right. noisy: reversed (1 - q) in `1 - accuracy` of the
            rollouts. misaligned: 1 - the share of the steps written.
        jitter: std of the noise on every q.
        complete: how often all steps of a hard prompt are written at the start, in (0, 0.08).
        pool: number of training prompts, which are drawn again and again.
        prompts, rollouts: P and G of a step.
    """

    levels: tuple[str, ...] = ("easy", "hard")
    condition: str = "faithful"
    accuracy: float = 0.7
    jitter: float = 0.0
    complete: float = 0.001
    pool: int = 480
    prompts: int = 12
    rollouts: int = 8


@dataclass(frozen=True)
class Rollouts:
    """The rollouts of one step.

    Attributes:
        decisions: float [S, P, G, 2 K], 1 for yes.
        made: bool [S, P, G, 2 K], False after the stop.
        prompt: int64 [S, P], index in the pool; level: int64 [S, P], index in LEVELS.
        outcome, reasoning: float64 [S, P, G].
    """

    decisions: Tensor
    made: Tensor
    prompt: Tensor
    level: Tensor
    outcome: Tensor
    reasoning: Tensor


class Policy(torch.nn.Module):
    """Logits of S runs: the start's, plus learned terms for all decisions, for a level, for a step and for a prompt.

    The last dimension is the kind of decision: write, right.
    """

    def __init__(self, runs: int, world: World) -> None:
        super().__init__()
        self.register_buffer("start", _start(world.complete))
        self.common = torch.nn.Parameter(torch.zeros(runs, 1, 1, 2))
        self.of_level = torch.nn.Parameter(torch.zeros(runs, len(LEVELS), 1, 2))
        self.of_step = torch.nn.Parameter(torch.zeros(runs, 1, K, 2))
        self.of_prompt = torch.nn.Parameter(torch.zeros(runs, world.pool, 1, 2))

    def table(self) -> Tensor:
        """Logits on unseen prompts: [S, levels, K, 2]."""
        return self.start + self.common + self.of_level + self.of_step

    def logits(self, prompt: Tensor, level: Tensor) -> Tensor:
        """prompt, level: int64 [S, P]. Returns [S, P, 2 K]: write and right of the first step, of the second, ..."""
        run = torch.arange(len(self.common)).unsqueeze(1)
        return (self.table()[run, level] + self.of_prompt[run, prompt]).flatten(2)

    @torch.no_grad()
    def success(self) -> Tensor:
        """Exact success on unseen prompts: [S, levels]."""
        chance = self.table().sigmoid()
        return torch.stack([chance[:, i, :k].prod(-1).prod(-1) for i, k in enumerate(LEVELS.values())], dim=1)


def habits(complete: float) -> tuple[tuple[float, ...], ...]:
    """START with `World.complete` set for hard prompts."""
    return (*START[:-1], (*START[-1][:-2], START[-1][-2] - complete, complete))


def _start(complete: float) -> Tensor:
    """Logits at the start: [levels, K, 2]."""
    table = torch.zeros(len(LEVELS), K, 2)
    table[..., 1] = torch.logit(torch.tensor(RIGHT_AT_START))
    for i, habit in enumerate(habits(complete)):
        shares = torch.tensor(habit)
        for j in range(len(habit) - 1):
            table[i, j, 0] = torch.logit(shares[j + 1 :].sum() / shares[j:].sum())
    return table


@torch.no_grad()
def roll_out(policy: Policy, world: World, random: torch.Generator) -> Rollouts:
    """Sample the rollouts of a step and their rewards."""
    runs = len(policy.common)
    prompt = torch.rand(runs, world.pool, generator=random).argsort(1)[:, : world.prompts]
    level = torch.tensor([list(LEVELS).index(name) for name in world.levels])[prompt % len(world.levels)]
    chance = policy.logits(prompt, level).sigmoid().unsqueeze(2).expand(-1, -1, world.rollouts, -1)
    yes = torch.rand(chance.shape, generator=random) < chance
    write, right = yes[..., 0::2], yes[..., 1::2]

    steps = torch.tensor(list(LEVELS.values()))[level].unsqueeze(2)  # [S, P, 1]
    asked = torch.arange(K) < steps.unsqueeze(3)
    written = (write & asked).long().cumprod(-1).bool()
    reached = torch.cat([torch.ones_like(written[..., :1]), written[..., :-1]], dim=-1) & asked
    good = (written & right).sum(-1)
    share, shown = good.double() / steps, written.sum(-1).double() / steps
    return Rollouts(
        decisions=yes.float(),
        made=torch.stack([reached, written], dim=-1).flatten(3),
        prompt=prompt,
        level=level,
        outcome=(good == steps).double(),
        reasoning=_judge(world, share, shown, random),
    )


def _judge(world: World, share: Tensor, shown: Tensor, random: torch.Generator) -> Tensor:
    """The reasoning reward. share: of the steps written and right; shown: of the steps written; [S, P, G]."""
    wrong = torch.rand(share.shape, generator=random) >= world.accuracy
    noise = world.jitter * torch.randn(share.shape, generator=random, dtype=torch.float64)
    q = {
        "faithful": share,
        "noisy": torch.where(wrong, 1.0 - share, share),
        "misaligned": 1.0 - shown,
    }[world.condition]
    return (q + noise).clamp(0.0, 1.0)
