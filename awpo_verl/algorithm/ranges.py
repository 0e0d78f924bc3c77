"""Ranges of the two rewards: which outcome is failure and which is success, and which scale a scorer uses.

The difficulty weight needs the outcome in [0, 1], so it needs the lowest and the highest outcome that a rollout can
get. That depends on who scored the rollout: verl's math_dapo rule gives -1 or 1, most others give 0 or 1, and one batch
may hold both. `fixed_ranges` takes one range for all rows. `SeenRanges` keeps one for each source, and widens it before
the batch is weighed. What was seen is not saved: after a resume the first wider outcome widens the range again.

Outliers. A rare outcome far outside, such as -100 for a timeout, must not make all later groups of its source look
alike. An outcome more than FAR widths below or above the range is far. Far outcomes widen the range only if FAR_ROWS
rows or more, and FAR_SHARE of the batch's rows of that source or more, are far on that side. Otherwise they are
outliers. They widen nothing, they count as outside, and mu of a group whose mean they pull out of the range is 0 or 1.
A scale of 0 to 100 is seen in many rows, and widens the range at once.

B = rows (rollouts).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from awpo_verl.algorithm.groups import EPS, factorize, to_rows

Range = tuple[float, float]
UNIT: Range = (0.0, 1.0)
FAR = 4.0  # widths of the range
FAR_ROWS, FAR_SHARE = 2, 0.05  # the rows of a source, in one batch, that make a far outcome part of its scale


@dataclass(frozen=True)
class RowRanges:
    """The range of each row's outcome.

    Attributes:
        low, high: float64 [B], low < high.
        outside: bool [B], True where the outcome is outside of the range that was known before this batch.
    """

    low: Tensor
    high: Tensor
    outside: Tensor

    def to_unit(self, outcome: Tensor) -> Tensor:
        """The outcomes, float64 [B], on the scale where low is 0 and high is 1; not clipped."""
        return (outcome - self.low) / (self.high - self.low)

    def select(self, rows: Tensor) -> RowRanges:
        """The ranges of some rows. rows: bool [B]."""
        return RowRanges(*(column.masked_select(rows) for column in (self.low, self.high, self.outside)))


def fixed_ranges(outcome: Tensor, bounds: Range) -> RowRanges:
    """One range for all rows. outcome: float64 [B]; bounds: (low, high), low < high."""
    low, high = bounds
    return RowRanges(torch.full_like(outcome, low), torch.full_like(outcome, high), is_outside(outcome, low, high))


def is_outside(values: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """bool [B]: True where a value is outside of [low, high] by more than rounding. values: float64 [B]."""
    return (values < low - EPS) | (values > high + EPS)


def unit_reasoning(reasoning: Tensor, valid: Tensor, bounds: Range) -> tuple[Tensor, Tensor]:
    """Reasoning rewards on the scale where low is 0 and high is 1, clipped to [0, 1].

    Args:
        reasoning: float64 [B]. NaN and inf stay as they are; they count as missing.
        valid: bool [B], True where there is a reasoning reward.
        bounds: (low, high), `reasoning_range`.

    Returns:
        unit: float64 [B]; outside: bool [B], True where a valid, finite value was clipped.
    """
    low, high = bounds
    finite = torch.isfinite(reasoning)
    unit = (reasoning - low) / (high - low)
    unit = torch.where(finite, unit.clamp(0.0, 1.0), reasoning)
    return unit, valid & finite & is_outside(reasoning, low, high)


class SeenRanges:
    """The outcome range of each source: where it starts, widened by the outcomes seen, outliers left out.

    >>> seen = SeenRanges()
    >>> ranges = seen.observe(torch.tensor([1.0, -1.0, 0.0, 1.0]), ["math", "math", "code", "code"])
    >>> ranges.low.tolist(), ranges.outside.tolist()
    ([-1.0, -1.0, 0.0, 0.0], [False, True, False, False])
    >>> seen.observe(torch.tensor([1.0, 1.0]), ["math", "code"]).low.tolist()
    [-1.0, 0.0]
    """

    def __init__(
        self,
        on_widening: Callable[[Hashable, Range, Range], None] | None = None,
        on_outlier: Callable[[Hashable, float, Range], None] | None = None,
    ) -> None:
        """Create it with the functions to call.

        Args:
            on_widening: called as (source, range before, range now) when a range widens.
            on_outlier: called as (source, outcome, range in force) for every batch in which a source has outliers,
                with the one that is farthest outside.
        """
        self._widened: dict[Hashable, Range] = {}
        self._on_widening = on_widening
        self._on_outlier = on_outlier

    def observe(
        self,
        outcome: Tensor,
        sources: Sequence[Hashable],
        known: Mapping[Hashable, Range] | None = None,
        counted: Tensor | None = None,
    ) -> RowRanges:
        """Widen the ranges by one batch, and return the range of each row.

        Args:
            outcome: [B], finite.
            sources: B labels, equal for the rows that the same scorer scores.
            known: the range from which a source starts; [0, 1] for the sources that it lacks.
            counted: bool [B], False for rows that widen nothing (rejected rollouts). None: all count.
        """
        ids, names = factorize(sources)
        return self.observe_ids(outcome, ids, names, [(known or {}).get(name, UNIT) for name in names], counted)

    def observe_ids(
        self,
        outcome: Tensor,
        ids: Tensor,
        names: Sequence[Hashable],
        known: Sequence[Range],
        counted: Tensor | None = None,
    ) -> RowRanges:
        """The same for S sources by number.

        Args:
            outcome, counted: as in `observe`.
            ids: int64 [B], the row's source, in 0..S-1.
            names, known: S each.
        """
        o = outcome.double()
        before = [self._widened.get(name, start) for name, start in zip(names, known, strict=True)]
        low, high = torch.tensor(before, dtype=torch.float64).reshape(-1, 2).unbind(1)
        outside = is_outside(o, to_rows(low, ids), to_rows(high, ids))
        rows = ids if counted is None else ids.masked_select(counted)
        wider = outside if counted is None else outside & counted
        sources, values = ids.masked_select(wider), o.masked_select(wider)
        outlier = _outliers(values, sources, low, high, torch.bincount(rows, minlength=len(names)))
        widening, to = sources.masked_select(~outlier), values.masked_select(~outlier)
        low, high = low.scatter_reduce(0, widening, to, "amin"), high.scatter_reduce(0, widening, to, "amax")
        for i in _present(widening):
            now = (float(low[i]), float(high[i]))
            self._widened[names[i]] = now
            if self._on_widening is not None:
                self._on_widening(names[i], before[i], now)
        if self._on_outlier is not None:
            for i in _present(sources.masked_select(outlier)):
                ignored = values.masked_select(outlier & (sources == i))
                farthest = float(ignored[(ignored - low[i]).abs().argmax()])
                self._on_outlier(names[i], farthest, (float(low[i]), float(high[i])))
        return RowRanges(to_rows(low, ids), to_rows(high, ids), outside)


def _present(ids: Tensor) -> list[int]:
    """The different ids, in rising order. ids: int64, any length."""
    return [int(i) for i in torch.bincount(ids).nonzero().flatten()]


def _outliers(values: Tensor, sources: Tensor, low: Tensor, high: Tensor, rows: Tensor) -> Tensor:
    """bool [V]: True where an outcome is far outside of its source's range, in too few rows to be part of its scale.

    Args:
        values: float64 [V], the outcomes outside of the range; sources: int64 [V], in 0..S-1.
        low, high: float64 [S], the range of each source. rows: int64 [S], its rows in the batch.
    """
    needed = (FAR_SHARE * rows - EPS).clamp(min=FAR_ROWS)
    far_away = FAR * (high - low)
    outlier = torch.zeros_like(values, dtype=torch.bool)
    for far in (values < to_rows(low - far_away, sources), values > to_rows(high + far_away, sources)):
        few = torch.bincount(sources.masked_select(far), minlength=len(low)) < needed
        outlier |= far & to_rows(few, sources)
    return outlier
