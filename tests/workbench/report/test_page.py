"""The page as text: what it shows, what it escapes, and that it needs no other file. test_browser.py opens it."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from awpo_verl.workbench.report.page import PAGE, render_code, write_page, write_report
from awpo_verl.workbench.report.runs import RunError, read_run, read_runs
from tests.workbench.report.logs import awpo_run, constant, grpo_run, rollout, write_dump, write_jsonl

HOSTILE = "</pre></body><script>document.title='ran'</script><img src=x onerror=alert(1)>\u202egnp\x1b[31m & 'a' \"b\""


class Reader(HTMLParser):
    """Tags with their attributes, and the text that is read."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def page(tmp_path: Path, *paths: Path, names: tuple[str, ...] = ()) -> Reader:
    write_page(read_runs(paths, names), tmp_path / PAGE)
    return Reader((tmp_path / PAGE).read_text(encoding="utf-8"))


def test_it_needs_no_script_no_network_and_no_other_file(tmp_path: Path) -> None:
    found = page(tmp_path, awpo_run(tmp_path / "a", judge=True), grpo_run(tmp_path / "b"))
    tags = {tag for tag, _ in found.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "audio", "video"}
    values = [(key, value or "") for _, attrs in found.tags for key, value in attrs.items()]
    assert all(value.startswith("#") for key, value in values if key in {"href", "src", "xlink:href"})
    assert not [key for key, _ in values if key.startswith("on")]
    text = (tmp_path / PAGE).read_text(encoding="utf-8")
    assert not re.search(r"@import|url\((?!#)", text)
    assert "default-src 'none'" in text  # what slipped through would still not load or run


def test_a_healthy_awpo_run_beside_grpo_shows_what_each_has(tmp_path: Path) -> None:
    found = page(tmp_path, awpo_run(tmp_path / "ours"), grpo_run(tmp_path / "verls"))
    assert "Every checked metric is in its healthy range." in found.text
    pictures = {attrs["aria-label"] or "": tag for tag, attrs in found.tags if attrs.get("role") == "img"}
    (gate,) = (label for label in pictures if label.startswith("Gate "))
    (norm,) = (label for label in pictures if label.startswith("Gradient norm "))
    assert gate == "Gate over training steps. First and last value of ours: 0.875 → 0.6."
    assert norm == "Gradient norm over training steps. First and last value of ours: 0.3 → 0.3. verls: 0.2 → 0.2."
    text = (tmp_path / PAGE).read_text(encoding="utf-8")
    assert re.findall(r'data-label="estimator">([^<]*)', text) == ["awpo", "another"]
    assert "0.20 → 0.80" in found.text  # held-out success of the first
    assert "0.80 at step 12" in found.text
    assert "awpo/judge" not in (tmp_path / PAGE).read_text().split('id="success"')[1]  # neither has a judge
    assert "grpo's" in found.text  # the last step that both have validated


def test_grpo_alone_has_a_page(tmp_path: Path) -> None:
    found = page(tmp_path, grpo_run(tmp_path / "verls"))
    assert "What AWPO did" not in found.text
    assert "Success on held-out prompts" in found.text


def test_every_metric_of_the_judge_is_drawn(tmp_path: Path) -> None:
    path = awpo_run(tmp_path / "a", judge=True)
    steps = [(13, {"awpo/judge/new_kind/of_metric": 1.0, "awpo/judge_pool/size": 3.0})]
    (path / "metrics.1.jsonl").write_text((path / "metrics.jsonl").read_text())
    write_jsonl(path / "metrics.jsonl", steps)
    found = page(tmp_path, path)
    for metric in ("valid_frac", "latency_p99", "failed_total/timeout", "new_kind/of_metric"):
        assert f"awpo/judge/{metric}" in found.text
    assert "awpo/judge_pool/size" in found.text


