"""The page: one HTML file without scripts, requests or fonts. jinja2 escapes all text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from awpo_verl import versions
from awpo_verl.workbench.printable import printable
from awpo_verl.workbench.report import figures
from awpo_verl.workbench.report.alerts import LEVELS, find_alerts, list_checked_ranges, summarize_alerts
from awpo_verl.workbench.report.charts import HELDOUT_CHART, MEAN_CHART, Chart, Section, build_sections
from awpo_verl.workbench.report.figures import FEW_LINES, LOOKS, Line, Panel, format_number
from awpo_verl.workbench.report.health import MEAN_HELDOUT, find_range
from awpo_verl.workbench.report.metrics import RunError
from awpo_verl.workbench.report.runs import TrainingRun
from awpo_verl.workbench.report.samples import sample_rollouts
from awpo_verl.workbench.report.success import data_source_of
from awpo_verl.workbench.report.summary import summarize_run

PAGE = "report.html"
MAX_OCCURRENCES = 8  # of one alert, shown at once


@dataclass(frozen=True)
class LegendEntry:
    """A run in a chart: the look of its line, and its first and last value as text."""

    look: int
    run: str
    change: str


@dataclass(frozen=True)
class DrawnChart:
    """A chart for the template: its SVG, its legend, and its healthy range in words ("" where there is none)."""

    chart: Chart
    healthy: str
    svg: Markup
    legend: tuple[LegendEntry, ...]


def write_report(runs: Sequence[TrainingRun], out: Path) -> list[Path]:
    """Write report.html, and one PNG for each section, into the folder `out`. Returns the files.

    Raises:
        RunError: no run, or more than figures.LOOKS. OSError: a dump cannot be read, or `out` cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    sections, looks = build_sections(runs), assign_looks(runs)
    written = [out / PAGE]
    written[0].write_text(render_page(runs, sections, looks), encoding="utf-8")
    for section in sections:
        path = out / f"{section.name}.png"
        panels = [_build_panel(chart, looks, printable(chart.title)) for chart in section.charts]
        figures.save_png(panels, path, section.title, shared_legend=True)
        written.append(path)
    return written


def write_page(runs: Sequence[TrainingRun], path: Path) -> None:
    """Write the page alone. Raises as `write_report`."""
    path.write_text(render_page(runs, build_sections(runs), assign_looks(runs)), encoding="utf-8")


def assign_looks(runs: Sequence[TrainingRun]) -> dict[str, int]:
    """Name of a run -> the look of its lines.

    Raises:
        RunError: as `write_report`.
    """
    if not 0 < len(runs) <= LOOKS:
        raise RunError(f"{len(runs)} runs are given, but a report has 1 to {LOOKS}. Make several reports.")
    return {run.name: look for look, run in enumerate(runs)}


def render_page(runs: Sequence[TrainingRun], sections: Sequence[Section], looks: dict[str, int]) -> str:
    """The page as HTML text."""
    alerts = find_alerts(runs)
    anchors = {chart.metric: f"chart-{n}" for n, chart in enumerate(c for s in sections for c in s.charts)}
    critical = [alert for alert in alerts if alert.level == "critical"]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("awpo_verl.workbench.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["code"] = render_code
    environment.filters["printable"] = printable
    return environment.get_template("page.html.j2").render(
        runs=runs,
        looks=looks,
        summaries=[summarize_run(run) for run in runs],
        alerts={level: [alert for alert in alerts if alert.level == level] for level in LEVELS},
        alert_summary=summarize_alerts(alerts, runs),
        checked=list_checked_ranges(runs),
        sections=[(section, [draw_chart(chart, looks) for chart in section.charts]) for section in sections],
        samples=sample_rollouts(runs),
        notes=list_notes(runs, sections),
        swatch=draw_swatch,
        colours=list(zip(figures.LIGHT, figures.DARK, strict=True)),
        version=versions.__version__,
        now=datetime.now().strftime("%Y-%m-%d %H:%M"),
        max_occurrences=MAX_OCCURRENCES,
        anchors=anchors,
        find_anchor=lambda metric: find_anchor(metric, anchors),
        critical_anchors={find_anchor(found.metric, anchors) for alert in critical for found in alert.occurrences},
        own_legend=len(runs) <= FEW_LINES,
    )


def find_anchor(metric: str, anchors: dict[str, str]) -> str | None:
    """The anchor of a metric's chart on the page; None where it has no chart."""
    source = data_source_of(metric)
    if source is not None:
        metric = HELDOUT_CHART.format(source)
    elif metric == MEAN_HELDOUT:
        return anchors.get(MEAN_CHART) or next(iter(anchors.values()), None)
    return anchors.get(metric)


def draw_chart(chart: Chart, looks: dict[str, int]) -> DrawnChart:
    """Draw a chart. Its description for screen readers has the first and last value of each run."""
    svg = figures.draw_svg(_build_panel(chart, looks), salt=chart.metric)
    legend = tuple(
        LegendEntry(looks[run], run, _format_change(curve.values.tolist())) for run, curve in chart.curves.items()
    )
    described = ". ".join(f"{entry.run}: {entry.change}" for entry in legend)
    label = printable(f"{chart.title} over training steps. First and last value of {described}.")
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)
    known = find_range(chart.metric)
    return DrawnChart(chart, known.healthy if known else "", Markup(svg), legend)


def _format_change(values: Sequence[float]) -> str:
    first, last = format_number(values[0]), format_number(values[-1])
    return last if len(values) == 1 else f"{first} → {last}"


def _build_panel(chart: Chart, looks: dict[str, int], title: str = "") -> Panel:
    known = find_range(chart.metric)
    lines = tuple(Line(printable(run), curve, looks[run]) for run, curve in chart.curves.items())
    return Panel(title, lines, chart.limits, known.band if known else None)


def list_notes(runs: Sequence[TrainingRun], sections: Sequence[Section]) -> list[str]:
    """Where the figures come from, and what the page leaves out."""
    notes = [f"{run.name}: {run.last_step:,} steps from {run.path} ({run.log.form})." for run in runs]
    for run in runs:
        if run.log.broken_lines:
            notes.append(f"{run.name}: {run.log.broken_lines} lines of {run.log.files[-1].name} could not be read.")
    longest = max((len(curve) for s in sections for chart in s.charts for curve in chart.curves.values()), default=0)
    points = figures.max_points(len(runs))
    if longest > points:
        spread = " The shade shows the lowest and the highest of them." if len(runs) <= FEW_LINES else ""
        notes.append(
            f"Curves of more than {points} values are thinned: each point is the mean of up to "
            f"{-(-longest // points)} neighbouring steps.{spread}"
        )
    return [*notes, *(section.note for section in sections if section.note)]


def draw_swatch(look: int) -> Markup:
    """A short piece of a run's line, for legends."""
    dashes = " ".join(f"{length * 2:g}" for length in figures.dash_of(look))
    return Markup(
        '<svg class="swatch" viewBox="0 0 30 8" aria-hidden="true"><line x1="0" y1="4" x2="30" y2="4" '
        'stroke="var(--c{})" stroke-width="2.5"{}/></svg>'
    ).format(figures.colour_of(look), Markup(' stroke-dasharray="{}"').format(dashes) if dashes else "")


def render_code(text: str) -> Markup:
    """Escape the text, and make `this` <code>this</code>."""
    pieces = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if number % 2 else escape(piece) for number, piece in enumerate(pieces)
    )
