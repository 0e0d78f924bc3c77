"""The expected trajectory of a ground truth: what is well formed, and what is broken."""

from __future__ import annotations

import json
from typing import Any

import pytest

from awpo_verl.rewards.outcome import ExpectedTrajectory, ToolCall, read_target
from awpo_verl.rewards.outcome.expected_trajectory import TrajectoryError

TRUTH: dict[str, Any] = {
    "environment": "my_tools:Counter",
    "initial": {"count": 0},
    "trajectory": [[{"name": "add", "arguments": {"amount": 1}}], [{"name": "read"}]],
}


def test_a_trajectory_is_read_without_importing_its_environment() -> None:
    calls = ((ToolCall("add", {"amount": 1}),), (ToolCall("read", {}),))
    assert read_target(TRUTH).expected == ExpectedTrajectory("my_tools:Counter", {"count": 0}, calls, "auto")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"environment": 3}, "must have 'environment'"),
        ({"state": {}}, "it has .*'state'"),
        ({"initial": []}, r"ground_truth\['initial'\] must be an object"),
        ({"trajectory": []}, "must be a list of user turns"),
        ({"trajectory": [{"name": "add"}]}, "must be a list of user turns"),
        ({"trajectory": [[{"tool": "add"}]]}, r"\['trajectory'\]\[0\]\[0\] must be"),
        ({"trajectory": [[{"name": "add", "arguments": [1]}]]}, r"\['trajectory'\]\[0\]\[0\] must be"),
    ],
)
def test_a_broken_trajectory_is_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(TrajectoryError, match=says):
        _ = read_target(TRUTH | change).expected


@pytest.mark.parametrize("truth", [None, "42", "not json", '{"tool_calls": []}', {"tool_calls": []}, ["x"], "[1]"])
def test_other_ground_truths_are_not_trajectories(truth: Any) -> None:
    assert not isinstance(read_target(truth).expected, ExpectedTrajectory)


def test_a_null_is_refused_in_an_object_which_parquet_pads_and_read_in_json_text() -> None:
    padded = TRUTH | {"trajectory": [[{"name": "add", "arguments": {"amount": 1, "unit": None}}]]}
    with pytest.raises(TrajectoryError, match=r"a null in 'initial' or 'trajectory'.*Write the ground truth as JSON"):
        _ = read_target(padded).expected
    expected = read_target(json.dumps(padded)).expected
    assert isinstance(expected, ExpectedTrajectory)
    assert expected.turns == ((ToolCall("add", {"amount": 1, "unit": None}),),)
