"""How a curve is found to be sick. Each rule gives what was seen, or None where the curve is well.

One step decides nothing: levels are means over 10 training steps, a fall is between means of 3 validations and larger
than chance makes it, a collapse has to last. A curve that was sick and is well again is told, too: `now` is False then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from awpo_verl.workbench.report.curves import Curve
from awpo_verl.workbench.report.success import overall

WINDOW = 10  # training steps


@dataclass(frozen=True)
class Seen:
    """The figure that is outside its range; `now` is False where that has passed."""

    figure: str
    now: bool = True


Curves = Mapping[str, Curve]
Rule = Callable[[Curve, Curves], Seen | None]  # the curve, never empty, and the others of its run


def above(limit: float) -> Rule:
    """The mean of 10 steps is above the limit."""
    return lambda curve, _: _beyond(curve.steps, curve.values, limit, 1)


def below(limit: float) -> Rule:
    """The mean of 10 steps is below the limit."""
    return lambda curve, _: _beyond(curve.steps, curve.values, limit, -1)


def _beyond(steps: NDArray[np.int64], values: NDArray[np.float64], limit: float, sign: int) -> Seen | None:
    means = rolling_mean(values)
    sick = sign * means > sign * limit + 1e-9
    if not sick.any():
        return None
    if sick[-1]:
        return Seen(f"{means[-1]:.3g}, mean of the last {_steps(min(WINDOW, len(values)))}")
    whole = sign * means[WINDOW - 1 :]  # how a run begins is no finding
    if not (whole > sign * limit + 1e-9).any():
        return None
    worst = int(np.argmax(whole)) + WINDOW - 1
    return Seen(f"{means[worst]:.3g} in the {WINDOW} steps to step {steps[worst]}, {means[-1]:.3g} now", False)


def rolling_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """[N] -> [N], the mean of each value and the nine before it, or as many as there are."""
    padded = np.concatenate([np.full(WINDOW - 1, np.nan), values])
    return np.nanmean(np.lib.stride_tricks.sliding_window_view(padded, WINDOW), axis=1)


def _steps(count: int) -> str:
    return "step" if count == 1 else f"{count} steps"


def stays_above(limit: float, steps: int) -> Rule:
    """Above the limit in every one of the last so many steps."""

    def rule(curve: Curve, _: Curves) -> Seen | None:
        last = curve.tail(steps)
        if len(last) < steps or last.min() <= limit:
            return None
        return Seen(f"{last.min():.3g} or more in each of the last {steps} steps")

    return rule


def stays_at(limit: float, steps: int) -> Rule:
    """Exactly the limit in every one of the last so many steps."""

    def rule(curve: Curve, _: Curves) -> Seen | None:
        last = curve.tail(steps)
        return (
            Seen(f"{limit:g} in each of the last {steps} steps")
            if len(last) >= steps and (last == limit).all()
            else None
        )

    return rule


def never_changes(steps: int) -> Rule:
    """The same number, to the last digit, in every one of the last so many steps."""
    return lambda curve, curves: stays_at(float(curve.values[-1]), steps)(curve, curves)


def equals(other: str, steps: int) -> Rule:
    """The same number as another metric, and no other, in every one of the last so many steps."""

    def rule(curve: Curve, curves: Curves) -> Seen | None:
        against = curves.get(other)
        mine = curve.tail(steps)
        if against is None or len(against.tail(steps)) != len(mine) or (against.tail(steps) != mine).any():
            return None
        return never_changes(steps)(curve, curves)

    return rule


def flat(steps: int, share: float, gain: float = 0.01, full: float = 0.95) -> Rule:
    """No better, by `gain`, than it was so many steps, or such a share of the run, ago; `full` is good enough."""

    def rule(curve: Curve, _: Curves) -> Seen | None:
        window = max(steps, int(share * curve.steps[-1]))
        earlier = curve.values[curve.steps <= curve.steps[-1] - window]
        later = curve.tail(window)
        if not len(earlier) or earlier.max() >= full or later.max() > earlier.max() + gain:
            return None
        best = int(curve.steps[np.argmax(curve.values[: len(earlier)])])
        return Seen(f"{later.max():.3g} at best in the last {window} steps, {earlier.max():.3g} at step {best}")

    return rule


def falls(by: float) -> Rule:
    """The last three values are so far below the best three in a row: of 1, or of the largest value where that is more.

    And further than chance alone would have it: 5 standard errors, by how neighbouring values differ.
    """

    def rule(curve: Curve, _: Curves) -> Seen | None:
        if len(curve) <= 3:
            return None
        means = np.lib.stride_tricks.sliding_window_view(curve.values, 3).mean(axis=1)
        best, fall = int(np.argmax(means)), float(means.max() - means[-1])
        spread = float(np.median(np.abs(np.diff(curve.values)))) / 0.954  # of normal noise: 0.6745 * sqrt(2) of its std
        if fall < by * max(1.0, float(np.abs(curve.values).max())) or fall < 5 * spread / 3**0.5:
            return None
        steps = curve.steps
        now = f"{means[-1]:.3g} in steps {steps[-3]} to {steps[-1]}"
        return Seen(f"{now}, {means[best]:.3g} in {steps[best]} to {steps[best + 2]}")

    return rule


def spikes(times: float) -> Rule:
    """So many times the median of the 20 values before it, anywhere; `now` where one is in the last 10 steps."""

    def rule(curve: Curve, _: Curves) -> Seen | None:
        if len(curve) <= WINDOW:
            return None
        history = np.lib.stride_tricks.sliding_window_view(
            np.concatenate([np.full(20, np.nan), curve.values]), 20
        )  # [N + 1, 20]: what came before each value
        usual = np.nanmedian(history[WINDOW : len(curve)], axis=1)
        values, steps = curve.values[WINDOW:], curve.steps[WINDOW:]
        ratio = values / np.maximum(usual, 1e-12)
        found = np.flatnonzero((ratio > times) & (usual > 0))
        if not len(found):
            return None
        top = found[np.argmax(ratio[found])]
        others = f" ({len(found)} such steps)" if len(found) > 1 else ""
        figure = f"{values[top]:.3g} at step {steps[top]}, {ratio[top]:.0f} times what was usual before it{others}"
        return Seen(figure, bool(steps[found[-1]] > curve.steps[-1] - WINDOW))

    return rule


def collapses(share: float, steps: int) -> Rule:
    """Falls to so small a share of itself within so many steps, and stays there."""

    def rule(curve: Curve, _: Curves) -> Seen | None:
        means = rolling_mean(curve.values)
        before = means[np.maximum(0, np.searchsorted(curve.steps, curve.steps - steps))]
        found = np.flatnonzero((before > 0) & (curve.values < share * before))
        if not len(found) or curve.values[-1] >= share * before[found[0]]:
            return None
        at = found[0]
        return Seen(f"{before[at]:.3g} to {curve.values[at]:.3g} in the {steps} steps to step {curve.steps[at]}")

    return rule


def grows(times: float, beyond: float = 0.0) -> Rule:
    """The last 10 steps are so many times the first 10 and above `beyond`."""

    def rule(curve: Curve, _: Curves) -> Seen | None:
        if len(curve) <= WINDOW:
            return None
        first, last = float(curve.values[:WINDOW].mean()), float(curve.values[-WINDOW:].mean())
        if last <= beyond or last < times * first:
            return None
        return Seen(f"{first:.3g} in the first {WINDOW} steps, {last:.3g} in the last {WINDOW}")

    return rule


def rises_while_falls(other: Callable[[Curves], Curve | None], by: float, steps: int) -> Rule:
    """It has risen over the last so many steps, and the other has fallen, both by so much."""

    def rule(curve: Curve, curves: Curves) -> Seen | None:
        against = other(curves)
        if against is None or min(len(curve), len(against)) <= WINDOW:
            return None
        mine, others = _change(curve, steps), _change(against, steps)
        if mine[1] - mine[0] < by or others[0] - others[1] < by:
            return None
        return Seen(f"{mine[0]:.2f} to {mine[1]:.2f}, while the outcome went from {others[0]:.2f} to {others[1]:.2f}")

    return rule


def _change(curve: Curve, steps: int) -> tuple[float, float]:
    values = curve.tail(steps)
    fifth = max(1, len(values) // 5)
    return float(values[:fifth].mean()), float(values[-fifth:].mean())


def where(other: str, at_least: float, rule: Rule) -> Rule:
    """The rule, over the steps at which another metric is at least so large."""

    def narrowed(curve: Curve, curves: Curves) -> Seen | None:
        against = curves.get(other)
        if against is None:
            return rule(curve, curves)
        kept = np.isin(curve.steps, against.steps[against.values >= at_least])
        some = Curve(curve.steps[kept], curve.values[kept])
        seen = rule(some, curves) if len(some) >= WINDOW // 2 else None
        if seen is None or some.steps[-1] > curve.steps[-1] - WINDOW:
            return seen
        return Seen(f"{seen.figure}, up to step {some.steps[-1]}", False)

    return narrowed


def in_unit_range(rule: Rule) -> Rule:
    """The rule, for outcomes in [0, 1] alone: of others 0 and 1 mean nothing."""

    def narrowed(curve: Curve, curves: Curves) -> Seen | None:
        low, high = curves.get("critic/score/min"), curves.get("critic/score/max")
        if low is None or high is None or not len(low) or not len(high):
            return None
        return rule(curve, curves) if low.values.min() >= 0 and high.values.max() <= 1 else None

    return narrowed


def outcome(curves: Curves) -> Curve | None:
    """The outcome on training prompts, else the held-out one."""
    found = curves.get("awpo/outcome/mean", curves.get("critic/score/mean"))
    return found if found is not None and len(found) else overall(curves)
