"""Targets: which ground truths are ours, which are broken, which belong to others, and what their rollouts share."""

from __future__ import annotations

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
    with pytest.raises(ValueError, match="a ground truth with our keys is broken JSON"):
        read_expected_calls(text)


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
