"""Which rollouts are shown, and what of the model's text."""

from __future__ import annotations

from pathlib import Path

from awpo_verl.workbench.report.runs import read_run
from awpo_verl.workbench.report.samples import MAX_CHARS, MAX_PROMPTS, MAX_RUNS, sample_rollouts, shorten
from tests.workbench.report.logs import constant, rollout, write_dump, write_jsonl


def run(folder: Path, dumps: dict[int, list[dict]], kind: str = "validation"):
    write_jsonl(folder / "metrics.jsonl", constant("critic/score/mean", 0.5, 8))
    for step, rows in dumps.items():
        write_dump(folder / kind, step, rows)
    return read_run(folder)


def asked(*scores: float, output: str = "") -> list[dict]:
    return [rollout(f"Q{n}?", output or f"answer {n}", score) for n, score in enumerate(scores)]


def test_one_run_shows_its_first_validation_against_its_last_the_most_improved_first(tmp_path: Path) -> None:
    found = sample_rollouts(
        [run(tmp_path, {0: asked(1.0, 0.0, 0.0), 4: asked(0, 0, 0), 10: asked(0.0, 0.0, 1.0)[::-1]})]
    )
    assert [row.question for row in found.prompts] == ["Q2?", "Q1?", "Q0?"]
    assert [(a.label, a.outcome, a.reasoning, a.right) for a in found.prompts[0].rollouts] == [
        ("step 0", "0", "0.5", False),
        ("step 10", "1", "0.5", True),
    ]
    assert found.prompts[0].expected == '[{"name": "buy", "arguments": {"n": 2}}]'
    assert "Be brief." in found.prompts[0].prompt


def test_of_many_prompts_the_ends_are_shown_and_evenly_between(tmp_path: Path) -> None:
    before, after = asked(*[0.0] * 9, *[1.0] * 6), asked(*[1.0] * 9, *[0.0] * 6)
    found = sample_rollouts([run(tmp_path, {0: before, 4: after})])
    # of 15, 8: the 0th, 2nd, ... 14th; the first nine have improved
    assert [row.question for row in found.prompts] == [f"Q{n}?" for n in range(0, 15, 2)]


def test_several_runs_show_the_same_prompt_at_the_last_step_they_share(tmp_path: Path) -> None:
    one = run(tmp_path / "one", {0: asked(0, 0), 5: asked(1, 0, output="at 5"), 9: asked(1, 1)})
    two = run(tmp_path / "two", {0: asked(0, 0), 5: asked(1, 1, output="also 5")})
    found = sample_rollouts([one, two])
    assert "at step 5" in found.caption
    assert found.prompts[0].question == "Q1?"  # there they differ
    assert [(a.label, a.response, a.outcome) for a in found.prompts[0].rollouts] == [
        ("one", "at 5", "0"),
        ("two", "also 5", "1"),
    ]


def test_a_run_without_dumps_beside_one_with_dumps_is_left_out(tmp_path: Path) -> None:
    bare = run(tmp_path / "bare", {})
    assert "No rollouts. Give run folders" in sample_rollouts([bare]).caption
    assert len(sample_rollouts([bare, run(tmp_path / "full", {0: asked(0), 5: asked(1)})]).prompts) == 1
    other = run(tmp_path / "other", {3: asked(0)})
    assert "no validation step in common" in sample_rollouts([other, run(tmp_path / "full", {})]).caption
    elsewhere = run(tmp_path / "elsewhere", {3: [rollout("another?", "answer", 0)]})
    assert "no prompt in common at step 3" in sample_rollouts([other, elsewhere]).caption


def test_without_validation_training_rollouts_of_the_last_step_are_shorten(tmp_path: Path) -> None:
    found = sample_rollouts([run(tmp_path, {2: asked(1), 10: asked(0, 1)}, kind="rollouts")])
    assert "training prompts of step 10" in found.caption
    assert [row.rollouts[0].outcome for row in found.prompts] == ["1", "0"]


def test_prompts_and_runs_are_limited_and_the_caption_says_so(tmp_path: Path) -> None:
    many = [run(tmp_path / f"r{n}", {3: asked(*[float(n % 2)] * 30)}) for n in range(MAX_RUNS + 2)]
    found = sample_rollouts(many)
    assert len(found.prompts) == MAX_PROMPTS
    assert {len(row.rollouts) for row in found.prompts} == {MAX_RUNS}
    assert "2 more runs are left out" in found.caption


def test_a_scorer_that_failed_shows_no_reasoning_and_a_judges_reason_is_shorten(tmp_path: Path) -> None:
    rows = [rollout(reasoning=0.0, reasoning_valid=0.0, judge_reason="too\u202e short")]
    (row,) = sample_rollouts([run(tmp_path, {1: rows})]).prompts
    assert row.rollouts[0].reasoning == ""
    assert row.rollouts[0].judge_reason == "too\\u202e short"


def test_broken_rows_and_odd_files_in_a_dump_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "validation"
    path = write_dump(folder, 3, asked(0))
    path.write_text('{"torn\n[1]\n{"output": 3}\n' + path.read_text() + "{")
    (folder / "notes.jsonl").write_text("no step")
    assert [row.question for row in sample_rollouts([run(tmp_path, {})]).prompts] == ["Q0?"]


def test_rows_without_scores_prompts_or_ground_truth_are_shown(tmp_path: Path) -> None:
    rows = [{"output": "a", "input": None, "gts": None, "score": None}, {"output": "b", "gts": {"x": 1}}]
    found = sample_rollouts([run(tmp_path, {1: rows})])
    assert [row.rollouts[0].response for row in found.prompts] == ["a", "b"]
    assert [row.rollouts[0].outcome for row in found.prompts] == ["", ""]


def test_text_is_cut_with_a_note_and_its_control_characters_are_escaped() -> None:
    most = MAX_CHARS["response"]
    cut = shorten("x" * 1_000_000, "response")
    assert cut == "x" * most + f"\n[... cut here: {1_000_000 - most:,} more characters]"
    assert shorten("a\u202eb\x1b[31m\0\ud800\u2066\u200b\r\nc\td", "response") == (
        "a\\u202eb\\x1b[31m\\x00\\ud800\\u2066\\u200b\nc    d"
    )
    assert shorten("日本語, عربى, e\u0301", "response") == "日本語, عربى, e\u0301"
