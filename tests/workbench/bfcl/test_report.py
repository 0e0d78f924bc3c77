"""Records and the table from small files in BFCL's own form, with every way that an entry can fail."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from awpo_verl.workbench.bfcl import entries, report
from awpo_verl.workbench.bfcl.entries import BfclEntry, BfclRun
from awpo_verl.workbench.bfcl.inside_bfcl_eval import CRASHED, failure_kind, forget_server_failures, pick_evenly

CALL = '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>'
OPENAI = "Traceback (most recent call last):\n  ...\nopenai.{}: Error code"
TOO_LONG = {
    "result": "Error during inference: Error code: 400 - This model's maximum context length is 256 tokens.",
    "traceback": OPENAI.format("BadRequestError"),
}
DOWN = {"result": "Error during inference: Connection error.", "traceback": OPENAI.format("APIConnectionError")}
UNREADABLE = {"result": "Error during inference: 'name'", "traceback": "Traceback:\n  ...\nKeyError: 'name'"}


def lines(path: Path, entries: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")


def save(root: Path, group: str, category: str, results: list[dict[str, Any]], wrong: list[dict[str, Any]]) -> None:
    """A category's result and score files as BFCL writes them: the score file has a head and the wrong entries."""
    right = len(results) - len(wrong)
    head = {"accuracy": right / len(results), "correct_count": right, "total_count": len(results)}
    lines(root / f"result/evaluated/{group}/BFCL_v4_{category}_result.json", results)
    lines(root / f"score/evaluated/{group}/BFCL_v4_{category}_score.json", [head, *wrong])


@pytest.fixture
def run(tmp_path: Path) -> BfclRun:
    selection = {
        "simple_python": [f"simple_python_{i}" for i in range(6)],
        "irrelevance": ["irrelevance_0", "irrelevance_1", "irrelevance_2"],
        "multi_turn_base": ["multi_turn_base_0", "multi_turn_base_1", "multi_turn_base_2"],
    }
    (tmp_path / "selection.json").write_text(json.dumps({"bfcl_eval": "1", "selection": selection}), encoding="utf-8")
    simple = [
        {"id": "simple_python_0", "result": CALL, "input_token_count": 50, "output_token_count": 10},
        {"id": "simple_python_1", "result": "no call", "input_token_count": 50, "output_token_count": 64},
        {"id": "simple_python_2"} | TOO_LONG,
        {"id": "simple_python_3"} | DOWN,
        {"id": "simple_python_4"} | UNREADABLE,
    ]
    wrong = [{"id": f"simple_python_{i}", "valid": False, "error_type": "simple_function_checker:x"} for i in (2, 3, 4)]
    undecoded = {"id": "simple_python_1", "valid": False, "error_type": "ast_decoder:decoder_failed"}
    save(tmp_path, "non_live", "simple_python", simple, [undecoded, *wrong])
    irrelevance = [{"id": "irrelevance_0", "result": "no call"}, {"id": "irrelevance_1"} | TOO_LONG]
    save(tmp_path, "non_live", "irrelevance", [*irrelevance, {"id": "irrelevance_2"} | DOWN], [])
    tokens = {"input_token_count": [[90, 120], [240]], "output_token_count": [[5, 5], [14]]}
    turns = [
        {"id": "multi_turn_base_0", "result": [[CALL, "done"], ["done"]]} | tokens,
        {"id": "multi_turn_base_1"} | TOO_LONG,
        {"id": "multi_turn_base_2", "result": [[CALL]]},
    ]
    errors = ["multi_turn:inference_error", CRASHED]
    wrong = [{"id": f"multi_turn_base_{i}", "error": {"error_type": e}} for i, e in zip((1, 2), errors, strict=True)]
    save(tmp_path, "multi_turn", "multi_turn_base", turns, wrong)
    return entries.read_run(tmp_path, {"max_new_tokens": 64, "context": 256})


def test_every_failure_is_told_apart(run: BfclRun) -> None:
    kinds = {id: (record.correct, record.kind) for id, record in run.of("simple_python").items()}
    assert kinds == {
        "simple_python_0": (True, ""),
        "simple_python_1": (False, "decode"),
        "simple_python_2": (False, "context"),
        "simple_python_3": (None, "server"),
        "simple_python_4": (False, "handler"),
        "simple_python_5": (None, "missing"),
    }


def test_a_failed_request_is_not_a_right_refusal_to_call(run: BfclRun) -> None:
    """BFCL counts all three irrelevance entries as right."""
    assert run.bfcl["irrelevance"] == 1.0
    assert [record.correct for record in run.of("irrelevance").values()] == [True, False, None]
    assert "irrelevance: BFCL's score file says 100.0" in report.render_markdown(run, report.build_rows(run))


