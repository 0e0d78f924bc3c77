"""Parsing and exact matching of tool calls; hostile text never raises."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.rewards.outcome import ToolCall, exact_match, expected_calls, parse_response
from awpo_verl.rewards.outcome.tool_calls import MAX_BLOCKS, MAX_DEPTH


def text(*calls: Any, think: str = "t") -> str:
    blocks = "\n".join(f"<tool_call>\n{c if isinstance(c, str) else json.dumps(c)}\n</tool_call>" for c in calls)
    return f"<think>\n{think}\n</think>\n\n{blocks}"


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def score(response: str, *expected: dict[str, Any]) -> float:
    wanted = expected_calls({"tool_calls": list(expected)})
    assert wanted is not None
    return exact_match(parse_response(response), wanted)


def test_a_response_is_taken_apart() -> None:
    r = parse_response('<think>\nplan\n</think>\n\nSure.\n<tool_call>{"name": "f"}</tool_call> bye')
    assert (r.thinking, r.content, r.calls, r.malformed) == ("\nplan\n", "Sure.\n bye", (ToolCall("f", {}),), 0)
    assert r.format_ok


@pytest.mark.parametrize(
    ("given", "expected", "outcome"),
    [
        ([call("f", a=1)], [call("f", a=1)], 1.0),
        ([call("g", b="x"), call("f", a=1)], [call("f", a=1), call("g", b="x")], 1.0),  # parallel: any order
        ([call("f", a=1), call("f", a=1)], [call("f", a=1)], 0.0),  # once too often
        ([call("f", a=1)], [call("f", a=1), call("f", a=1)], 0.0),  # once too few
        ([call("f", a=1)], [call("f", a=True)], 0.0),  # types are respected
        ([call("f", a="1")], [call("f", a=1)], 0.0),
        ([call("f", a=None)], [call("f")], 0.0),
        ([call("f", a=0)], [call("f", a=False)], 0.0),
        ([call("f", a=1.0)], [call("f", a=1)], 1.0),  # one JSON number
        ([call("f", a=[1, 2])], [call("f", a=[2, 1])], 0.0),  # lists are ordered
        ([call("f", a={"x": 1, "y": [{"z": 2}]})], [call("f", a={"y": [{"z": 2.0}], "x": 1})], 1.0),
        ([call("F", a=1)], [call("f", a=1)], 0.0),
        ([call("f", a=1), "{"], [call("f", a=1)], 0.0),  # right call, and a broken one
        ([], [call("f", a=1)], 0.0),
    ],
)
def test_exact_match(given: list[Any], expected: list[dict[str, Any]], outcome: float) -> None:
    assert score(text(*given), *expected) == outcome


def test_no_call_expected() -> None:
    assert score("<think>nothing to do</think>\n\nIt is 45.") == 1.0
    assert score("<think>nothing to do</think>") == 0.0  # says nothing
    assert score("<think>nothing to do</think></tool_call>") == 0.0  # a stray tag is not a word
    assert score(text(call("f"))) == 0.0
    assert score("<think>t</think> x <tool_call>{") == 0.0  # tried to call


def test_a_call_inside_the_thinking_is_not_a_call() -> None:
    inside = '<think>I could <tool_call>{"name": "f", "arguments": {}}</tool_call></think>\n'
    assert parse_response(inside).calls == ()
    assert score(inside + text(call("g")).split("</think>")[1], call("g")) == 1.0


def test_thinking_that_is_never_closed_swallows_the_call() -> None:
    r = parse_response('<think>hmm <tool_call>{"name": "f"}</tool_call>')
    assert (r.thinking, r.calls, r.format_ok) == (None, (), False)


def test_thinking_may_be_opened_by_the_prompt() -> None:
    r = parse_response('plan</think>\n<tool_call>{"name": "f"}</tool_call>')
    assert (r.thinking, len(r.calls)) == ("plan", 1)


@pytest.mark.parametrize(
    "block",
    [
        *('{"name": "f"', "[]", "null", '{"arguments": {}}', '{"name": "", "arguments": {}}', '{"name": 3}'),
        *(
            '{"name": "f", "arguments": []}',
            '{"name": "f", "arguments": "x"}',
            '{"name": "f", "arguments": {"a": NaN}}',
        ),
        *('{"name": "f", "arguments": {"a": 1e999}}', '{"name": "f", "arguments": {"a": ' + "9" * 5000 + "}}"),
        '{"name": "f", "arguments": {"a": ' + "[" * 100_000 + "]" * 100_000 + "}}",
        '{"name": "f", "arguments": {"a": ' + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1) + "}}",
        '{"name": "f", "arguments": {"a": "' + "x" * 70_000 + '"}}',
    ],
    ids=lambda block: block[:40],
)
def test_a_malformed_or_oversized_block_is_counted_and_never_raises(block: str) -> None:
    r = parse_response(text(block))
    assert (r.calls, r.malformed) == ((), 1)


def test_the_number_of_calls_is_bounded() -> None:
    r = parse_response(text(*[call("f")] * (MAX_BLOCKS + 50)))
    assert (len(r.calls), r.malformed) == (MAX_BLOCKS, 1)


def nested(depth: int) -> list[Any]:
    return [nested(depth - 1)] if depth else []


PIECES = [
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    '{"name": "f", "arguments": {"a": 1}}',
    "{",
    "\ud800",
    "\n",
    "x",
]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=20)), max_size=40).map("".join))
def test_any_text_parses_and_scores(hostile: str) -> None:
    assert score(hostile, call("f", a=1)) in (0.0, 1.0)
    assert score(hostile) in (0.0, 1.0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.lists(st.builds(call, st.text(min_size=1).filter(lambda s: s == s.strip())), max_size=3),
    st.randoms(),
    json_values,
)
def test_the_expected_calls_score_one_in_any_order(calls: list[dict[str, Any]], rng: Any, value: Any) -> None:
    calls = [c | {"arguments": {"v": value, "i": i}} for i, c in enumerate(calls)]
    shuffled = rng.sample(calls, len(calls))
    # tags inside of strings would end a block; JSON may escape them, and ours does
    written = text(*[json.dumps(c).replace("<", "\\u003c") for c in shuffled])
    expected = expected_calls(json.dumps({"tool_calls": calls}))
    assert expected is not None
    assert exact_match(parse_response(written), expected) == float(bool(calls))


@pytest.mark.parametrize("ground_truth", ["42", "#### 42", '{"answer": 1}', {"answer": 1}, None, 42, "[" * 100_000])
def test_a_ground_truth_of_another_form_is_left_to_others(ground_truth: Any) -> None:
    assert expected_calls(ground_truth) is None


def test_what_reading_parquet_makes_of_a_ground_truth_is_understood() -> None:
    calls = np.array([{"name": "f", "arguments": {"a": np.int64(1), "b": np.array([1.5, 2.0])}}], dtype=object)
    assert score(text(call("f", a=1, b=[1.5, 2])), *calls) == 1.0


def test_null_padding_is_refused_where_it_cannot_be_told_from_a_null() -> None:
    padded = {"tool_calls": [{"name": "f", "arguments": {"a": 1, "b": None}}]}
    with pytest.raises(ValueError, match="parquet pads objects with different keys; write the ground truth as JSON"):
        expected_calls(padded)
    assert expected_calls(json.dumps(padded)) == (ToolCall("f", {"a": 1, "b": None}),)


@pytest.mark.parametrize(
    "wrong",
    [
        *("f", {"name": "f"}, [{"arguments": {}}], ["f"], [None]),
        *([{"name": "f", "arguments": {"a": float("nan")}}], [{"name": "f", "arguments": {"a": nested(40)}}]),
    ],
)
def test_a_broken_ground_truth_of_our_form_is_an_error(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"ground_truth\['tool_calls'\]"):
        expected_calls({"tool_calls": wrong})
