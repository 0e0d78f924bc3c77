"""One row for each run: its progress, its results and its cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from awpo_verl.workbench.report.curves import Curve
from awpo_verl.workbench.report.detectors import WINDOW
from awpo_verl.workbench.report.dumps import count_rows
from awpo_verl.workbench.report.figures import format_number
from awpo_verl.workbench.report.runs import TrainingRun
from awpo_verl.workbench.report.success import mean_heldout_curve

NONE = "\u2013"


@dataclass(frozen=True)
class RunSummary:
    """A run in figures, as text. A dash stands for what its log does not have."""

    run: str
    estimator: str
    steps: str
    heldout: str
    best: str
    outcome: str
    spent: str
    time: str
    written: str


def summarize_run(run: TrainingRun) -> RunSummary:
    """Summarize a run from its curves; count its rollouts from its dumps."""
    held, curves = mean_heldout_curve(run.curves), run.curves
    return RunSummary(
        run.name,
        _guess_estimator(run),
        f"{run.last_step:,}",
        _format_change(held, 1),
        NONE if held is None else f"{held.values.max():.2f} at step {held.steps[held.values.argmax()]}",
        _format_change(curves.get("critic/score/mean"), WINDOW),
        _format_spent(run),
        _format_time(curves.get("timing_s/step")),
        datetime.fromtimestamp(run.written).strftime("%Y-%m-%d %H:%M"),
    )


def _guess_estimator(run: TrainingRun) -> str:
    """`algorithm.adv_estimator`, as its metrics show it. The naive mix is awpo, too."""
    if "awpo/gate/mean" in run.curves:
        return "awpo"
    has_parts = any(metric.startswith("awpo/") for metric in run.curves)
    return "another, with reward parts" if has_parts else "another"


def _format_change(curve: Curve | None, window: int) -> str:
    if curve is None or not len(curve):
        return NONE
    if len(curve) == 1:
        return f"{curve.values[0]:.2f}"
    window = min(window, len(curve) // 2)
    return f"{curve.values[:window].mean():.2f} → {curve.values[-window:].mean():.2f}"


def _format_spent(run: TrainingRun) -> str:
    """Rollouts: the rows of the last dump of training rollouts, times steps. Tokens: as logged."""
    found: list[str] = []
    if run.rollouts:
        rows = count_rows(run.rollouts[max(run.rollouts)])
        found.append(f"{format_number(rows * run.last_step)} rollouts ({rows:,} a step)")
    tokens = run.curves.get("perf/total_num_tokens")
    if tokens is not None and len(tokens):
        found.append(f"{format_number(float(tokens.values.sum()))} tokens")
    return ", ".join(found) or NONE


def _format_time(steps: Curve | None) -> str:
    if steps is None or not len(steps):
        return NONE
    seconds = float(steps.values.sum())
    total = f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.1f} min"
    middle = sorted(steps.values.tolist())[len(steps) // 2]
    return f"{total}, {format_number(middle)} s a step"
