"""The report as plain text, for a terminal: a line for each run, the alerts, and each metric beside its range."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import indent, wrap

from awpo_verl.workbench.printable import printable
from awpo_verl.workbench.report.alerts import Alert, find_alerts, list_checked_metrics, summarize_alerts
from awpo_verl.workbench.report.detectors import WINDOW
from awpo_verl.workbench.report.figures import format_number
from awpo_verl.workbench.report.runs import TrainingRun
from awpo_verl.workbench.report.summary import NONE, summarize_run

WIDTH = 100


def render_text(runs: Sequence[TrainingRun]) -> str:
    """The alerts and the healthy ranges of all runs as text, with characters that a terminal can print."""
    alerts = find_alerts(runs)
    blocks = [
        "\n".join(_describe_run(run) for run in runs),
        summarize_alerts(alerts, runs),
        *("\n".join(_describe_alert(alert)) for alert in alerts),
        *("\n".join(_list_ranges(run, alerts)) for run in runs),
    ]
    return printable("\n\n".join(blocks))


def _describe_run(run: TrainingRun) -> str:
    row = summarize_run(run)
    figures = {"held-out success ": row.heldout, "training outcome ": row.outcome, "": row.time}
    known = [f"{name}{figure}" for name, figure in figures.items() if figure != NONE]
    return f"{row.run}: {', '.join([f'{row.steps} steps', *known])}"


def _describe_alert(alert: Alert) -> Iterator[str]:
    yield f"{alert.level.upper()}  {alert.problem.title}"
    yield f"  {_drop_ticks(alert.label)}: {_drop_ticks(alert.condition)} (healthy: {_drop_ticks(alert.healthy)})"
    for found in alert.occurrences:
        yield f"  - {found.run}, {found.metric}: {found.figure}"
    if alert.level != "resolved":
        yield indent("\n".join(wrap(_drop_ticks(alert.problem.advice), WIDTH - 2, break_on_hyphens=False)), "  ")


def _list_ranges(run: TrainingRun, alerts: Sequence[Alert]) -> Iterator[str]:
    """A table: each checked metric of a run, its mean over the last steps, its healthy range, and its alert."""
    levels = {
        found.metric: alert.level
        for alert in reversed(alerts)  # the worst level comes last, and stays
        for found in alert.occurrences
        if found.run == run.name
    }
    rows = [("metric", f"last {WINDOW} steps", "healthy", "")]
    for metric, curve, known in list_checked_metrics(run):
        value = format_number(float(curve.tail(WINDOW).mean()))
        rows.append((metric, value, _drop_ticks(known.healthy), levels.get(metric, "")))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    yield run.name
    for metric, value, healthy, level in rows:
        yield f"  {metric:<{widths[0]}}  {value:>{widths[1]}}  {healthy:<{widths[2]}}  {level}".rstrip()


def _drop_ticks(text: str) -> str:
    return text.replace("`", "")
