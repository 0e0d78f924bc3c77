"""Hammer's changes: masked names, and questions without the tool that answers them."""

from __future__ import annotations

import json
import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.rewards.outcome import parse_tools, schema_problems
from awpo_verl.rewards.outcome.calls import ToolCall
from awpo_verl.workbench.data.augment import apply_mask, draw_mask, remove_called_tools
from awpo_verl.workbench.data.sample import Sample
from awpo_verl.workbench.data.tools import tool_names
from tests.workbench.data.rows import ALL, call, openai, plain, reference_score, run, truth

names = st.text(alphabet="abcAB _.", min_size=1, max_size=4).filter(str.strip)
values = st.recursive(
    st.integers() | st.text(max_size=3) | st.booleans(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def samples(draw) -> Sample:
    parameters = draw(st.dictionaries(names, st.lists(names, unique=True, max_size=3), min_size=1, max_size=3))
    tools = tuple(openai(name, tuple(keys[:1]), **dict.fromkeys(keys, "string")) for name, keys in parameters.items())

    def calls():
        chosen = draw(st.lists(st.sampled_from(sorted(parameters)), max_size=2))
        return [{"name": n, "arguments": {key: draw(values) for key in parameters[n]}} for n in chosen]

    results = json.dumps([{"name": name, "results": {"x": 1}} for name in parameters])
    messages = [
        {"role": "user", "content": f"Call {next(iter(parameters))}."},
        {"role": "assistant", "content": "", "tool_calls": calls()},
        {"role": "tool", "content": results},
        {"role": "user", "content": "Again."},
    ]
    return Sample("here", "1", "s", tuple(messages), tools, tuple(calls()))


@given(samples(), st.integers())
def test_masking_is_consistent_and_the_inverse_mask_gives_the_sample_back(sample, seed):
    mask = draw_mask(sample, random.Random(seed))
    assert mask is not None
    after = apply_mask(sample, mask)
    assert apply_mask(after, mask.inverse) == sample
    new = tool_names(after.tools)
    assert len(set(new)) == len(new)
    assert not set(new) & set(tool_names(sample.tools))
    properties = {t["function"]["name"]: t["function"]["parameters"]["properties"] for t in after.tools}
    for made in (*after.calls, *after.messages[1]["tool_calls"]):
        assert set(made["arguments"]) == set(properties[made["name"]])
    for tool in after.tools:
        assert set(tool["function"]["parameters"].get("required", ())) <= set(properties[tool["function"]["name"]])
    assert [item["name"] for item in json.loads(after.messages[2]["content"])] == new
    assert after.messages[0] == sample.messages[0]  # what the user says stays


def test_masked_rows_have_their_own_names_and_right_answers(tmp_path):
    rows = [plain(f"Q {n}", call("f", a=n, b="x")) for n in range(40)]
    report, kept = run("jsonl", rows, tmp_path, replace(ALL, mask_names=1.0))
    assert report.changes == {"masked": 40}
    seen = set()
    for row in kept:
        given_truth = truth(row)
        (tool,) = given_truth["tools"]
        name, parameters = tool["function"]["name"], tool["function"]["parameters"]["properties"]
        assert name != "f"
        assert f'"name": "{name}"' in row["prompt"][0]["content"]
        assert '"name": "f"' not in row["prompt"][0]["content"]
        (made,) = given_truth["tool_calls"]
        assert (made["name"], set(made["arguments"])) == (name, set(parameters))
        assert not schema_problems([ToolCall(name, made["arguments"])], parse_tools(given_truth["tools"]))
        assert reference_score(row) == 1.0
        seen.add(name)
    assert len(seen) == 40


def test_a_share_is_masked_and_the_same_with_the_same_seed(tmp_path):
    rows = [plain(f"Q {n}", call("f", a=n)) for n in range(200)]
    first = run("jsonl", rows, tmp_path, replace(ALL, mask_names=0.5))
    again = run("jsonl", rows[::-1], tmp_path, replace(ALL, mask_names=0.5))
    other = run("jsonl", rows, tmp_path, replace(ALL, mask_names=0.5, seed=1))
    assert 70 <= first[0].changes["masked"] <= 130  # 100, and 4 standard deviations of 7

    def truths(result):
        return {row["prompt"][1]["content"]: truth(row) for row in result[1]}

    assert truths(first) == truths(again)
    assert truths(first) != truths(other)


def test_a_schema_that_says_more_than_names_and_types_is_not_masked():
    tool = openai("f", a="integer")
    tool["function"]["parameters"]["dependentRequired"] = {"a": ["b"]}
    sample = Sample("here", "1", "s", ({"role": "user", "content": "Q"},), (tool,), ())
    assert draw_mask(sample, random.Random(0)) is None


def test_irrelevance_removes_the_called_tools_and_expects_no_call(tmp_path):
    tools = [openai("f", a="integer"), openai("g", a="integer")]
    sample = Sample("here", "1", "s", ({"role": "user", "content": "Q"},), tuple(tools), (call("f", a=1),))
    after = remove_called_tools(sample)
    assert after is not None
    assert (tool_names(after.tools), after.calls) == (["g"], ())
    assert remove_called_tools(replace(sample, tools=tuple(tools[:1]))) is None  # nothing would be left
    assert remove_called_tools(replace(sample, calls=())) is None
    before = {"role": "assistant", "content": "", "tool_calls": [call("g", a=1)]}
    assert remove_called_tools(replace(sample, messages=(*sample.messages, before))) is None
    rows = [plain(f"Q {n}", call("f", a=n), tools=tools) for n in range(100)]
    report, kept = run("jsonl", rows, tmp_path, replace(ALL, irrelevant=0.3, no_call=0.0))
    assert len(kept) == 100  # they do not count as the set's own rows without a call
    assert 12 <= report.changes["irrelevant"] <= 48
    assert report.calls[0] == report.changes["irrelevant"]


def test_reasoning_that_speaks_of_the_old_names_is_left_out_and_other_reasoning_stays() -> None:
    steps = ("2+3=5",)
    for reasoning, left in (
        ("use book_flight", ("", None)),
        ("two and three make five", ("two and three make five", steps)),
    ):
        row = Sample(
            "here",
            "1",
            "s",
            ({"role": "user", "content": "Q"},),
            (openai("book_flight", seats="integer"),),
            (call("book_flight", seats=5),),
            reasoning=reasoning,
            steps=steps,
        )
        mask = draw_mask(row, random.Random(0))
        assert mask is not None
        assert (apply_mask(row, mask).reasoning, apply_mask(row, mask).steps) == left
