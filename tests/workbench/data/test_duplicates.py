"""Duplicates, conflicts, and what stands in an evaluation set."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awpo_verl.workbench.data.duplicates import EvalSet, answer_key, prompt_key
from awpo_verl.workbench.data.preparation import CONFLICT, DUPLICATE, LEAK
from awpo_verl.workbench.files.json_files import FileError
from tests.workbench.data.rows import ALL, call, drops, openai, plain, rlla, run, sample, toolace, truth, write, xlam

LONG = "please book a small quiet room in the old town of Rome for two nights from Friday on"  # 17 words


def test_case_blanks_and_order_do_not_hide_a_duplicate(tmp_path):
    f, g = openai("f", a="integer"), openai("g", a="integer")
    rows = [
        plain("Do it.", call("f", a=1), call("g", a=2), tools=[f, g]),
        plain(" do  IT. ", call("g", a=2), call("f", a=1), tools=[g, f]),
        plain("Do it!", call("f", a=1), call("g", a=2), tools=[f, g]),  # other marks may be another number
        plain("Do it.", call("f", a=1), tools=[f]),  # other tools
    ]
    _, kept = run("jsonl", rows, tmp_path)
    assert [row["extra_info"]["id"] for row in kept] == ["source.jsonl:1", "source.jsonl:3", "source.jsonl:4"]
    assert drops(tmp_path / "out") == [("source.jsonl:2", DUPLICATE, "of source.jsonl:1")]


def test_several_answers_to_one_prompt_are_all_dropped_or_the_first_is_kept(tmp_path):
    rows = [plain("Q", call("f", a=1)), plain("Q", call("f", a=2)), plain("q", call("f", a=1)), plain("R")]
    _, kept = run("jsonl", rows, tmp_path)
    assert [row["prompt"][1]["content"] for row in kept] == ["R"]
    assert [(where, reason) for where, reason, _ in drops(tmp_path / "out")] == [
        ("source.jsonl:2", CONFLICT),
        ("source.jsonl:3", DUPLICATE),
        ("source.jsonl:1", CONFLICT),
    ]
    _, kept = run("jsonl", rows, tmp_path, replace(ALL, conflicts="first"))
    assert [len(truth(row)["tool_calls"]) for row in kept] == [1, 0]
    assert truth(kept[0])["tool_calls"] == [call("f", a=1)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("PQR"), st.integers(0, 2)), min_size=1, max_size=8))
def test_deduplication_is_idempotent_and_keeps_each_prompt_once(tmp_path_factory, drawn):
    tmp_path = tmp_path_factory.mktemp("rows")
    rows = [plain(question, call("f", a=a)) for question, a in drawn]
    _, kept = run("jsonl", rows, tmp_path, replace(ALL, conflicts="first"))
    questions = [row["prompt"][1]["content"] for row in kept]
    assert sorted(questions) == sorted({question for question, _ in drawn})
    again = [plain(row["prompt"][1]["content"], *truth(row)["tool_calls"]) for row in kept]
    report, twice = run("jsonl", again, tmp_path, replace(ALL, conflicts="first"))
    assert not report.dropped
    assert [truth(row) for row in twice] == [truth(row) for row in kept]


def test_keys_tell_prompts_and_answers_apart():
    one, other = sample("jsonl", plain("Q", call("f", a=1))), sample("jsonl", plain("Q", call("f", a="1")))
    assert prompt_key(one) == prompt_key(other)
    assert answer_key(one) != answer_key(other)  # 1 is not "1"


EVAL_ROWS = {
    "jsonl": [
        {"question": LONG, "tools": [], "tool_calls": [], "id": "e1"},
        {"messages": [{"role": "user", "content": "Hi"}]},
    ],
    "bfcl": [{"id": "e1", "question": [[{"role": "user", "content": LONG}]], "function": []}],
    "toolace": [toolace(("user", LONG), ("assistant", "[getTime()]"))],
    "xlam": [xlam(LONG, [], [])],
    "rlla": [rlla("1. Name: f\nDescription: d\nParameters: {}", f"<user> {LONG} </user>", "")],
}


@pytest.mark.parametrize("form", EVAL_ROWS)
def test_a_question_of_the_evaluation_set_is_dropped_and_its_row_named(tmp_path, form):
    evaluation = write(tmp_path / "eval.jsonl", EVAL_ROWS[form])
    words = LONG.split()
    rows = [
        plain(LONG.upper() + "!", call("f", a=1)),
        plain("Now: " + " ".join(words[1:14]) + ", thanks", call("f", a=2)),  # 13 words of it
        plain("Now: " + " ".join(words[1:13]) + ", thanks", call("f", a=3)),  # 12
        plain("Another thing", call("f", a=4)),
    ]
    report, kept = run("jsonl", rows, tmp_path, replace(ALL, eval_set=(str(evaluation),)))
    assert [truth(row)["tool_calls"][0]["arguments"]["a"] for row in kept] == [3, 4]
    assert report.eval_rows == len(EVAL_ROWS[form])
    (equal, overlap) = drops(tmp_path / "out")
    assert equal[:2] == ("source.jsonl:1", LEAK)
    assert equal[2].startswith("the question of eval.jsonl:1")
    assert ("(id e1)" in equal[2]) == (form in ("jsonl", "bfcl"))
    assert overlap[2].startswith("13 words of eval.jsonl:1")
    _, kept = run("jsonl", rows, tmp_path, replace(ALL, eval_set=(str(evaluation),), ngram=0))
    assert len(kept) == 3
    _, kept = run("jsonl", rows, tmp_path, replace(ALL, eval_set=(str(evaluation),), ngram=12))
    assert len(kept) == 1


def test_our_own_parquet_is_an_evaluation_set(tmp_path):
    run("jsonl", [plain(LONG, call("f", a=1))], tmp_path)
    out = str(tmp_path / "out" / "train.parquet")
    other = tmp_path / "other"
    other.mkdir()
    _, kept = run("jsonl", [plain(LONG + "?", call("f", a=1)), plain("R")], other, replace(ALL, eval_set=(out,)))
    assert len(kept) == 1


def test_a_short_turn_is_compared_only_with_all_turns_together(tmp_path):
    turns = [("user", "Hello there"), ("assistant", "Hi."), ("user", "Yes please"), ("assistant", "[getTime()]")]
    evaluation = EvalSet()
    evaluation.add_files(write(tmp_path / "eval.jsonl", [toolace(*turns)]))
    messages = [{"role": "user", "content": text} for text in ("hello there!", "yes, please")]
    whole = sample("jsonl", {"messages": messages, "tools": [], "tool_calls": []})
    assert evaluation.find_overlap(sample("jsonl", plain("Yes please"))) is None
    assert evaluation.find_overlap(whole) == "the question of eval.jsonl:1"


def test_a_user_text_without_words_matches_nothing(tmp_path):
    """As in BFCL's live_irrelevance, rows 738 and 755."""
    evaluation = EvalSet()
    rows = [{"question": [[{"role": "user", "content": text}]], "function": []} for text in ("\x16", "\t/", "Go")]
    evaluation.add_files(write(tmp_path / "eval.jsonl", rows))
    assert evaluation.rows == 3
    assert evaluation.find_overlap(sample("jsonl", plain("?!"))) is None
    assert evaluation.find_overlap(sample("jsonl", plain("go."))) == "the question of eval.jsonl:3"


@pytest.mark.parametrize("line", ["{", "[]", '{"text": "Q"}', '{"question": [[{"role": "system", "content": "S"}]]}'])
def test_an_evaluation_row_without_a_question_is_an_error(tmp_path, line):
    evaluation = write(tmp_path / "eval.jsonl", [{"question": "Q"}, line])
    with pytest.raises(FileError, match=r"eval.jsonl:2: (not a row of an evaluation set|the row has no user text)"):
        run("jsonl", [plain("Q")], tmp_path, replace(ALL, eval_set=(str(evaluation),)))
