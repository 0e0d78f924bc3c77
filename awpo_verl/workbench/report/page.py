"""The page: one HTML file without script, network or fonts of its own. All text is escaped by jinja2."""

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
from awpo_verl.workbench.report.charts import HELDOUT_CHART, MEAN_CHART, Chart, Section, sections
from awpo_verl.workbench.report.figures import LOOKS, MANY, Line, Panel, short
from awpo_verl.workbench.report.findings import LEVELS, Finding, checked, findings
from awpo_verl.workbench.report.ranges import MEAN, range_of
from awpo_verl.workbench.report.runs import Run, RunError
from awpo_verl.workbench.report.samples import samples
from awpo_verl.workbench.report.success import source_of
from awpo_verl.workbench.report.summary import summary

PAGE = "report.html"
MAX_CASES = 8  # of a finding, shown at once


@dataclass(frozen=True)
class Drawn:
    """A chart for the template: its picture, the same in words, and the legend's entries (look, run, figures)."""

    chart: Chart
    healthy: str
    picture: Markup
    ends: tuple[tuple[int, str, str], ...]


def write_report(runs: Sequence[Run], out: Path) -> list[Path]:
    """Write report.html, and a PNG a section, into `out`. Returns what was written.

    Raises:
        RunError: no run, or more than figures.LOOKS. OSError: a dump cannot be read, or `out` not written.
    """
    out.mkdir(parents=True, exist_ok=True)
    found, looks = sections(runs), looks_of(runs)
    written = [out / PAGE]
    written[0].write_text(render(runs, found, looks), encoding="utf-8")
    for section in found:
        path = out / f"{section.name}.png"
        panels = [_panel(chart, looks, printable(chart.title)) for chart in section.charts]
        figures.save_png(panels, path, section.title, shared_legend=True)
        written.append(path)
    return written


def write_page(runs: Sequence[Run], path: Path) -> None:
    """Write the page alone. Raises as `write_report`."""
    path.write_text(render(runs, sections(runs), looks_of(runs)), encoding="utf-8")


def looks_of(runs: Sequence[Run]) -> dict[str, int]:
    """Run's name -> the look of its lines.

    Raises:
        RunError: as `write_report`.
    """
    if not 0 < len(runs) <= LOOKS:
        raise RunError(f"{len(runs)} runs; a report has 1 to {LOOKS}, more lines could not be told apart.")
    return {run.name: look for look, run in enumerate(runs)}


def render(runs: Sequence[Run], found: Sequence[Section], looks: dict[str, int]) -> str:
    """The page as text."""
    noticed = findings(runs)
    anchors = {chart.metric: f"chart-{number}" for number, chart in enumerate(c for s in found for c in s.charts)}
    sick = {anchor_of(case.metric, anchors) for one in noticed if one.level == "sick" for case in one.cases}
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("awpo_verl.workbench.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["code"] = code
    environment.filters["printable"] = printable
    return environment.get_template("page.html.j2").render(
        runs=runs,
        looks=looks,
        summaries=[summary(run) for run in runs],
        findings={level: [finding for finding in noticed if finding.level == level] for level in LEVELS},
        headline=headline(noticed, runs),
        checked=checked(runs),
        sections=[(section, [draw(chart, looks) for chart in section.charts]) for section in found],
        samples=samples(runs),
        notes=notes(runs, found),
        swatch=swatch,
        colours=list(zip(figures.LIGHT, figures.DARK, strict=True)),
        version=versions.__version__,
        now=datetime.now().strftime("%Y-%m-%d %H:%M"),
        most_cases=MAX_CASES,
        anchors=anchors,
        anchor_of=lambda metric: anchor_of(metric, anchors),
        sick=sick,
        own_legend=len(runs) <= MANY,
    )


def anchor_of(metric: str, anchors: dict[str, str]) -> str | None:
    """Where the chart of a metric stands on the page; None where it has none."""
    source = source_of(metric)
    if source is not None:
        metric = HELDOUT_CHART.format(source)
    elif metric == MEAN:
        return anchors.get(MEAN_CHART) or next(iter(anchors.values()), None)
    return anchors.get(metric)


def headline(noticed: Sequence[Finding], runs: Sequence[Run]) -> str:
    """The findings in a sentence."""
    counts = {level: sum(finding.level == level for finding in noticed) for level in LEVELS}
    some = {finding_case.run for finding in noticed if finding.level == "sick" for finding_case in finding.cases}
    if counts["sick"]:
        who = "" if len(runs) == 1 else f", in {len(some)} of {len(runs)} runs"
        return f"{_things(counts['sick'], 'curve')} outside of what is healthy{who}."
    if counts["look"]:
        return f"Nothing is sick. {_things(counts['look'], 'thing')} worth a look."
    return "Nothing is outside its range."


def _things(count: int, what: str) -> str:
    return f"One {what} is" if count == 1 else f"{count} {what}s are"


def draw(chart: Chart, looks: dict[str, int]) -> Drawn:
    """The chart's picture with its description, and where each run began and is."""
    picture = figures.svg(_panel(chart, looks), salt=chart.metric)
    ends = tuple((looks[run], run, _ends(curve.values.tolist())) for run, curve in chart.curves.items())
    described = ". ".join(f"{run}: {figure}" for _, run, figure in ends)
    label = printable(f"{chart.title} over training steps. First and last value of {described}.")
    picture = picture.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)
    known = range_of(chart.metric)
    return Drawn(chart, known.healthy if known else "", Markup(picture), ends)


def _ends(values: Sequence[float]) -> str:
    first, last = short(values[0]), short(values[-1])
    return last if len(values) == 1 else f"{first} → {last}"


def _panel(chart: Chart, looks: dict[str, int], title: str = "") -> Panel:
    known = range_of(chart.metric)
    lines = tuple(Line(printable(run), curve, looks[run]) for run, curve in chart.curves.items())
    return Panel(title, lines, chart.limits, known.band if known else None)


def notes(runs: Sequence[Run], found: Sequence[Section]) -> list[str]:
    """What was left out or made simpler, and where the figures are from."""
    said = [f"{run.name}: {run.last_step:,} steps from {run.path} ({run.log.form})." for run in runs]
    for run in runs:
        if run.log.broken:
            said.append(f"{run.name}: {run.log.broken} lines of {run.log.files[-1].name} could not be read.")
    longest = max((len(curve) for s in found for chart in s.charts for curve in chart.curves.values()), default=0)
    points = figures.points_for(len(runs))
    if longest > points:
        spread = " The shade goes from the lowest to the highest of them." if len(runs) <= MANY else ""
        said.append(
            f"Curves of more than {points} values are thinned: each point is the mean of up to "
            f"{-(-longest // points)} neighbouring steps.{spread}"
        )
    said += [section.note for section in found if section.note]
    return said


def swatch(look: int) -> Markup:
    """A short piece of a run's line."""
    dashes = " ".join(f"{length * 2:g}" for length in figures.dash_of(look))
    return Markup(
        '<svg class="swatch" viewBox="0 0 30 8" aria-hidden="true"><line x1="0" y1="4" x2="30" y2="4" '
        'stroke="var(--c{})" stroke-width="2.5"{}/></svg>'
    ).format(figures.colour_of(look), Markup(' stroke-dasharray="{}"').format(dashes) if dashes else "")


def code(text: str) -> Markup:
    """`this` as <code>this</code>, all of it escaped."""
    pieces = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if number % 2 else escape(piece) for number, piece in enumerate(pieces)
    )
