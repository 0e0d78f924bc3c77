"""The page in a real browser: no request, no script, no sideways scrolling, and all text is readable."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from awpo_verl.workbench.report.page import PAGE, write_page
from awpo_verl.workbench.report.runs import read_runs
from tests.workbench.report import browser
from tests.workbench.report.browser import Browser
from tests.workbench.report.logs import awpo_run, constant, grpo_run, rollout, write_dump, write_jsonl

pytestmark = pytest.mark.skipif(browser.find() is None, reason=browser.HOW_TO_GET_ONE)

ATTACK = (
    "</pre></div><script>document.title='ran'</script><img src=http://127.0.0.1:9/x onerror=\"document.title='ran'\">"
    "<style>body{display:none}</style><svg onload=\"document.title='ran'\"></svg>\u202egnp\n" + "W" * 100_000
)
# every element with text of its own: its colour, what is behind it, its size on the screen, and the text
TEXTS = """
[...document.querySelectorAll('body *')].filter(e => [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim())
    && e.checkVisibility()).map(e => {
  const style = getComputedStyle(e), svg = e.closest('figure > svg');
  let behind = e;
  while (behind && getComputedStyle(behind).backgroundColor == 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
  const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
  return [svg ? style.fill : style.color, getComputedStyle(behind || document.body).backgroundColor,
          parseFloat(style.fontSize) * scale, e.textContent.trim().slice(0, 40)];
})
"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs: AWPO with a judge, one with an alert and hostile text, verl's GRPO."""
    folder = tmp_path_factory.mktemp("report")
    ours, hostile = awpo_run(folder / "ours", judge=True), folder / "hostile"
    write_jsonl(hostile / "metrics.jsonl", constant("response_length/clip_ratio", 0.3))
    rows = [rollout("Question 0?", ATTACK, 0.0, judge_reason=ATTACK), rollout(ATTACK, ATTACK), rollout("Question 1?")]
    write_dump(hostile / "validation", 12, rows)
    write_dump(ours / "validation", 12, rows)
    names = ["ours", ATTACK[:150] + "W" * 200, "verl's"]
    write_page(read_runs([ours, hostile, grpo_run(folder / "verls")], names), folder / PAGE)
    return folder / PAGE


def rgb(colour: str) -> list[float]:
    return [float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (p / 255 for p in rgb(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_no_script_runs_nothing_is_requested_and_the_console_is_empty(chromium: Browser, written: Path) -> None:
    page = chromium.open(written)
    assert (page.requests, page.complaints) == ([], [])
    assert page.evaluate("document.title").endswith("awpo-verl report")
    assert page.evaluate("document.querySelectorAll('script, img').length") == 0
    assert page.evaluate("document.body.checkVisibility()")  # the style of a rollout did not apply
    shown = page.evaluate("[...document.querySelectorAll('#rollouts pre')].map(e => e.textContent).join('')")
    assert shown.count("document.title='ran'") >= 4  # it was there to run


def test_the_test_would_see_a_script_a_request_and_a_complaint(chromium: Browser, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text(
        "<title>a</title><img src='http://127.0.0.1:9/x'><script>document.title='ran'; console.log(1)</script>"
    )
    page = chromium.open(path)
    assert page.evaluate("document.title") == "ran"
    assert page.requests == ["http://127.0.0.1:9/x"]
    assert page.complaints


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_does_not_scroll_sideways(chromium: Browser, written: Path, width: int) -> None:
    page = chromium.open(written, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (
        page.evaluate(
            "Math.max(...[...document.querySelectorAll('body *')].filter(e => e.checkVisibility())"
            ".map(e => e.getBoundingClientRect().right))"
        )
        <= width + 1
    )  # nor is anything cut off


@pytest.mark.parametrize(("width", "dark"), [(360, True), (1280, False)])
def test_text_is_large_enough_and_stands_out(chromium: Browser, written: Path, width: int, dark: bool) -> None:
    page = chromium.open(written, width=width, dark=dark)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert luminance(background) < 0.02 if dark else luminance(background) > 0.85
    texts = page.evaluate(TEXTS)
    assert len(texts) > 200
    assert [text for *_, size, text in texts if size < 12] == []
    assert [(text, colour) for colour, behind, _, text in texts if contrast(colour, behind) < 4.5] == []


def test_every_picture_has_a_size_a_line_and_words(chromium: Browser, written: Path) -> None:
    page = chromium.open(written, width=360)
    found = page.evaluate(
        "[...document.querySelectorAll('figure > svg')].map(e => [e.getBoundingClientRect().width,"
        " e.getBoundingClientRect().height, e.getAttribute('aria-label'),"
        " [...e.querySelectorAll('path')].filter(p => /--c[0-9]/.test(p.getAttribute('style')))"
        ".map(p => getComputedStyle(p).stroke)])"
    )
    assert len(found) >= 20
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids)) > 50
    for width, height, label, strokes in found:
        assert width > 250
        assert height > 120
        assert "over training steps" in label
        assert any(stroke.startswith("rgb") for stroke in strokes)


def test_on_paper_it_is_light_whatever_the_screen_is(chromium: Browser, written: Path) -> None:
    page = chromium.open(written, width=800, dark=True, media="print")
    assert rgb(page.evaluate("getComputedStyle(document.body).backgroundColor")) == [255, 255, 255]
    assert luminance(page.evaluate("getComputedStyle(document.body).color")) < 0.05
