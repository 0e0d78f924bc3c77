"""Ground truths: what is ours and well formed, what is ours and broken, and what is somebody else's."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.rewards.outcome import check_outcome, match_calls, parse_response, read_expected_calls, read_target
from tests.rewards.outcome.calls import call, hermes


@pytest.mark.parametrize("ground_truth", ["42", "#### 42", '{"answer": 1}', {"answer": 1}, None, 42, "[" * 100_000])
def test_a_ground_truth_of_another_form_is_left_to_others(ground_truth: Any) -> None:
    assert read_expected_calls(ground_truth) is None


def test_what_reading_parquet_makes_of_a_ground_truth_is_understood() -> None:
    calls = np.array([{"name": "f", "arguments": {"a": np.int64(1), "b": np.array([1.5, 2.0])}}], dtype=object)
    expected = read_expected_calls({"tool_calls": calls})
    assert expected is not None
    assert match_calls(parse_response(hermes(call("f", a=1, b=[1.5, 2]))), expected).exact


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


@pytest.mark.parametrize(
    "text", ['{"tool_calls": [], }', '{"tool_calls": [{"name": "f", "name": "g"}]}', '{"tool_calls": [']
)
def test_a_ground_truth_of_our_form_that_is_broken_json_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="a ground truth with our keys is broken JSON"):
        read_expected_calls(text)


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


@pytest.mark.parametrize("text", ['{"environment": "a:B", "trajectory": [', '{"trajectory": [], "trajectory": []}'])
def test_a_trajectory_that_is_broken_json_is_an_error_too(text: str) -> None:
    with pytest.raises(ValueError, match="a ground truth with our keys is broken JSON"):
        check_outcome("anything", read_target(text))


@pytest.mark.parametrize(
    "text",
    ["{1, 2}", 'the "trajectory"', '{"note": "a \\"trajectory\\"", "answer": 3}', "[1]", '{"answer": 3, "answer": 4}'],
)
def test_a_ground_truth_of_somebody_elses_is_not_checked_here_and_no_error(text: str) -> None:
    assert not check_outcome("anything", read_target(text)).checked
