"""The expected calls of a ground truth: what is well formed, and what is broken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.rewards.outcome import match_calls, parse_response, read_expected_calls
from tests.rewards.outcome.calls import call, hermes


def test_null_padding_is_refused_where_it_cannot_be_told_from_a_null() -> None:
    padded = {"tool_calls": [{"name": "f", "arguments": {"a": 1, "b": None}}]}
    for truth in (padded, {"tool_calls": [call("f", a=[{"x": 1, "y": None}])]}):
        with pytest.raises(
            ValueError, match="parquet pads objects with different keys; write the ground truth as JSON"
        ):
            read_expected_calls(truth)
    expected = read_expected_calls(json.dumps(padded))
    assert expected is not None
    assert match_calls(parse_response(hermes(call("f", a=1, b=None))), expected).exact


def nested(depth: int) -> list[Any]:
    return [nested(depth - 1)] if depth else []


@pytest.mark.parametrize(
    "wrong",
    [
        *([{"name": "f", "parameters": {"a": 1}}], [{"name": "f", "argumens": {"a": 1}}]),
        *("f", {"name": "f"}, [{"arguments": {}}], ["f"], [None], [{"name": "f", "arguments": [1]}]),
        *([call("f", a=float("nan"))], [call("f", a=nested(40))], [call("f", a={1, 2})]),
        *([call("f", a={"$any": []})], [call("f", a={"$any": 1})], [call("f", a={"$any": [1], "$optionl": True})]),
    ],
    ids=str,
)
def test_a_broken_ground_truth_of_our_form_is_an_error(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"ground_truth\['tool_calls'\]"):
        read_expected_calls({"tool_calls": wrong})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(st.text(min_size=1), max_size=3), st.randoms(), json_values)
def test_the_expected_calls_are_exact_in_any_order(names: list[str], rng: Any, value: Any) -> None:
    calls = [call(name, v=value, i=i) for i, name in enumerate(names)]
    # tags inside of strings would end a block; JSON may escape them, and ours does
    written = hermes(*[json.dumps(c).replace("<", "\\u003c") for c in rng.sample(calls, len(calls))])
    expected = read_expected_calls(json.dumps({"tool_calls": calls}))
    assert expected is not None
    assert match_calls(parse_response(written), expected).exact is bool(calls)
