"""Entries read from BFCL's files: right, wrong or no answer, and why."""

from __future__ import annotations

from pathlib import Path

from awpo_verl.workbench.bfcl import entries, report
from awpo_verl.workbench.bfcl.entries import BfclRun
from tests.workbench.bfcl.bfcl_files import CALL, lines, save


def test_every_kind_of_failure_is_distinguished(run: BfclRun) -> None:
    kinds = {id: (entry.correct, entry.kind) for id, entry in run.of("simple_python").items()}
    assert kinds == {
        "simple_python_0": (True, ""),
        "simple_python_1": (False, "decode"),
        "simple_python_2": (False, "context"),
        "simple_python_3": (None, "server"),
        "simple_python_4": (False, "handler"),
        "simple_python_5": (None, "missing"),
    }


def test_a_failed_request_does_not_count_as_right_in_irrelevance(run: BfclRun) -> None:
    """BFCL counts all three irrelevance entries as right."""
    assert run.bfcl["irrelevance"] == 1.0
    assert [entry.correct for entry in run.of("irrelevance").values()] == [True, False, None]
    assert "irrelevance: BFCL's score file says 100.0" in report.render_markdown(run, report.build_rows(run))


def test_multi_turn_entries_have_their_failures_too(run: BfclRun) -> None:
    found = [(entry.correct, entry.kind) for entry in run.of("multi_turn_base").values()]
    assert found == [(True, ""), (False, "context"), (False, "crash")]


def test_an_answer_at_its_limit_is_cut(run: BfclRun) -> None:
    """64 of 64 new tokens; and 14 where the prompt of 240 left 256 - 240 - 2 = 14."""
    assert [id for id, entry in run.entries.items() if entry.cut] == ["simple_python_1", "multi_turn_base_0"]


def test_only_bfcls_prompting_handlers_limit_an_answer_to_4096(tmp_path: Path) -> None:
    (tmp_path / "selection.json").write_text('{"bfcl_eval": "1", "selection": {"multiple": ["multiple_0"]}}')
    entry = {"id": "multiple_0", "result": CALL, "input_token_count": 50, "output_token_count": 5000}
    save(tmp_path, "non_live", "multiple", [entry], [])
    for handler, cut in (("qwen", True), ("qwen-fc", True), ("openai", False), ("openai-fc", False)):
        found = entries.read_run(tmp_path, {"handler": handler, "context": 32768})
        assert found.entries["multiple_0"].cut is cut


def test_scores_of_an_earlier_run_are_not_taken_for_this_one(tmp_path: Path) -> None:
    (tmp_path / "selection.json").write_text(
        '{"bfcl_eval": "1", "selection": {"multiple": ["multiple_0"]}}', encoding="utf-8"
    )
    save(tmp_path, "non_live", "multiple", [{"id": "multiple_0", "result": CALL}], [])
    more = [{"id": "multiple_0", "result": CALL}, {"id": "multiple_1", "result": CALL}]
    lines(tmp_path / "result/evaluated/non_live/BFCL_v4_multiple_result.json", more)
    assert entries.read_run(tmp_path, {}).entries["multiple_0"].kind == "missing"
