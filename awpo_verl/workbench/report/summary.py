"""One row a run: how far it is, what it has reached, what it has spent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from awpo_verl.workbench.report.curves import Curve
from awpo_verl.workbench.report.dumps import count_rows
from awpo_verl.workbench.report.figures import short
from awpo_verl.workbench.report.rules import WINDOW
from awpo_verl.workbench.report.runs import Run
from awpo_verl.workbench.report.success import overall

NONE = "\u2013"


@dataclass(frozen=True)
class Summary:
    """A run in figures, as text; a dash for what its log does not say."""

    run: str
    estimator: str
    steps: str
    heldout: str
    best: str
    outcome: str
    spent: str
    time: str
    written: str


def summary(run: Run) -> Summary:
    """Figures from the run's curves; rollouts from its dumps."""
    held, curves = overall(run.curves), run.curves
    return Summary(
        run.name,
        _estimator(run),
        f"{run.last_step:,}",
        _first_to_last(held, 1),
        NONE if held is None else f"{held.values.max():.2f} at step {held.steps[held.values.argmax()]}",
        _first_to_last(curves.get("critic/score/mean"), WINDOW),
        _spent(run),
        _time(curves.get("timing_s/step")),
        datetime.fromtimestamp(run.written).strftime("%Y-%m-%d %H:%M"),
    )


def _estimator(run: Run) -> str:
    """`algorithm.adv_estimator`, as far as its metrics tell: the naive mix is awpo, too."""
    if "awpo/gate/mean" in run.curves:
        return "awpo"
    has_parts = any(metric.startswith("awpo/") for metric in run.curves)
    return "another, with reward parts" if has_parts else "another"


def _first_to_last(curve: Curve | None, window: int) -> str:
    if curve is None or not len(curve):
        return NONE
    if len(curve) == 1:
        return f"{curve.values[0]:.2f}"
    window = min(window, len(curve) // 2)
    return f"{curve.values[:window].mean():.2f} → {curve.values[-window:].mean():.2f}"


def _spent(run: Run) -> str:
    """Rollouts by the last dump of training rollouts, times steps; tokens as logged."""
    found: list[str] = []
    if run.rollouts:
        rows = count_rows(run.rollouts[max(run.rollouts)])
        found.append(f"{short(rows * run.last_step)} rollouts ({rows:,} a step)")
    tokens = run.curves.get("perf/total_num_tokens")
    if tokens is not None and len(tokens):
        found.append(f"{short(float(tokens.values.sum()))} tokens")
    return ", ".join(found) or NONE


def _time(steps: Curve | None) -> str:
    if steps is None or not len(steps):
        return NONE
    seconds = float(steps.values.sum())
    total = f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.1f} min"
    middle = sorted(steps.values.tolist())[len(steps) // 2]
    return f"{total}, {short(middle)} s a step"
