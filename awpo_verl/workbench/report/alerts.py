"""Which metrics of the runs are outside of their healthy range (health.py): the alerts of the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from awpo_verl.workbench.report.curves import Curve
from awpo_verl.workbench.report.health import (
    EVERY_METRIC,
    HEALTHY_RANGES,
    MEAN_HELDOUT,
    NEVER_A_NUMBER,
    SOMETIMES_NO_NUMBER,
    AlertRule,
    HealthyRange,
)
from awpo_verl.workbench.report.problems import Problem
from awpo_verl.workbench.report.runs import TrainingRun
from awpo_verl.workbench.report.success import mean_heldout_curve

Level = Literal["critical", "warning", "resolved"]
LEVELS: tuple[Level, ...] = ("critical", "warning", "resolved")


@dataclass(frozen=True)
class Occurrence:
    """One metric of one run that raises an alert, and the figure that shows it."""

    run: str
    metric: str
    figure: str


@dataclass(frozen=True)
class Alert:
    """One condition, and all its occurrences in the runs. `resolved`: the metric is back in its range.

    Attributes:
        label: the metric, as docs/metrics.md names it.
        healthy: its healthy range, in words.
        condition: how it left that range, in words.
    """

    level: Level
    label: str
    healthy: str
    condition: str
    problem: Problem
    occurrences: tuple[Occurrence, ...]


def find_alerts(runs: Sequence[TrainingRun]) -> list[Alert]:
    """The alerts of all runs, critical ones first."""
    found: dict[tuple[Level, HealthyRange, AlertRule], list[Occurrence]] = {}
    for run in runs:
        curves = _add_mean_heldout(run)
        for known in HEALTHY_RANGES:
            for level, rule, occurrence in _check_range(run, known, curves):
                found.setdefault((level, known, rule), []).append(occurrence)
    for run in runs:
        for rule, occurrence in _check_gaps(run):
            found.setdefault((rule.severity, EVERY_METRIC, rule), []).append(occurrence)
    alerts = [
        Alert(level, known.label, known.healthy, rule.condition, rule.problem, tuple(occurrences))
        for (level, known, rule), occurrences in found.items()
    ]
    return sorted(alerts, key=lambda alert: LEVELS.index(alert.level))  # stable


def _check_range(
    run: TrainingRun, known: HealthyRange, curves: Mapping[str, Curve]
) -> Iterator[tuple[Level, AlertRule, Occurrence]]:
    """For each metric of a range the first rule that holds; an ongoing condition goes before one that has passed."""
    for metric, curve in _select_curves(known, curves):
        checks = [(rule, rule.detector(curve, run.curves)) for rule in known.rules if rule.detector]
        found = [(rule, detection) for rule, detection in checks if detection is not None]
        if found:
            rule, detection = max(found, key=lambda pair: pair[1].ongoing)  # max returns the first of equals
            level = rule.severity if detection.ongoing else "resolved"
            yield level, rule, Occurrence(run.name, metric, detection.figure)


def _add_mean_heldout(run: TrainingRun) -> Mapping[str, Curve]:
    """The run's curves, and mean held-out success."""
    mean = mean_heldout_curve(run.curves)
    return run.curves if mean is None else {**run.curves, MEAN_HELDOUT: mean}


def _select_curves(known: HealthyRange, curves: Mapping[str, Curve]) -> list[tuple[str, Curve]]:
    return sorted((metric, curve) for metric, curve in curves.items() if known.covers(metric) and len(curve))


def _check_gaps(run: TrainingRun) -> Iterator[tuple[AlertRule, Occurrence]]:
    """Metrics that were NaN, inf or null at some step, or at every step."""
    for metric, curve in sorted(run.curves.items()):
        if len(curve.gaps):
            figure = f"at {len(curve.gaps)} of {len(curve.gaps) + len(curve)} steps: {_list_steps(curve.gaps)}"
            yield SOMETIMES_NO_NUMBER if len(curve) else NEVER_A_NUMBER, Occurrence(run.name, metric, figure)


def _list_steps(steps: NDArray[np.int64]) -> str:
    shown = ", ".join(map(str, steps[:5].tolist()))
    return f"{shown}, ..., {steps[-1]}" if len(steps) > 5 else shown


def list_checked_metrics(run: TrainingRun) -> list[tuple[str, Curve, HealthyRange]]:
    """(metric, its curve, its range) of all metrics of a run that have a range with rules, in the table's order."""
    curves = _add_mean_heldout(run)
    return [
        (metric, curve, known)
        for known in HEALTHY_RANGES
        if any(rule.detector for rule in known.rules)
        for metric, curve in _select_curves(known, curves)
    ]


def list_checked_ranges(runs: Sequence[TrainingRun]) -> list[HealthyRange]:
    """The ranges that were checked: those with rules for a metric that some run has logged, in the table's order."""
    checked = {known for run in runs for _, _, known in list_checked_metrics(run)}
    return [known for known in HEALTHY_RANGES if known in checked]


def summarize_alerts(alerts: Sequence[Alert], runs: Sequence[TrainingRun]) -> str:
    """The alerts in a sentence."""
    critical = [alert for alert in alerts if alert.level == "critical"]
    warnings = sum(alert.level == "warning" for alert in alerts)
    if critical:
        names = {occurrence.run for alert in critical for occurrence in alert.occurrences}
        which = "" if len(runs) == 1 else f", in {len(names)} of {len(runs)} runs"
        return f"{_count(len(critical), 'critical alert')}{which}."
    if warnings:
        return f"No critical alert, {_count(warnings, 'warning')}."
    return "Every checked metric is in its healthy range."


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number > 1 else ''}"
