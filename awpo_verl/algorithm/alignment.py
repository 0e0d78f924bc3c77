"""Does the reasoning reward agree with the outcome? Correlations of q and o (docs/judge.md: what to do about them).

Three views, for they differ where it matters:
- over the batch (metrics.py): easy prompts have good outcomes and good marks, so it is the most flattering one;
- within groups: what the advantage is made of. Negative means that AWPO is told to reward failing;
- by data source: a judge that knows one domain may mislead in another.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor

from awpo_verl.algorithm.groups import TOL, factorize, group_center, group_ids, group_sizes, to_rows
from awpo_verl.algorithm.metrics import correlation

_REDUCING = re.compile(r"m(?=ax|in)|s(?=um)|t(?=otal)", re.IGNORECASE)
MIN_ROWS = 8  # of a data source; fewer say nothing
MIN_PAIRS = 8  # of rollouts of a prompt that differ in both rewards; fewer are chance
MAX_SOURCES = 16  # the largest: each is a curve


def alignment(
    outcome: Tensor,
    reasoning: Tensor,
    valid: Tensor,
    index: Sequence[object] | np.ndarray,
    sources: Sequence[object] | np.ndarray | None = None,
) -> dict[str, float]:
    """Correlations of B rollouts; a figure without spread in it is left out.

    Args:
        outcome, reasoning: [B], finite where valid. valid: bool [B], True where there is a reasoning reward.
        index: B group labels. sources: B data sources, None where they are not known.
    """
    rows = valid.nonzero().flatten()
    o, q = outcome.double().index_select(0, rows), reasoning.double().index_select(0, rows)
    metrics: dict[str, float] = {}
    if len(rows):
        ids, n = group_ids(index)
        _put(metrics, "awpo/outcome_reasoning_corr_in_groups", in_groups(o, q, ids.index_select(0, rows), n))
    if sources is not None:
        of_row, names = factorize([str(source) for source in sources])
        of_row = of_row.index_select(0, rows)
        counts = torch.bincount(of_row, minlength=len(names))
        for i in [int(i) for i in counts.argsort(descending=True, stable=True)[:MAX_SOURCES]]:
            mine = of_row == i
            if counts[i] >= MIN_ROWS:
                of_source = correlation(o.masked_select(mine), q.masked_select(mine))
                _put(metrics, f"awpo/outcome_reasoning_corr/{_key(str(names[i]))}", of_source)
    return metrics


def in_groups(outcome: Tensor, reasoning: Tensor, ids: Tensor, n_groups: int) -> Tensor | None:
    """Correlation of the deviations from the groups' means, over the groups whose outcomes differ.

    The others cannot tell, and their spread in reasoning would only water it down. None where there is no spread.

    Args:
        outcome, reasoning: float64 [B]. ids: int64 [B], in 0..n_groups-1.
    """
    sizes = group_sizes(ids, n_groups)
    o, _, std = group_center(outcome, ids, sizes)
    q, _, _ = group_center(reasoning, ids, sizes)
    live = to_rows(std > 0, ids)
    return correlation(o.masked_select(live), q.masked_select(live))


def agreement(outcome: Tensor, reasoning: Tensor, asked: Tensor, ids: Tensor, n_groups: int) -> float | None:
    """How far a batch's reasoning rewards agree with its outcomes, in [-1, 1]; None where nothing tells.

    Of the pairs of rollouts that differ in both: the share in which the better one has more reasoning, less the share
    in which it has less (Goodman and Kruskal's gamma). Unlike a correlation it does not shrink where successes are
    rare, which is where the gate needs it. The more favourable of two views, over the batch and within groups: over the
    batch a scorer may only look wrong, because hard prompts fail and have the longer thinking. Fewer than MIN_PAIRS in
    groups say nothing. Values that differ by less than TOL are equal, as in the groups' statistics.

    Args:
        outcome, reasoning: float64 [B], finite. asked: bool [B], the rows whose reasoning reward is the scorer's word.
        ids: int64 [B], in 0..n_groups-1.
    """
    o, q, of = (outcome[asked] / TOL).round(), (reasoning[asked] / TOL).round(), ids[asked]
    balance, pairs = _all_pairs(o, q)
    if not pairs:
        return None
    balance_in_groups, pairs_in_groups = _pairs_in_groups(o, q, of)
    over_batch = balance / pairs
    return max(over_batch, balance_in_groups / pairs_in_groups) if pairs_in_groups >= MIN_PAIRS else over_batch


def _all_pairs(o: Tensor, q: Tensor) -> tuple[float, int]:
    """Concordant less discordant pairs, and both together, of B rows in B log B steps: from Kendall's tau-b."""
    stats: Any = import_module("scipy.stats")  # slow to import, and not all of its types are known
    tied, tied_o, tied_q = (_tied(x) for x in (torch.stack([o, q], dim=1), o[:, None], q[:, None]))
    all_pairs = len(o) * (len(o) - 1) // 2
    pairs = all_pairs - tied_o - tied_q + tied
    if not pairs:
        return 0.0, 0
    tau = float(stats.kendalltau(o.numpy(), q.numpy()).statistic)
    return tau * math.sqrt((all_pairs - tied_o) * (all_pairs - tied_q)), pairs


def _tied(rows: Tensor) -> int:
    """Pairs of equal rows."""
    _, counts = np.unique(rows.numpy(), axis=0, return_counts=True)
    return int((counts * (counts - 1)).sum()) // 2


def _pairs_in_groups(o: Tensor, q: Tensor, ids: Tensor) -> tuple[float, int]:
    """The same, of the pairs of each group: rows at distance 1, 2, ... where groups are sorted together."""
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
    return balance, pairs


def _put(metrics: dict[str, float], name: str, value: Tensor | None) -> None:
    if value is not None:
        metrics[name] = float(value)


def _key(source: str) -> str:
    """A data source (often a path on a hub) as the last part of a metric's name."""
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in source)[:80]
    # verl would take the minimum of a metric with "gemini" in its name
    return _REDUCING.sub(lambda found: f"{found.group()}-", name)
