"""Concordance: how far the reasoning rewards of a batch order its rollouts as the outcomes do.

    concordance = (concordant - discordant) / (concordant + discordant)       Goodman and Kruskal's gamma, in [-1, 1]

A pair of rollouts is concordant if the one with the better outcome has the higher reasoning reward, and discordant if
it has the lower one. A pair that is equal in either reward does not count. Without any such pair there is no
concordance (None). Unlike a correlation it does not shrink where successes are rare, which is where the gate needs it.

B = rows (rollouts).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module

import numpy as np
import torch
from torch import Tensor

from awpo_verl.algorithm.groups import TOL

MIN_PAIRS = 8  # within groups; fewer are chance


@dataclass(frozen=True)
class PairCounts:
    """Pairs of rollouts that differ in both rewards: concordant less discordant ones, and both together."""

    balance: float
    pairs: int

    @property
    def concordance(self) -> float:
        return self.balance / self.pairs


def concordance(outcome: Tensor, reasoning: Tensor, judged: Tensor, ids: Tensor) -> float | None:
    """The higher concordance of two views: over the batch, and within groups if these have MIN_PAIRS pairs or more.

    Over the batch alone a good scorer can look wrong: hard prompts fail, and have the longer thinking. Values that
    differ by less than TOL are equal, as in the statistics of the groups.

    Args:
        outcome, reasoning: float64 [B], finite.
        judged: bool [B], True where the reasoning reward is the scorer's opinion of a thinking.
        ids: int64 [B], the row's group.
    """
    o, q = (outcome[judged] / TOL).round(), (reasoning[judged] / TOL).round()
    batch = _count_all_pairs(o, q)
    if not batch.pairs:
        return None
    in_groups = _count_pairs_in_groups(o, q, ids[judged])
    if in_groups.pairs < MIN_PAIRS:
        return batch.concordance
    return max(batch.concordance, in_groups.concordance)


def _count_all_pairs(o: Tensor, q: Tensor) -> PairCounts:
    """All pairs of B rows, in B log B steps: Kendall's tau-b without its denominator. o, q: float64 [B]."""
    tied, tied_o, tied_q = (_count_ties(x) for x in (torch.stack([o, q], dim=1), o[:, None], q[:, None]))
    all_pairs = len(o) * (len(o) - 1) // 2
    pairs = all_pairs - tied_o - tied_q + tied
    if not pairs:
        return PairCounts(0.0, 0)
    stats = import_module("scipy.stats")  # slow to import, and only this gate needs it
    tau = float(stats.kendalltau(o.numpy(), q.numpy()).statistic)
    return PairCounts(tau * math.sqrt((all_pairs - tied_o) * (all_pairs - tied_q)), pairs)


def _count_ties(x: Tensor) -> int:
    """Pairs of equal rows. x: [B, columns]."""
    _, counts = np.unique(x.numpy(), axis=0, return_counts=True)
    return int((counts * (counts - 1)).sum()) // 2


def _count_pairs_in_groups(o: Tensor, q: Tensor, ids: Tensor) -> PairCounts:
    """The pairs of each group: rows at distance 1, 2, ... where the groups are sorted together. All are [B]."""
    order = ids.argsort(stable=True)
    o, q, ids = o[order], q[order], ids[order]
    balance, pairs = 0.0, 0
    for distance in range(1, len(ids)):
        same = ids[distance:] == ids[:-distance]
        if not same.any():
            break
        sign = (torch.sign(o[distance:] - o[:-distance]) * torch.sign(q[distance:] - q[:-distance]))[same]
        balance += float(sign.sum())
        pairs += int(sign.abs().sum())
    return PairCounts(balance, pairs)
