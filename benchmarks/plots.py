"""Draw the benchmarks' pictures: panels of lines with their intervals, in the colours of the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

from awpo_verl.workbench.report.figures import LIGHT, PAPER

MARKERS = "osD^vPX*"


@dataclass(frozen=True)
class Series:
    """A line. x: ascending numbers, or names. low, high: the interval of y. look: number of colour, dash and marker."""

    label: str
    x: Sequence[float] | Sequence[str]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    look: int


@dataclass(frozen=True)
class Panel:
    """A pair of axes. marked: the x of the default, drawn as a bar. level: the y of a dotted line, and its label."""

    title: str
    series: Sequence[Series]
    x_label: str = ""
    y_label: str = ""
    x_scale: str = "linear"
    limits: tuple[float, float] | None = None
    marked: float | str | None = None
    level: tuple[float, str] | None = None


def save(path: Path, panels: Sequence[Panel], columns: int, title: str = "") -> None:
    """Write a PNG of panels, `columns` per row, with one legend for all."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib import style

    rows = -(-len(panels) // columns)
    with style.context("default"), matplotlib.rc_context({"font.size": 10}):
        figure, axes = plt.subplots(
            rows, columns, figsize=(4.0 * columns, 3.1 * rows), layout="constrained", squeeze=False
        )
        for axis in axes.flat[len(panels) :]:
            axis.axis("off")
        for axis, panel in zip(axes.flat, panels, strict=False):
            _draw(axis, panel)
        handles = {h.get_label(): h for axis in axes.flat for h in axis.get_legend_handles_labels()[0]}
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=min(4, len(handles)))
        if title:
            figure.suptitle(title)
        figure.savefig(path, dpi=110)
        plt.close(figure)


def _draw(axis: matplotlib.axes.Axes, panel: Panel) -> None:
    names = [s.x for s in panel.series if s.x and isinstance(s.x[0], str)]
    for series in panel.series:
        colour = LIGHT[series.look % len(LIGHT)]
        x = range(len(series.x)) if names else series.x
        axis.plot(
            x,
            series.y,
            color=colour,
            marker=MARKERS[series.look % len(MARKERS)],
            linestyle="none" if names else "-" if series.look < len(LIGHT) else "--",
            markersize=4,
            label=series.label,
        )
        if names:
            axis.vlines(x, series.low, series.high, color=colour, linewidth=1.2)
        else:
            axis.fill_between(x, series.low, series.high, color=colour, alpha=0.15, linewidth=0)
    if names:
        axis.set_xticks(range(len(names[0])), names[0], rotation=45, ha="right", fontsize=8)
    elif panel.x_scale == "symlog":
        smallest = min(value for s in panel.series for value in s.x if value > 0)
        axis.set_xscale("symlog", linthresh=smallest)
        axis.set_xticks(panel.series[0].x, [f"{value:g}" for value in panel.series[0].x], fontsize=8)
        axis.minorticks_off()
    else:
        axis.set_xscale(panel.x_scale)
    if panel.marked is not None:
        at = names[0].index(panel.marked) if names else panel.marked
        axis.axvline(at, color=PAPER.grid, linewidth=6, zorder=0)
    if panel.level is not None:
        axis.axhline(panel.level[0], color=PAPER.ink, linewidth=1, linestyle=":", label=panel.level[1])
    if panel.limits is not None:
        axis.set_ylim(*panel.limits)
    axis.set(title=panel.title, xlabel=panel.x_label, ylabel=panel.y_label)
    axis.grid(color=PAPER.grid, linewidth=0.6)
    axis.set_axisbelow(True)
    for name, spine in axis.spines.items():
        spine.set_color(PAPER.grid)
        spine.set_visible(name in {"left", "bottom"})
