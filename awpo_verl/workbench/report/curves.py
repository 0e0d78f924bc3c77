"""Curves: a metric over training steps, gathered from a log, and thinned for drawing."""

from __future__ import annotations

import math
import numbers
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Curve:
    """A metric over training steps.

    Attributes:
        steps: int64 [N], rising, without repeats.
        values: float64 [N], finite.
        gaps: int64 [K], the steps at which NaN, inf or null was logged; they are not in `steps`.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    gaps: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.steps)

    def points(self) -> list[tuple[int, float]]:
        """(step, value) pairs."""
        return list(zip(self.steps.tolist(), self.values.tolist(), strict=True))

    def tail(self, steps: int) -> NDArray[np.float64]:
        """The values of the last `steps` training steps, which may be fewer points."""
        return self.values[self.steps > self.steps[-1] - steps] if len(self) else self.values


class CurveRecorder:
    """Gathers curves from lines of a log. If a step is logged twice, as in a resumed run, the later value counts.

    Args:
        keep: says which metrics to keep; all by default.
    """

    def __init__(self, keep: Callable[[str], bool] = lambda metric: True) -> None:
        self._keep = keep
        self._columns: dict[str, tuple[array[int], array[float]] | None] = {}

    def add(self, step: int, data: Mapping[str, Any]) -> None:
        """Add one line of a log. Values other than numbers and null are ignored."""
        for metric, value in data.items():
            try:
                column = self._columns[metric]
            except KeyError:
                column = (array("q"), array("d")) if self._keep(metric) else None
                self._columns[metric] = column
            if column is None:
                continue
            if value is None:  # verl's file logger writes NaN as null
                value = math.nan
            elif not isinstance(value, float) and not isinstance(value, numbers.Real):
                continue
            column[0].append(step)
            column[1].append(_to_float(value))

    def curves(self) -> dict[str, Curve]:
        """Metric -> its curve, for the metrics that were logged."""
        return {
            name: _build_curve(*column) for name, column in self._columns.items() if column is not None and column[0]
        }


def _to_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer that is too large for a float
        return math.inf


def _build_curve(steps: Iterable[int], values: Iterable[float]) -> Curve:
    at, value = np.array(steps, np.int64), np.array(values, np.float64)
    order = np.argsort(at, kind="stable")
    at, value = at[order], value[order]
    last = np.append(at[1:] != at[:-1], True)  # keep the last value of each step
    at, value = at[last], value[last]
    finite = np.isfinite(value)
    return Curve(at[finite], value[finite], at[~finite])


def mean_curve(curves: Iterable[Curve]) -> Curve | None:
    """The plain mean of several curves at the steps that all of them have; None if there is no such step."""
    rows = list(curves)
    if not rows:
        return None
    common = rows[0].steps
    for row in rows[1:]:
        common = np.intersect1d(common, row.steps)
    if not len(common):
        return None
    values = np.mean([row.values[np.searchsorted(row.steps, common)] for row in rows], axis=0)
    return Curve(common, values)


@dataclass(frozen=True)
class Thinned:
    """A curve with fewer points.

    Attributes:
        steps, values: [M], mean step and mean value of each bin.
        low, high: [M], lowest and highest value in it.
        per_point: the most logged values that one point stands for; 1 if nothing was thinned.
    """

    steps: NDArray[np.float64]
    values: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    per_point: int


def thin(curve: Curve, points: int) -> Thinned:
    """Reduce a curve to at most `points` points, each the mean of its neighbours. A shorter curve stays as it is."""
    per_point = max(1, math.ceil(len(curve) / points))
    steps, values = curve.steps.astype(np.float64), curve.values
    if per_point == 1:
        return Thinned(steps, values, values, values, 1)
    starts = np.arange(0, len(curve), per_point)
    counts = np.diff(np.append(starts, len(curve)))
    return Thinned(
        np.add.reduceat(steps, starts) / counts,
        np.add.reduceat(values, starts) / counts,
        np.minimum.reduceat(values, starts),
        np.maximum.reduceat(values, starts),
        per_point,
    )
