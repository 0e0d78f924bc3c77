"""Draw curves with matplotlib: one panel as an SVG for the page, or several panels as one PNG.

An SVG is drawn once, for light and dark: its colours are placeholders that become CSS variables. Runs differ in
colour and in dash, so that they can be told apart on a grey printer and by colour-blind readers.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from awpo_verl.workbench.report.curves import Curve, thin

# after Okabe and Ito; contrast 4.5 : 1 on white
LIGHT = ("#0067a3", "#c44e00", "#00796b", "#a13a86", "#555b66", "#7d5f00")
DARK = ("#62bdf0", "#ff9f52", "#35d0a8", "#ec9fd4", "#c3c8d1", "#efdf4e")
DASHES: tuple[tuple[float, ...], ...] = ((), (6, 2), (1.5, 1.5), (7, 2, 1.5, 2))
LOOKS = len(LIGHT) * len(DASHES)  # how many lines can be told apart
FEW_LINES = 4  # with more lines in a panel, the spread is left out and each line has fewer points
WIDTH, HEIGHT, FONT_SIZE = 4.6, 2.7, 13  # inches, inches, SVG units (72 per inch)
MAX_DOTS = 40  # a curve of at most so many points has dots
_LINE_WIDTH = 1.8
_PLACEHOLDER = re.compile(r"#00f0([0-9a-f]{2})")
_LONG = re.compile(r"\d+\.\d{2,}")
_VARIABLE_NAMES = {0x10: "ink", 0x11: "grid", 0x12: "band"}


@dataclass(frozen=True)
class Line:
    """A curve with its label, and its look: a number from 0 to LOOKS - 1 for its colour and dash."""

    label: str
    curve: Curve
    look: int


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        limits: of the value axis; None fits them to the data.
        band: the healthy range, shaded; None stands for an open end.
    """

    title: str
    lines: tuple[Line, ...]
    limits: tuple[float, float] | None = None
    band: tuple[float | None, float | None] | None = None


@dataclass(frozen=True)
class Theme:
    """The colours of lines, of text and axes, of the grid, and of the healthy band."""

    lines: Sequence[str]
    ink: str
    grid: str
    band: str


PAPER = Theme(LIGHT, "#24292f", "#d8dce2", "#2e8b57")
_PLACEHOLDERS = Theme([f"#00f0{i:02x}" for i in range(len(LIGHT))], "#00f010", "#00f011", "#00f012")


def colour_of(look: int) -> int:
    """The index of a look's colour in LIGHT and DARK."""
    return look % len(LIGHT)


