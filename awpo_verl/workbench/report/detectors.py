"""Detectors: each looks for one condition in a curve, and returns the figure that shows it, or None.

One step decides nothing. Levels are means over 10 training steps. A fall compares means of 3 validations, and must be
larger than chance makes it. A collapse must last. A condition that has passed is reported with `ongoing=False`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from awpo_verl.workbench.report.curves import Curve
from awpo_verl.workbench.report.success import mean_heldout_curve

WINDOW = 10  # training steps


@dataclass(frozen=True)
class Detection:
    """The figure outside of the healthy range; `ongoing` is False where the metric has come back."""

    figure: str
    ongoing: bool = True


Curves = Mapping[str, Curve]
Detector = Callable[[Curve, Curves], Detection | None]  # takes the curve, never empty, and all curves of its run


def above(limit: float) -> Detector:
    """The mean of 10 steps is above the limit."""
    return lambda curve, _: _detect_beyond(curve.steps, curve.values, limit, 1)


def below(limit: float) -> Detector:
    """The mean of 10 steps is below the limit."""
    return lambda curve, _: _detect_beyond(curve.steps, curve.values, limit, -1)


def _detect_beyond(steps: NDArray[np.int64], values: NDArray[np.float64], limit: float, sign: int) -> Detection | None:
    means = rolling_mean(values)
    beyond = sign * means > sign * limit + 1e-9
    if not beyond.any():
        return None
    if beyond[-1]:
        return Detection(f"{means[-1]:.3g}, mean of the last {_count_steps(min(WINDOW, len(values)))}")
    whole = sign * means[WINDOW - 1 :]  # the first steps of a run raise no alert
    if not (whole > sign * limit + 1e-9).any():
        return None
    worst = int(np.argmax(whole)) + WINDOW - 1
    figure = f"{means[worst]:.3g} in the {WINDOW} steps to step {steps[worst]}, {means[-1]:.3g} now"
    return Detection(figure, ongoing=False)


def rolling_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """[N] -> [N]: the mean of each value and of up to nine values before it."""
    padded = np.concatenate([np.full(WINDOW - 1, np.nan), values])
    return np.nanmean(np.lib.stride_tricks.sliding_window_view(padded, WINDOW), axis=1)


def _count_steps(count: int) -> str:
    return "step" if count == 1 else f"{count} steps"


def stays_above(limit: float, steps: int) -> Detector:
    """Above the limit in each of the last `steps` steps."""

    def detect(curve: Curve, _: Curves) -> Detection | None:
        last = curve.tail(steps)
        if len(last) < steps or last.min() <= limit:
            return None
        return Detection(f"{last.min():.3g} or more in each of the last {steps} steps")

    return detect


def stays_at(value: float, steps: int) -> Detector:
    """Exactly this value in each of the last `steps` steps."""

    def detect(curve: Curve, _: Curves) -> Detection | None:
        last = curve.tail(steps)
        if len(last) < steps or (last != value).any():
            return None
        return Detection(f"{value:g} in each of the last {steps} steps")

    return detect


def never_changes(steps: int) -> Detector:
    """The same number, to the last digit, in each of the last `steps` steps."""
    return lambda curve, curves: stays_at(float(curve.values[-1]), steps)(curve, curves)


def equals(other: str, steps: int) -> Detector:
    """The same number as another metric in each of the last `steps` steps, and that number never changes."""

    def detect(curve: Curve, curves: Curves) -> Detection | None:
        against = curves.get(other)
        mine = curve.tail(steps)
        if against is None or len(against.tail(steps)) != len(mine) or (against.tail(steps) != mine).any():
            return None
        return never_changes(steps)(curve, curves)

    return detect


def stalls(steps: int, share: float, gain: float = 0.01, full: float = 0.95) -> Detector:
    """No gain of `gain` over the last `steps` steps, or over this share of the run. `full` is good enough."""

    def detect(curve: Curve, _: Curves) -> Detection | None:
        window = max(steps, int(share * curve.steps[-1]))
        earlier = curve.values[curve.steps <= curve.steps[-1] - window]
        later = curve.tail(window)
        if not len(earlier) or earlier.max() >= full or later.max() > earlier.max() + gain:
            return None
        best = int(curve.steps[np.argmax(curve.values[: len(earlier)])])
        return Detection(f"{later.max():.3g} at best in the last {window} steps, {earlier.max():.3g} at step {best}")

    return detect


def falls(by: float) -> Detector:
    """The mean of the last three values is `by` below the best mean of three in a row.

    `by` is in units of the largest value where that is above 1. The fall must also be 5 standard errors, estimated
    from the differences of neighbouring values.
    """

    def detect(curve: Curve, _: Curves) -> Detection | None:
        if len(curve) <= 3:
            return None
        means = np.lib.stride_tricks.sliding_window_view(curve.values, 3).mean(axis=1)
        best, fall = int(np.argmax(means)), float(means.max() - means[-1])
        spread = float(np.median(np.abs(np.diff(curve.values)))) / 0.954  # for normal noise: 0.6745 * sqrt(2) * std
        if fall < by * max(1.0, float(np.abs(curve.values).max())) or fall < 5 * spread / 3**0.5:
            return None
        steps = curve.steps
        now = f"{means[-1]:.3g} in steps {steps[-3]} to {steps[-1]}"
        return Detection(f"{now}, {means[best]:.3g} in {steps[best]} to {steps[best + 2]}")

    return detect


def spikes(times: float) -> Detector:
    """One value is `times` the median of the 20 values before it. Ongoing where it is in the last 10 steps."""

    def detect(curve: Curve, _: Curves) -> Detection | None:
        if len(curve) <= WINDOW:
            return None
        padded = np.concatenate([np.full(20, np.nan), curve.values])
        history = np.lib.stride_tricks.sliding_window_view(padded, 20)  # [N + 1, 20]: the values before each value
        usual = np.nanmedian(history[WINDOW : len(curve)], axis=1)
        values, steps = curve.values[WINDOW:], curve.steps[WINDOW:]
        ratio = values / np.maximum(usual, 1e-12)
        found = np.flatnonzero((ratio > times) & (usual > 0))
        if not len(found):
            return None
        top = found[np.argmax(ratio[found])]
        others = f" ({len(found)} such steps)" if len(found) > 1 else ""
        figure = f"{values[top]:.3g} at step {steps[top]}, {ratio[top]:.0f} times the usual value before it{others}"
        return Detection(figure, bool(steps[found[-1]] > curve.steps[-1] - WINDOW))

    return detect


def collapses(share: float, steps: int) -> Detector:
    """Falls to this share of itself within `steps` steps, and stays there."""

    def detect(curve: Curve, _: Curves) -> Detection | None:
        means = rolling_mean(curve.values)
        before = means[np.maximum(0, np.searchsorted(curve.steps, curve.steps - steps))]
        found = np.flatnonzero((before > 0) & (curve.values < share * before))
        if not len(found) or curve.values[-1] >= share * before[found[0]]:
            return None
        at = found[0]
        return Detection(f"{before[at]:.3g} to {curve.values[at]:.3g} in the {steps} steps to step {curve.steps[at]}")

    return detect


def grows(times: float, beyond: float = 0.0) -> Detector:
    """The mean of the last 10 steps is `times` that of the first 10, and above `beyond`."""

    def detect(curve: Curve, _: Curves) -> Detection | None:
        if len(curve) <= WINDOW:
            return None
        first, last = float(curve.values[:WINDOW].mean()), float(curve.values[-WINDOW:].mean())
        if last <= beyond or last < times * first:
            return None
        return Detection(f"{first:.3g} in the first {WINDOW} steps, {last:.3g} in the last {WINDOW}")

    return detect


def rises_while_falls(find_other: Callable[[Curves], Curve | None], by: float, steps: int) -> Detector:
    """Over the last `steps` steps it has risen by `by`, and another curve has fallen by `by`."""

    def detect(curve: Curve, curves: Curves) -> Detection | None:
        other = find_other(curves)
        if other is None or min(len(curve), len(other)) <= WINDOW:
            return None
        mine, others = _first_and_last_fifth(curve, steps), _first_and_last_fifth(other, steps)
        if mine[1] - mine[0] < by or others[0] - others[1] < by:
            return None
        return Detection(
            f"{mine[0]:.2f} to {mine[1]:.2f}, while the outcome went from {others[0]:.2f} to {others[1]:.2f}"
        )

    return detect


def _first_and_last_fifth(curve: Curve, steps: int) -> tuple[float, float]:
    """Means of the first and of the last fifth of the last `steps` steps."""
    values = curve.tail(steps)
    fifth = max(1, len(values) // 5)
    return float(values[:fifth].mean()), float(values[-fifth:].mean())


def where(other: str, at_least: float, detector: Detector) -> Detector:
    """The detector, over the steps at which another metric is at least `at_least`."""

    def detect(curve: Curve, curves: Curves) -> Detection | None:
        against = curves.get(other)
        if against is None:
            return detector(curve, curves)
        kept = np.isin(curve.steps, against.steps[against.values >= at_least])
        part = Curve(curve.steps[kept], curve.values[kept])
        found = detector(part, curves) if len(part) >= WINDOW // 2 else None
        if found is None or part.steps[-1] > curve.steps[-1] - WINDOW:
            return found
        return Detection(f"{found.figure}, up to step {part.steps[-1]}", ongoing=False)

    return detect


def in_unit_range(detector: Detector) -> Detector:
    """The detector, for outcomes in [0, 1] only: on another scale, 0 and 1 do not mean failure and success."""

    def detect(curve: Curve, curves: Curves) -> Detection | None:
        low, high = curves.get("critic/score/min"), curves.get("critic/score/max")
        if low is None or high is None or not len(low) or not len(high):
            return None
        return detector(curve, curves) if low.values.min() >= 0 and high.values.max() <= 1 else None

    return detect


def mean_outcome(curves: Curves) -> Curve | None:
    """The mean outcome reward of training rollouts; held-out success where no training outcome was logged."""
    found = curves.get("awpo/outcome/mean", curves.get("critic/score/mean"))
    return found if found is not None and len(found) else mean_heldout_curve(curves)