def test_multi_turn_entries_have_their_failures_too(run: BfclRun) -> None:
    found = [(record.correct, record.kind) for record in run.of("multi_turn_base").values()]
    assert found == [(True, ""), (False, "context"), (False, "crash")]


def test_an_answer_at_its_limit_is_cut(run: BfclRun) -> None:
    """64 of 64 new tokens; and 14 where the prompt of 240 left 256 - 240 - 2 = 14."""
    assert [id for id, record in run.entries.items() if record.cut] == ["simple_python_1", "multi_turn_base_0"]


def test_only_bfcls_own_handlers_of_prompts_cap_an_answer_at_4096(tmp_path: Path) -> None:
    (tmp_path / "selection.json").write_text('{"bfcl_eval": "1", "selection": {"multiple": ["multiple_0"]}}')
    entry = {"id": "multiple_0", "result": CALL, "input_token_count": 50, "output_token_count": 5000}
    save(tmp_path, "non_live", "multiple", [entry], [])
    for handler, cut in (("qwen", True), ("qwen-fc", True), ("openai", False), ("openai-fc", False)):
        found = entries.read_run(tmp_path, {"handler": handler, "context": 32768})
        assert found.entries["multiple_0"].cut is cut


def test_entries_without_an_answer_are_outside_of_n(run: BfclRun) -> None:
    simple = next(row for row in report.build_rows(run) if row.name == "simple_python")
    assert (simple.n, simple.accuracy.value) == (4, 0.25)  # 1 right of 0, 1, 2 and 4
    assert report.count_unanswered(run) == 3
    assert "3 entries have no answer" in report.render_markdown(run, report.build_rows(run))


def test_scores_of_an_earlier_run_are_not_taken_for_this_one(tmp_path: Path) -> None:
    (tmp_path / "selection.json").write_text(
        '{"bfcl_eval": "1", "selection": {"multiple": ["multiple_0"]}}', encoding="utf-8"
    )
    save(tmp_path, "non_live", "multiple", [{"id": "multiple_0", "result": CALL}], [])
    more = [{"id": "multiple_0", "result": CALL}, {"id": "multiple_1", "result": CALL}]
    lines(tmp_path / "result/evaluated/non_live/BFCL_v4_multiple_result.json", more)
    assert entries.read_run(tmp_path, {}).entries["multiple_0"].kind == "missing"


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


def test_a_group_says_how_much_of_it_was_run() -> None:
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


def test_a_baseline_asked_in_another_way_is_named() -> None:
    mine, theirs = made(multiple=[True]), made(multiple=[True])
    mine.settings["handler"], theirs.settings["handler"] = "qwen-fc", "openai-fc"
    text = report.render_markdown(mine, report.build_rows(mine, theirs), theirs)
    assert "The settings differ: handler qwen-fc here, openai-fc there" in text


def test_only_failed_requests_are_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "evaluated/live/BFCL_v4_live_simple_result.json"
    lines(path, [{"id": "a", "result": CALL}, {"id": "b"} | DOWN, {"id": "c"} | TOO_LONG, {"id": "d"} | UNREADABLE])
    with path.open("a", encoding="utf-8") as file:
        file.write('{"id": "e", "res')  # the last line of a run that was killed
        file.write('\n{"id": "f", "result": "one line, to JSON: a\u2028b"}\n')
    assert forget_server_failures(tmp_path) == 2
    assert [json.loads(line)["id"] for line in path.read_text(encoding="utf-8").split("\n")[:-1]] == [
        "a",
        "c",
        "d",
        "f",
    ]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("max_tokens=1000 cannot be greater than max_model_len=max_total_tokens=256.", "context"),
        ("This model's maximum context length is 8192 tokens. However, you requested 9000 output tokens", "context"),
        ("The decoder prompt (length 300) is longer than the maximum model length of 256.", "context"),
        ("Internal server error", "server"),
    ],
)
def test_vllms_ways_to_say_too_long(message: str, kind: str) -> None:
    entry = {"result": f"Error during inference: Error code: 400 - {message}", "traceback": OPENAI.format("APIError")}
    assert failure_kind(entry) == kind


def test_a_larger_limit_keeps_the_entries_of_its_divisors() -> None:
    ids = [str(i) for i in range(97)]
    assert len(pick_evenly(ids, 10)) == 10
    assert set(pick_evenly(ids, 10)) <= set(pick_evenly(ids, 30))
    assert pick_evenly(ids, 0) == pick_evenly(ids, 100) == ids