def test_an_alert_comes_with_its_figure_range_and_advice(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a" / "metrics.jsonl", constant("response_length/clip_ratio", 0.3))
    found = page(tmp_path, tmp_path / "a")
    text = re.sub(r"\s+", " ", found.text)
    assert "1 critical alert." in text
    assert "critical Responses are cut off response_length/clip_ratio: above 0.1. Healthy: below 0.1." in text
    assert "0.3, mean of the last 10 steps chart A response that is cut off fails. Raise RESPONSE_TOKENS." in text
    ((_, figure),) = [(tag, attrs) for tag, attrs in found.tags if tag == "figure" and attrs.get("class") == "critical"]
    assert ("a", {"href": f"#{figure['id']}"}) in found.tags


def test_alerts_of_held_out_success_link_to_the_chart_of_their_data_source_or_of_the_mean(tmp_path: Path) -> None:
    falls = [(0, 0.2, 0.3), *((n, 0.9, 0.3) for n in (10, 20, 30)), *((n, 0.5, 0.3) for n in (80, 90, 100))]
    steps = [(n, {"val-core/a/b/acc/mean@1": x, "val-core/c/acc/mean@1": y}) for n, x, y in falls]
    write_jsonl(tmp_path / "a" / "metrics.jsonl", steps)
    found = page(tmp_path, tmp_path / "a")
    figures = [attrs for tag, attrs in found.tags if tag == "figure"]
    links = [attrs["href"] for tag, attrs in found.tags if tag == "a" and "chart" in (attrs["href"] or "")]
    # the charts: the mean, a/b, c. Critical: a/b has fallen. Warning: the mean is flat
    assert [figure.get("class") for figure in figures] == [None, "critical", None]
    assert links == [f"#{figures[1]['id']}", f"#{figures[0]['id']}"]


def test_of_many_occurrences_eight_are_shown_at_once(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a" / "metrics.jsonl", constant("response_length/clip_ratio", 0.3))
    write_page([read_run(path, f"run {n}") for n in range(20)], tmp_path / PAGE)
    text = (tmp_path / PAGE).read_text(encoding="utf-8")
    assert "<summary>12 more</summary>" in text
    assert text.count("0.3, mean of the last 10 steps") == 20


def test_hostile_text_is_escaped_everywhere(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    source = HOSTILE.replace("/", "|")
    steps = [(n, {f"val-core/{source}/acc/mean@1": 0.9 - n / 2, f"awpo/judge/{source}": math.nan}) for n in (0, 1)]
    write_jsonl(folder / "metrics.jsonl", [*steps, (2, {f"awpo/judge/{source}": 1.0})])
    rows = [rollout(HOSTILE, HOSTILE, gts=HOSTILE, judge_reason=HOSTILE)]
    write_dump(folder / "validation", 0, rows)
    found = page(tmp_path, folder, names=(HOSTILE,))
    assert not {tag for tag, _ in found.tags} & {"script", "img"}
    text = (tmp_path / PAGE).read_text(encoding="utf-8")
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f]", text)
    assert (
        found.text.count("document.title='ran'") >= 8
    )  # the name, the source, question, prompt, truth, answer, reason
    assert found.text.count("\\u202egnp\\x1b[31m") >= 8


def test_a_megabyte_of_text_is_cut_with_a_note(tmp_path: Path) -> None:
    folder = awpo_run(tmp_path / "a")
    write_dump(folder / "validation", 12, [rollout("Question 1?", "<b>" * 350_000, 1.0)])
    found = page(tmp_path, folder)
    assert "[... cut here: 1,047,600 more characters]" in found.text
    assert (tmp_path / PAGE).stat().st_size < 500_000


def test_twenty_runs_of_ten_thousand_steps_are_thinned_and_the_page_says_so(tmp_path: Path) -> None:
    metrics = ("critic/score/mean", "awpo/gate/mean", "actor/entropy", "actor/grad_norm")
    steps = [(n, dict.fromkeys(metrics, 0.3 + n * 7919 % 997 / 5000)) for n in range(10_000)]
    path = write_jsonl(tmp_path / "r0" / "metrics.jsonl", steps)
    runs = [read_run(path, f"run {n}") for n in range(20)]
    write_page(runs, tmp_path / PAGE)
    text = (tmp_path / PAGE).read_text(encoding="utf-8")
    assert len(text) / text.count('role="img"') < 100_000  # some 35 charts at most: 3.5 MB
    assert "each point is the mean of up to 67 neighbouring steps" in text  # ceil(10,000 / 150)


def test_more_runs_than_there_are_looks_are_refused(tmp_path: Path) -> None:
    path = grpo_run(tmp_path / "a")
    with pytest.raises(RunError, match="25 runs are given, but a report has 1 to 24"):
        write_report([read_run(path, f"run {n}") for n in range(25)], tmp_path / "out")


def test_each_section_is_also_a_png(tmp_path: Path) -> None:
    written = write_report([read_run(awpo_run(tmp_path / "a", judge=True))], tmp_path / "out" / "deep")
    names = [path.name for path in written]
    assert names == [
        *("report.html", "success.png", "rewards.png", "awpo.png"),
        *("agreement.png", "judge.png", "policy.png", "time.png"),
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written[1:])


def test_lines_that_could_not_be_read_are_counted(tmp_path: Path) -> None:
    path = grpo_run(tmp_path / "a") / "metrics.jsonl"
    path.write_text("{torn\n" + path.read_text())
    assert "a: 1 lines of metrics.jsonl could not be read." in page(tmp_path, path).text


def test_a_run_of_only_nan_has_a_page_that_says_so(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a" / "metrics.jsonl", constant("awpo/gate/mean", math.nan, 3))
    (written,) = write_report([read_run(tmp_path / "a")], tmp_path / "out")
    assert "at 3 of 3 steps: 1, 2, 3" in written.read_text(encoding="utf-8")


def test_backticks_are_code_and_all_is_escaped() -> None:
    assert render_code("set `a<b`, <i>") == "set <code>a&lt;b</code>, &lt;i&gt;"
