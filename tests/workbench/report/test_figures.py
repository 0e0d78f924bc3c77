"""Pictures: lines that can be told apart, text that is text, ids and colours that suit a page."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from awpo_verl.workbench.report import figures
from awpo_verl.workbench.report.curves import Curve
from awpo_verl.workbench.report.figures import (
    DARK,
    LIGHT,
    LOOKS,
    Line,
    Panel,
    colour_of,
    dash_of,
    draw_svg,
    format_number,
    save_png,
)


def line(values: list[float], look: int = 0, label: str = "run", gaps: tuple[int, ...] = ()) -> Line:
    steps = np.array([n for n in range(len(values) + len(gaps)) if n not in gaps], np.int64)
    return Line(label, Curve(steps, np.array(values, np.float64), np.array(gaps, np.int64)), look)


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_no_two_runs_look_the_same_and_neighbours_differ_in_colour_and_in_dash() -> None:
    looks = [(colour_of(n), dash_of(n)) for n in range(LOOKS)]
    assert len(set(looks)) == LOOKS >= 20
    assert all(a[0] != b[0] and a[1] != b[1] for a, b in itertools.pairwise(looks))


@pytest.mark.parametrize(("colours", "card"), [(LIGHT, "#ffffff"), (DARK, "#181c22")])
def test_lines_stand_out_from_the_card_they_are_drawn_on(colours: tuple[str, ...], card: str) -> None:
    assert all(contrast(colour, card) >= 4.5 for colour in colours)
    assert card in Path(figures.__file__).with_name("templates").joinpath("style.css").read_text()


def test_a_picture_is_xml_without_addresses_fonts_or_colours_of_its_own() -> None:
    text = draw_svg(Panel("", (line([0.1, 0.5, 0.25], 1),), (-0.03, 1.03), (0.2, 0.9)), salt="a")
    root = ET.fromstring(text)
    assert root.tag.endswith("svg")
    assert set(re.findall(r"https?://[^\"]*", text)) == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert not re.search(r"font-family|<style|<metadata|#00f0|<script", text)
    assert {"var(--c1)", "var(--ink)", "var(--grid)", "var(--band)"} <= set(re.findall(r"var\(--\w+\)", text))
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "training step" in words
    assert "0.25" in words  # a tick: numbers in text are not rounded with the coordinates


def test_the_users_own_style_changes_nothing() -> None:
    panel = Panel("", (line([0.1, 0.5, 0.25]),))
    plain = draw_svg(panel, salt="a")
    with matplotlib.rc_context({"text.usetex": True, "lines.linewidth": 9, "axes.facecolor": "red", "font.size": 30}):
        assert draw_svg(panel, salt="a") == plain


def test_two_pictures_of_a_page_share_no_id() -> None:
    texts = [draw_svg(Panel("", (line([0.0, 1.0]),)), salt=salt) for salt in ("a", "b")]
    ids = [set(re.findall(r' id="([^"]*)"', text)) for text in texts]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_a_line_does_not_cross_a_gap(tmp_path: Path) -> None:
    def strokes(panel: Panel) -> list[str]:
        paths = re.findall(r'<path d="([^"]*)"[^>]*stroke: var\(--c0\)', draw_svg(panel, salt="a"))
        return [path for path in paths if "C" not in path]  # the dots are round

    (whole,) = strokes(Panel("", (line([1.0, 2.0, 3.0, 4.0]),)))
    (gapped,) = strokes(Panel("", (line([1.0, 2.0, 3.0, 4.0], gaps=(2,)),)))
    assert (whole.count("M"), gapped.count("M")) == (1, 2)


def test_hostile_labels_are_text_in_a_png(tmp_path: Path) -> None:
    names = ["$\\frac{1}{$", "<script>alert(1)</script>", "_hidden", "日本"]
    panel = Panel("100 % $x", tuple(line([0.0, 1.0], n, name) for n, name in enumerate(names)))
    save_png([panel, panel], tmp_path / "a.png", "T", shared_legend=True)
    save_png([panel], tmp_path / "b.png")
    with Image.open(tmp_path / "a.png") as wide, Image.open(tmp_path / "b.png") as one:
        assert wide.size[0] == 2 * one.size[0]
        assert len(set(one.convert("RGB").getdata())) > 50  # something is drawn


def test_a_constant_a_single_point_and_an_empty_band_are_drawn() -> None:
    for values in ([0.5, 0.5], [0.5], [1e-9, 2e-9], [1e12, 2e12]):
        assert "var(--c0)" in draw_svg(Panel("", (line(values),), None, (0.9, 1.0)), salt="a")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.125, "0.125"),
        (5e-05, "5e-05"),
        (-0.25, "-0.25"),
        (1030, "1030"),
        (12_500, "12.5k"),
        (3.1e6, "3.1M"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert format_number(value) == text