def dash_of(look: int) -> tuple[float, ...]:
    """A look's dash, in line widths; () is solid. Two neighbours differ in colour and in dash."""
    return DASHES[(look + look // (2 * len(LIGHT))) % len(DASHES)]


def max_points(lines: int) -> int:
    """The most points of each line, in a panel with so many lines."""
    return 300 if lines <= FEW_LINES else 150


def draw_svg(panel: Panel, salt: str) -> str:
    """Draw a panel as an <svg> for the page, without its title. `salt` makes its ids unique. Text is escaped."""
    from matplotlib import pyplot as plt

    with _default_style({"svg.fonttype": "none", "svg.hashsalt": salt}):
        figure, axis = plt.subplots(figsize=(WIDTH, HEIGHT))
        figure.subplots_adjust(left=0.165, right=0.975, top=0.965, bottom=0.2)
        _draw_panel(axis, panel, _PLACEHOLDERS)
        written = io.StringIO()
        figure.savefig(written, format="svg", transparent=True)
        plt.close(figure)
    return _adapt_to_page(written.getvalue())


def save_png(panels: Sequence[Panel], path: Path, title: str = "", shared_legend: bool = False) -> None:
    """Draw the panels as one PNG, three in a row, in light colours."""
    from matplotlib import pyplot as plt

    columns = min(3, len(panels))
    rows = math.ceil(len(panels) / columns)
    with _default_style({"font.size": 10}):
        figure, axes = plt.subplots(
            rows, columns, figsize=(4.4 * columns, 3.4 * rows), layout="constrained", squeeze=False
        )
        for axis in axes.flat[len(panels) :]:
            axis.axis("off")
        for axis, panel in zip(axes.flat, panels, strict=False):
            _draw_panel(axis, panel, PAPER)
            axis.set_title(panel.title, fontsize=11)
            if not shared_legend and panel.lines:
                axis.legend(fontsize=8)
        if shared_legend:
            handles = {h.get_label(): h for axis in axes.flat for h in axis.get_legend_handles_labels()[0]}
            figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=min(4, len(handles)))
        if title:
            figure.suptitle(title)
        figure.savefig(path, dpi=120)
        plt.close(figure)


@contextmanager
def _default_style(more: dict[Any, Any]) -> Iterator[None]:
    """matplotlib's default style, not the user's. `$` in a name is text; a missing glyph gives no warning."""
    from matplotlib import style

    matplotlib.use("Agg")
    settings = {"font.size": FONT_SIZE, "text.parse_math": False, **more}
    with style.context("default"), matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def _draw_panel(axis: Any, panel: Panel, theme: Theme) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for line in panel.lines:
        _draw_line(axis, line, theme, len(panel.lines))
    if panel.limits is not None:
        axis.set_ylim(*panel.limits)
    _draw_band(axis, panel.band, theme)
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axis.yaxis.set_major_locator(MaxNLocator(5))
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(FuncFormatter(lambda value, _: format_number(value)))
    axis.set_xlabel("training step", color=theme.ink)
    axis.grid(color=theme.grid, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(colors=theme.ink, length=0)
    for name, spine in axis.spines.items():
        spine.set_color(theme.grid)
        spine.set_visible(name in {"left", "bottom"})


def _draw_line(axis: Any, line: Line, theme: Theme, lines: int) -> None:
    thinned = thin(line.curve, max_points(lines))
    colour = theme.lines[colour_of(line.look)]
    steps, values = thinned.steps, thinned.values
    if thinned.per_point == 1 and len(line.curve.gaps):  # interrupt the line at each gap
        at = np.searchsorted(steps, line.curve.gaps)
        steps, values = np.insert(steps, at, line.curve.gaps), np.insert(values, at, np.nan)
    (drawn,) = axis.plot(
        steps,
        values,
        color=colour,
        linewidth=_LINE_WIDTH,
        label=line.label.lstrip("_") or "-",  # matplotlib hides labels that begin with _
        marker="o" if len(steps) <= MAX_DOTS else None,
        markersize=4,
    )
    if dash_of(line.look):
        drawn.set_dashes(dash_of(line.look))
    if thinned.per_point > 1 and lines <= FEW_LINES:
        axis.fill_between(thinned.steps, thinned.low, thinned.high, color=colour, alpha=0.18, linewidth=0)


def _draw_band(axis: Any, band: tuple[float | None, float | None] | None, theme: Theme) -> None:
    """Shade the healthy range inside the limits that the curves have. The band does not widen them."""
    if band is None:
        return
    low, high = axis.get_ylim()
    if low == high:
        return
    bottom, top = (low if band[0] is None else max(low, band[0])), (high if band[1] is None else min(high, band[1]))
    if bottom < top:
        axis.axhspan(bottom, top, color=theme.band, alpha=0.12, linewidth=0, zorder=0)
        axis.set_ylim(low, high)


def format_number(value: float) -> str:
    """A number in a few characters: 0.125, 5e-05, 1030, 12.5k, 3.1M."""
    size = abs(float(f"{value:.3g}"))  # as it is shown: 999,960 is 1M
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= unit:
            return f"{value / (1e3 if letter == 'k' else unit):.3g}{letter}"
    if size >= 1e3:
        return f"{value:.0f}"
    return f"{value:.1e}".replace(".0e", "e") if 0 < size < 1e-3 else f"{value:.3g}"


def _adapt_to_page(text: str) -> str:
    """Make matplotlib's SVG half as large, and let the page decide its colours and fonts.

    Removed: header, metadata, style, fonts, ids without a reference. Coordinates are rounded to 0.1.
    """
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg [^>]*?) width="[^"]*" height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r" font-family: [^;\"]*;?| ?transform=\"rotate\(-0 [^)]*\)\"", "", text)
    text = _PLACEHOLDER.sub(lambda found: f"var(--{_name_variable(int(found[1], 16))})", text)
    text = re.sub(r'\b(?:d|x|y|transform)="[^"]*"', lambda found: _LONG.sub(_round_number, found[0]), text)
    return re.sub(r"\s*\n\s*", "\n", text)


def _round_number(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}"


def _name_variable(index: int) -> str:
    return _VARIABLE_NAMES.get(index, f"c{index}")
