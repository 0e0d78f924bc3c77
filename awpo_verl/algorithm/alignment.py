"""Alignment: does the reasoning reward go with the outcome? (docs/judge.md: what to do about it)

There are three views:
- over the batch (metrics.py). It is the most flattering one: easy prompts have good outcomes and good reasoning;
- within groups, which is what the advantage is made of. Below 0, AWPO rewards failures;
- by data source. A judge that knows one domain may mislead in another.

A correlation without spread in it is left out. B = rows (rollouts).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from awpo_verl.algorithm.groups import Groups, Labels, factorize
from awpo_verl.algorithm.metrics import correlation

_REDUCING = re.compile(r"m(?=ax|in)|s(?=um)|t(?=otal)", re.IGNORECASE)
MIN_ROWS = 8  # of a data source; fewer are chance
MAX_SOURCES = 16  # the largest ones: each is a curve


def alignment(
    outcome: Tensor,
    reasoning: Tensor,
    valid: Tensor,
    index: Labels | Groups,
    sources: Sequence[object] | np.ndarray | None = None,
) -> dict[str, float]:
    """The metrics of the views within groups and by data source.

    Args:
        outcome, reasoning: [B], finite where valid.
        valid: bool [B], True where there is a reasoning reward.
        index: B group labels, or their groups.
        sources: B data sources; None where they are unknown.
    """
    o, q = outcome.double().masked_select(valid), reasoning.double().masked_select(valid)
    metrics: dict[str, float] = {}
    if not len(o):
        return metrics
    _put(metrics, "awpo/outcome_reasoning_corr_in_groups", _correlation_in_groups(o, q, Groups.of(index).select(valid)))
    if sources is not None:
        of_row, names = factorize([str(source) for source in sources])
        of_row = of_row.masked_select(valid)
        counts = torch.bincount(of_row, minlength=len(names))
        for i in [int(i) for i in counts.argsort(descending=True, stable=True)[:MAX_SOURCES]]:
            mine = of_row == i
            if counts[i] >= MIN_ROWS:
                of_source = correlation(o.masked_select(mine), q.masked_select(mine))
                _put(metrics, f"awpo/outcome_reasoning_corr/{_metric_part(str(names[i]))}", of_source)
    return metrics


def _correlation_in_groups(outcome: Tensor, reasoning: Tensor, groups: Groups) -> Tensor | None:
    """Correlation of the deviations from the groups' means. Silent groups are left out: they would only dilute it.

    outcome, reasoning: float64 [B].
    """
    o, q = groups.center(outcome), groups.center(reasoning)
    speaks = groups.to_rows(o.std > 0)
    return correlation(o.deviation.masked_select(speaks), q.deviation.masked_select(speaks))


def _put(metrics: dict[str, float], name: str, value: Tensor | None) -> None:
    if value is not None:
        metrics[name] = float(value)


def _metric_part(source: str) -> str:
    """A data source (often a path on a hub) as the last part of a metric's name."""
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in source)[:80]
    # verl would take the minimum of a metric with "gemini" in its name
    return _REDUCING.sub(lambda found: f"{found.group()}-", name)
