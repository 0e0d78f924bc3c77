"""From a source to files: the same bytes each time, all or nothing, and every row accounted for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awpo_verl.rewards.outcome import read_expected_calls, read_target
from awpo_verl.workbench.data import pipeline, verl_rows
from awpo_verl.workbench.data.duplicates import question_key
from awpo_verl.workbench.data.options import OptionError, PrepareOptions
from awpo_verl.workbench.data.pipeline import PrepareError, prepare_files
from awpo_verl.workbench.data.preparation import BROKEN
from awpo_verl.workbench.data.row_checks import NOT_UNICODE
from awpo_verl.workbench.data.sample import Sample
from awpo_verl.workbench.data.splits import split_by_hash
from awpo_verl.workbench.data.verl_rows import FILES, rate_difficulty
from awpo_verl.workbench.files.json_files import FileError
from tests.workbench.data.rows import (
    ALL,
    call,
    drops,
    openai,
    plain,
    reference_score,
    rlla,
    run,
    sample,
    toolace,
    truth,
    write,
    written,
    xlam,
)

MANY = [plain(f"Question number {n}", *([call("f", a=n)] if n % 4 else [])) for n in range(200)]


def digests(out):
    return {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in FILES}


def test_the_same_input_options_and_seed_give_the_same_bytes(tmp_path):
    options = PrepareOptions(mask_names=0.3, irrelevant=0.2, limit=120, heldout=0.2)
    source = write(tmp_path / "source.jsonl", MANY)
    prepare_files("jsonl", str(source), tmp_path / "a", options)
    prepare_files("jsonl", str(source), tmp_path / "b", options)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    prepare_files("jsonl", str(source), tmp_path / "b", replace(options, seed=1))
    changed = {name for name in FILES if digests(tmp_path / "a")[name] != digests(tmp_path / "b")[name]}
    assert changed == set(FILES)


def test_a_row(tmp_path):
    report, (row,) = run("jsonl", [plain("Add.", call("f", a=1), id="x")], tmp_path)
    tool = openai("f", a="integer", b="string")
    assert row == {
        "data_source": "jsonl",
        "prompt": [
            {"role": "system", "content": row["prompt"][0]["content"]},
            {"role": "user", "content": "Add."},
        ],
        "ability": "tool_use",
        "reward_model": {
            "style": "rule",
            "ground_truth": json.dumps({"tool_calls": [call("f", a=1)], "tools": [tool]}),
        },
        "extra_info": {
            "index": 0,
            "split": "train",
            "id": "x",
            "difficulty": "easy",
            "reference_reasoning": "",
            "reasoning_steps": None,
            "calls": 1,
            "changes": "",
        },
    }
    assert report.length_quantiles()["0.5"] == sum(len(message["content"].split()) for message in row["prompt"])


def test_all_sets_give_the_same_columns_and_ground_truths_that_our_checker_reads(tmp_path):
    tool = {"name": "f", "description": "F.", "parameters": {"a": {"type": "int"}}}
    rows = {
        "toolace": toolace(("user", "Q"), ("assistant", '[City Weather/v2 (daily)(city="R")]')),
        "xlam": xlam("Q", [tool], [call("f", a=1)]),
        "rlla": rlla(
            '1. Name: f\nDescription: d\nParameters: {"a": {"type": "int"}}',
            "<user> Q </user>",
            '<think> t </think> <tool_call> {"name": "f", "parameters": {"a": 1}} </tool_call>',
        ),
        "bfcl": {
            "id": "b",
            "question": [[{"role": "user", "content": "Q"}]],
            "function": [openai("f", a="integer")["function"]],
            "ground_truth": [{"f": {"a": [1]}}],
        },
        "jsonl": plain("Q", call("f", a=1), reasoning_steps=["1=1"]),
    }
    schemas = set()
    for name, given_row in rows.items():
        _, (row,) = run(name, [given_row], tmp_path)
        schemas.add(str(pq.read_schema(tmp_path / "out" / "train.parquet")))
        assert len(read_expected_calls(row["reward_model"]["ground_truth"]) or ()) == 1
        assert "f" in (read_target(row["reward_model"]["ground_truth"]).tools or {}) or name == "toolace"
        assert reference_score(row) == 1.0
        assert all(set(message) == {"role", "content"} for message in row["prompt"])
    assert len(schemas) == 1


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(30)), st.floats(0, 1))
def test_a_question_is_on_the_same_side_whatever_the_order_of_the_rows(tmp_path_factory, order, share):
    tmp_path = tmp_path_factory.mktemp("rows")
    _, kept = run("jsonl", [MANY[n] for n in order], tmp_path, replace(ALL, heldout=share, conflicts="first"))
    for row in kept:
        question = row["prompt"][1]["content"]
        assert row["extra_info"]["split"] == split_by_hash(question.lower(), share)


def test_the_turns_of_a_conversation_are_on_the_same_side(tmp_path):
    def chat(n):
        return toolace(("user", f"Time in {n}?"), ("assistant", "[getTime()]"), ("user", "And?"), ("assistant", "No."))

    _, kept = run("toolace", [chat(n) for n in range(60)], tmp_path, replace(ALL, heldout=0.5))
    sides = {}
    for row in kept:
        sides.setdefault(row["extra_info"]["id"].partition("#")[0], set()).add(row["extra_info"]["split"])
    assert all(len(side) == 1 for side in sides.values())
    assert {side for given_side in sides.values() for side in given_side} == {"train", "heldout"}
    assert question_key(sample("jsonl", plain("Time, in 3?"))) == "time in 3"


def test_rows_are_numbered_in_each_split_and_say_which_it_is(tmp_path):
    run("jsonl", MANY, tmp_path, replace(ALL, heldout=0.3))
    for split in ("train", "heldout"):
        rows = pq.read_table(tmp_path / "out" / f"{split}.parquet").to_pylist()
        assert [row["extra_info"]["index"] for row in rows] == list(range(len(rows)))
        assert {row["extra_info"]["split"] for row in rows} == {split}
        assert len(rows) > 20


def test_more_rows_than_a_batch(tmp_path, monkeypatch):
    whole = run("jsonl", MANY, tmp_path)[1]
    monkeypatch.setattr(verl_rows, "BATCH", 7)
    assert run("jsonl", MANY, tmp_path)[1] == whole


def test_the_limit_is_drawn_by_the_seed_and_not_by_the_order(tmp_path):
    def ids(rows, seed):
        return {
            row["prompt"][1]["content"] for row in run("jsonl", rows, tmp_path, replace(ALL, limit=50, seed=seed))[1]
        }

    assert len(ids(MANY, 0)) == 50
    assert ids(MANY, 0) == ids(MANY[::-1], 0)
    assert ids(MANY, 0) != ids(MANY, 1)


def test_every_row_is_kept_or_dropped_with_a_reason(tmp_path):
    rows = [*MANY, *MANY[:3], plain(" "), plain("Q", call("g")), plain("R", call("f"), tools=[]), "{", plain("\ud800")]
    report, kept = run("jsonl", rows, tmp_path, PrepareOptions(heldout=0.1))
    assert report.rows == len(rows) == len(kept) + report.dropped.total()
    assert len(drops(tmp_path / "out")) == report.dropped.total()
    reasons = {where: reason for where, reason, _ in drops(tmp_path / "out")}
    assert [reasons[f"source.jsonl:{n}"] for n in range(201, 209)] == [
        *["a duplicate"] * 3,
        "the user says nothing",
        "calls a tool that is not offered",
        "calls are expected and no tool is offered",
        BROKEN,
        NOT_UNICODE,
    ]
    told = json.loads((tmp_path / "out" / "report.json").read_text())
    assert told["kept"] == len(kept)
    assert told["dropped"]["a duplicate"] == {"rows": 3, "where": "source.jsonl:201", "detail": "of source.jsonl:1"}
    assert sum(n for split in told["kept_by_split_and_difficulty"].values() for n in split.values()) == len(kept)


@pytest.mark.parametrize(
    ("calls", "tools", "turns", "difficulty"),
    [
        ([call("f", a=1)], 4, 1, "easy"),
        ([], 1, 1, "easy"),
        ([call("f"), call("f")], 1, 1, "medium"),
        ([call("f", **dict.fromkeys("abcd", 1))], 1, 1, "easy"),
        ([call("f", **dict.fromkeys("abcde", 1))], 1, 1, "medium"),
        ([call("f", a={"b": 1})], 1, 1, "medium"),
        ([call("f", a={"$any": [1, 2]})], 1, 1, "easy"),
        ([call("f", a={"$any": [{"b": 1}]})], 1, 1, "medium"),
        ([call("f", a=1)], 5, 1, "medium"),
        ([call("f", a=1)], 1, 2, "medium"),
        ([call("f"), call("f")], 5, 1, "hard"),
        ([call("f", a={"b": 1}), call("f")], 5, 2, "hard"),
    ],
)
def test_difficulty(calls, tools, turns, difficulty):
    offered = tuple(openai(f"f{n}") for n in range(tools))
    messages = ({"role": "user", "content": "Q"},) * turns
    assert rate_difficulty(Sample("here", "1", "s", messages, offered, tuple(calls))) == difficulty


def test_the_set_with_these_columns_is_suggested(tmp_path):
    source = write(tmp_path / "source.jsonl", [xlam("Q", [], [])] * 3)
    with pytest.raises(PrepareError) as caught:
        prepare_files("toolace", str(source), tmp_path / "out", ALL)
    assert str(caught.value) == (
        f"All 3 rows of {source} are not in the form of toolace (--max-broken 0.1). The first: source.jsonl:1: "
        f"system is missing; expected a text. It looks like xlam: awpo-verl prepare xlam {source}"
    )
    assert not (tmp_path / "out").exists()


def test_the_first_rows_all_broken_stop_the_run_at_once(tmp_path):
    rows = ["{"] * pipeline.FIRST_ROWS + [plain(f"Q {n}") for n in range(1000)]
    with pytest.raises(PrepareError, match=r"^All 20 rows of .* The first: source.jsonl:1: not JSON"):
        run("jsonl", rows, tmp_path, replace(ALL, max_broken=1.0))


def test_max_broken(tmp_path):
    rows = [*[plain(f"Q {n}") for n in range(8)], "{", "[]"]
    assert run("jsonl", rows, tmp_path, replace(ALL, max_broken=0.2))[0].broken == 2
    before = digests(tmp_path / "out")
    with pytest.raises(PrepareError, match="2 of 10 rows of"):
        run("jsonl", rows, tmp_path, replace(ALL, max_broken=0.19))
    assert digests(tmp_path / "out") == before  # what was there stays


def test_nothing_is_written_where_something_fails_late(tmp_path, monkeypatch):
    run("jsonl", MANY, tmp_path)
    before = digests(tmp_path / "out")

    def fail(*_):
        raise OSError("no space")

    monkeypatch.setattr(pipeline, "write_parquet", fail)
    with pytest.raises(OSError, match="no space"):
        run("jsonl", MANY[:5], tmp_path)
    assert digests(tmp_path / "out") == before
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == sorted(FILES)


def test_an_empty_source_and_one_of_which_nothing_is_kept_are_errors(tmp_path):
    with pytest.raises(PrepareError, match="it has no rows"):
        run("jsonl", [], tmp_path)
    with pytest.raises(PrepareError, match=r"none of 1 rows is kept: 1 over the share without a call \(--no-call\)"):
        run("jsonl", [plain("Hello")], tmp_path, PrepareOptions())


def test_a_file_that_is_read_is_never_overwritten(tmp_path):
    source = write(tmp_path / "dropped.jsonl", MANY)
    with pytest.raises(FileError, match=r"has dropped.jsonl, which is read"):
        prepare_files("jsonl", str(source), tmp_path, ALL)
    run("jsonl", MANY, tmp_path)
    evaluation = str(tmp_path / "out" / "heldout.parquet")
    with pytest.raises(FileError, match=r"has heldout.parquet, which is read"):
        run("jsonl", MANY, tmp_path, replace(ALL, eval_set=(evaluation,)))
    with pytest.raises(FileError, match="is a file; expected a folder"):
        prepare_files("jsonl", str(source), source, ALL)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("toolrl", PrepareOptions(), "there is no set 'toolrl'; use one of toolace, xlam, rlla, bfcl, jsonl"),
        ("xlam", PrepareOptions(prompt="qwen"), "--prompt is 'qwen'; use one of hermes, source"),
        ("xlam", PrepareOptions(prompt="source"), "--prompt source: xlam has no prompt with the tools in it"),
        ("rlla", PrepareOptions(prompt="source", mask_names=0.1), "--mask-names and --irrelevant change the tools"),
        ("xlam", PrepareOptions(heldout=2), "--heldout is 2; use a share from 0 to 1"),
        ("xlam", PrepareOptions(no_call=float("nan")), "--no-call is nan; use a share"),
        ("xlam", PrepareOptions(limit=-1), "--limit is -1; use 0"),
        ("xlam", PrepareOptions(max_prompt_tokens=9), "--max-prompt-tokens needs --tokenizer"),
        ("xlam", PrepareOptions(tokenizer="/no/such/folder"), "--tokenizer /no/such/folder cannot be loaded"),
    ],
)
def test_wrong_options_are_named(tmp_path, name, options, message):
    with pytest.raises(OptionError, match=message):
        run(name, MANY, tmp_path, options)


def test_truth_and_written_read_what_the_pipeline_wrote(tmp_path):
    run("jsonl", MANY[:3], tmp_path)
    assert [truth(row)["tool_calls"] for row in written(tmp_path / "out")] == [[], [call("f", a=1)], [call("f", a=2)]]
