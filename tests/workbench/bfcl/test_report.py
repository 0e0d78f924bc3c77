"""The table: groups and weights, comparisons, the written report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from awpo_verl.workbench.bfcl import entries, report
from awpo_verl.workbench.bfcl.entries import BfclEntry, BfclRun


def test_entries_without_an_answer_are_outside_of_n(run: BfclRun) -> None:
    simple = next(row for row in report.build_rows(run) if row.name == "simple_python")
    assert (simple.n, simple.accuracy.value) == (4, 0.25)  # 1 right of 0, 1, 2 and 4
    assert report.count_unanswered(run) == 3
    assert "3 entries have no answer" in report.render_markdown(run, report.build_rows(run))


def made(**verdicts: Sequence[bool | None]) -> BfclRun:
    """made(multiple=[True, None]): entries multiple_0, multiple_1."""
    made_entries = {
        f"{name}_{i}": BfclEntry(name, v) for name, values in verdicts.items() for i, v in enumerate(values)
    }
    return BfclRun({"label": "made"}, made_entries)


def test_groups_are_weighed_as_bfcl_does() -> None:
    run = made(
        simple_python=[True, True],  # 1
        simple_java=[True, False],  # 0.5: simple is 0.75
        multiple=[True, False, False, False],  # 0.25
        live_simple=[True] * 3 + [False],  # 3 of 4
        live_multiple=[False] * 2,  # 0 of 2
        irrelevance=[True],
        multi_turn_base=[True, False],
    )
    values = {row.name: row.accuracy.value for row in report.build_rows(run)}
    assert values["non-live"] == pytest.approx((0.75 + 0.25) / 2)
    assert values["live"] == pytest.approx(3 / 6)  # by entries
    # without agentic the weights are 10, 10, 10 and 30 of 60
    assert values["overall"] == pytest.approx((10 * 0.5 + 10 * 0.5 + 10 * 1.0 + 30 * 0.5) / 60)


def test_a_group_names_how_many_of_its_categories_were_run() -> None:
    row = next(row for row in report.build_rows(made(multiple=[True], parallel=[False])) if row.name == "non-live")
    assert (row.parts, row.of, row.n, row.accuracy.value) == (2, 6, 2, 0.5)


def test_a_comparison_is_over_the_entries_that_both_answered() -> None:
    mine = made(multiple=[True, True, True, False, None, True])
    theirs = made(multiple=[True, False, False, False, True])
    row = report.build_rows(mine, theirs)[0]
    assert (row.n, row.common) == (5, 4)
    assert row.difference is not None
    assert row.difference.value == pytest.approx(3 / 4 - 1 / 4)
    assert row.p == pytest.approx(0.5)  # 2 * 0.5^2


def test_without_common_entries_there_is_no_difference() -> None:
    rows = report.build_rows(made(multiple=[True]), made(parallel=[True]))
    assert all(row.difference is None for row in rows)


def test_a_written_report_is_a_baseline(tmp_path: Path) -> None:
    run = made(multiple=[True, False], live_simple=[None])
    report.write_report(run, None, tmp_path)
    for path in (tmp_path, tmp_path / "bfcl.json"):
        assert entries.load_saved_run(path).entries == run.entries
    text = report.write_report(made(multiple=[True, True]), entries.load_saved_run(tmp_path), tmp_path)
    assert text == (tmp_path / "bfcl.md").read_text(encoding="utf-8")
    assert "+50.0" in text


def test_a_baseline_with_other_settings_is_named() -> None:
    mine, theirs = made(multiple=[True]), made(multiple=[True])
    mine.settings["handler"], theirs.settings["handler"] = "qwen-fc", "openai-fc"
    text = report.render_markdown(mine, report.build_rows(mine, theirs), theirs)
    assert "The settings differ: handler qwen-fc here, openai-fc there" in text
