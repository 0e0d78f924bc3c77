"""Targets: which ground truths are ours, which are broken, which belong to others, and what their rollouts share."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

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


@pytest.mark.parametrize(
    "text", ['{"tool_calls": [], }', '{"tool_calls": [{"name": "f", "name": "g"}]}', '{"tool_calls": [']
)
def test_a_ground_truth_of_our_form_that_is_broken_json_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="and is not valid JSON"):
        read_expected_calls(text)


@pytest.mark.parametrize("text", ['{"environment": "a:B", "trajectory": [', '{"trajectory": [], "trajectory": []}'])
def test_a_trajectory_that_is_broken_json_is_an_error_too(text: str) -> None:
    with pytest.raises(ValueError, match="and is not valid JSON"):
        check_outcome("anything", read_target(text))


@pytest.mark.parametrize(
    "text",
    ["{1, 2}", 'the "trajectory"', '{"note": "a \\"trajectory\\"", "answer": 3}', "[1]", '{"answer": 3, "answer": 4}'],
)
def test_a_ground_truth_of_somebody_elses_is_not_checked_here_and_no_error(text: str) -> None:
    assert not check_outcome("anything", read_target(text)).checked


TRUTH = {"tool_calls": [call("f", a=1)], "tools": [{"name": "f", "parameters": {}}]}


@pytest.mark.parametrize("truth", [TRUTH, json.dumps(TRUTH), "#### 42", 42, None])
def test_the_rollouts_of_a_prompt_share_one_target(truth: Any) -> None:
    again = json.loads(json.dumps(truth))  # another object, as each rollout has
    assert read_target(again) is read_target(truth)
    assert read_target(truth, [{"name": "g"}]) is not read_target(truth)


@pytest.mark.parametrize("truth", ["x" * 70_000, {"answer": 1}, {"tool_calls": [], "tools": [{"name": "x" * 70_000}]}])
def test_what_is_large_or_has_another_form_is_not_kept(truth: Any) -> None:
    """A reward worker sees every prompt of a run, and a ground truth of tests for code may be megabytes."""
    assert read_target(truth) is not read_target(truth)
    assert read_target(truth) == read_target(truth)


def test_equal_texts_and_objects_are_told_apart() -> None:
    assert read_target("42") is not read_target(42)
    assert (read_target("42").ground_truth, read_target(42).ground_truth) == ("42", 42)


def test_a_target_does_not_change_with_the_object_it_was_read_from() -> None:
    truth = {"tool_calls": [call("f", a=1)]}
    target = read_target(truth)
    truth["tool_calls"].clear()
    assert target.reference_text == '{"tool_calls": [{"name": "f", "arguments": {"a": 1}}]}'
    assert target is not read_target(truth)


def test_the_tools_of_a_ground_truth_of_ours_come_before_those_of_the_row() -> None:
    beside = [{"name": "g"}]
    assert list(read_target(TRUTH, beside).tools or ()) == ["f"]
    assert list(read_target({"tool_calls": [], "tools": []}, beside).tools or ()) == ["g"]
    other = {"answer": 1, "tools": "hammer"}  # another's ground truth may mean anything by `tools`
    assert list(read_target(other, beside).tools or ()) == ["g"]
    assert read_target(other).tools is None


def test_the_judge_reads_the_tools_and_the_reference_of_any_ground_truth() -> None:
    target = read_target(TRUTH, "beside")
    assert json.loads(target.tools_text) == TRUTH["tools"]
    assert json.loads(target.reference_text) == {"tool_calls": TRUTH["tool_calls"]}
    for truth in ('{"tool_calls": [', "#### 42"):
        assert (read_target(truth, "mine").tools_text, read_target(truth).reference_text) == ("mine", truth)
    assert (read_target(None).tools_text, read_target(None).reference_text) == ("", "")
    odd = read_target({"é": {1, 2}}, {("a", "b"): 1})  # not JSON
    assert (odd.reference_text, odd.tools_text) == ('{"é": "{1, 2}"}', "{}")
