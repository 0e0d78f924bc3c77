"""What stands out in the runs: the ranges (ranges.py) held against their curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from awpo_verl.workbench.report.curves import Curve
from awpo_verl.workbench.report.ranges import MEAN, RANGES, Range, Sick
from awpo_verl.workbench.report.runs import Run
from awpo_verl.workbench.report.success import overall

Level = Literal["sick", "look", "past"]
LEVELS: tuple[Level, ...] = ("sick", "look", "past")


@dataclass(frozen=True)
class Case:
    """One run's metric that is outside its range, and its figure."""

    run: str
    metric: str
    figure: str


@dataclass(frozen=True)
class Finding:
    """Cases of one kind: the curve, the range it left, and what to do. `past`: it is back in its range."""

    level: Level
    curve: str
    healthy: str
    sick: str
    do: str
    cases: tuple[Case, ...]


def findings(runs: Sequence[Run]) -> list[Finding]:
    """What is outside its range, the worst first; of a kind all runs together."""
    cases: dict[tuple[Level, Range, Sick], list[Case]] = {}
    for run in runs:
        curves = _with_mean(run)
        for known in RANGES:
            for level, sick, case in _of_run(run, known, curves):
                cases.setdefault((level, known, sick), []).append(case)
    found = [
        Finding(level, known.curve, known.healthy, sick.says, sick.do, tuple(rows))
        for (level, known, sick), rows in cases.items()
    ]
    return sorted([*found, *_gaps(runs)], key=lambda finding: LEVELS.index(finding.level))  # stable


def _of_run(run: Run, known: Range, curves: Mapping[str, Curve]) -> Iterator[tuple[Level, Sick, Case]]:
    for metric, curve in _curves(known, curves):
        rules = [(sick, sick.rule) for sick in known.sick if sick.rule]
        found = [(sick, seen) for sick, rule in rules if (seen := rule(curve, run.curves))]
        if found:
            sick, seen = max(found, key=lambda one: one[1].now)  # the first that is so; what is past hides no present
            yield sick.level if seen.now else "past", sick, Case(run.name, metric, seen.figure)


def _with_mean(run: Run) -> Mapping[str, Curve]:
    """The run's curves, and the mean of held-out success, which no log has."""
    mean = overall(run.curves)
    return run.curves if mean is None else {**run.curves, MEAN: mean}


def _curves(known: Range, curves: Mapping[str, Curve]) -> Sequence[tuple[str, Curve]]:
    """Those of a range."""
    return sorted((metric, curve) for metric, curve in curves.items() if known.holds_for(metric) and len(curve))


def _gaps(runs: Sequence[Run]) -> list[Finding]:
    """Metrics that were NaN, inf or null at some step, and those that never had a value."""
    some: list[Case] = []
    never: list[Case] = []
    for run in runs:
        for metric, curve in sorted(run.curves.items()):
            if len(curve.gaps):
                figure = f"at {len(curve.gaps)} of {len(curve.gaps) + len(curve)} steps: {_some(curve.gaps)}"
                (some if len(curve) else never).append(Case(run.name, metric, figure))
    lost = (
        "its curve has a gap there. In `actor/grad_norm` or `actor/loss` the update was lost: read that step's "
        "rollouts, lower `LR`"
    )
    nothing = (
        "the run computes it from no row: no response token counts (`response_mask`), or no row has the key. Read the "
        "rollouts: `awpo-verl score OUT/rollouts`"
    )
    found = [
        Finding("sick", "curves without a value", "a number", "NaN, inf or null at every step", nothing, tuple(never))
    ]
    found.append(Finding("look", "curves with gaps", "a number", "NaN or inf", lost, tuple(some)))
    return [finding for finding in found if finding.cases]


def _some(steps: np.ndarray) -> str:
    shown = ", ".join(map(str, steps[:5].tolist()))
    return f"{shown}, ..., {steps[-1]}" if len(steps) > 5 else shown


def checked(runs: Sequence[Run]) -> list[str]:
    """The curves of the table, as it names them, that some run has and that were held against their range."""
    all_curves = [_with_mean(run) for run in runs]
    return [
        known.curve
        for known in RANGES
        if any(sick.rule for sick in known.sick) and any(_curves(known, curves) for curves in all_curves)
    ]
