"""A rollout's calls run again: against the log of verl's tool agent loop, or for the first time."""

from __future__ import annotations

import json

import pytest

from awpo_verl.rewards.outcome import ExpectedTrajectory, ToolCall, read_target
from awpo_verl.rewards.outcome.execution import (
    LOG_KEY,
    Limits,
    Session,
    TrajectoryError,
    TrajectoryMatch,
    ground_truth_text,
    match_response,
    match_rollout,
    replay,
)
from tests.rewards.outcome.execution.environments import Counter, Rogue

INITIAL = {"count": 0}


READ = ToolCall("read", {})


def add(amount: float) -> ToolCall:
    return ToolCall("add", {"amount": amount})


def row(*calls: ToolCall, results="auto", environment=Counter, initial=INITIAL) -> str:
    trajectory = [[{"name": call.name, "arguments": call.arguments} for call in calls]]
    return ground_truth_text(environment, initial, trajectory, results)


def expected(*calls: ToolCall, **settings) -> ExpectedTrajectory:
    return read(row(*calls, **settings))


def read(truth) -> ExpectedTrajectory:
    found = read_target(truth).expected
    assert isinstance(found, ExpectedTrajectory)
    return found


def log(*calls: ToolCall, limits: Limits | None = None) -> dict:
    session = Session.open(Counter, INITIAL, limits)
    for call in calls:
        session.call(call)
    return {LOG_KEY: session.log(), "min_global_steps": 3}


def test_a_rollout_is_matched_by_its_log():
    assert match_rollout(expected(add(5)), log(add(2), add(3))) == TrajectoryMatch(True, 1.0, 1.0)
    assert match_rollout(read(json.loads(row(add(5)))), log(add(4))) == TrajectoryMatch(
        False, 0.0, 1.0, "user turn 0: state.count: '4', not '5'"
    )


@pytest.mark.parametrize("extra_fields", [None, {}, {"min_global_steps": 3}])
def test_a_rollout_without_a_call_did_nothing(extra_fields):
    assert match_rollout(expected(add(5)), extra_fields) == TrajectoryMatch(
        False, 0.0, 1.0, "user turn 0: state.count: '0', not '5'"
    )
    assert match_rollout(expected(), extra_fields) == TrajectoryMatch(True, 1.0, 1.0)


def test_calls_over_the_limit_count_for_nothing_in_the_reward_too():
    fields = log(ToolCall("sub", {}), add(1), add(1), add(1), limits=Limits(calls=2))
    assert match_rollout(expected(add(1)), fields) == TrajectoryMatch(True, 1.0, 1.0)


def test_a_rollout_out_of_time_is_wrong_and_is_not_run_again():
    fields = log(add(5))
    fields[LOG_KEY]["over"] = "The tools are gone: the time for a call was up in add."
    assert match_rollout(expected(add(5)), fields) == TrajectoryMatch(False, 0.0, 0.0, fields[LOG_KEY]["over"])


def test_tools_that_could_not_run_are_an_error_and_not_a_wrong_answer():
    with pytest.raises(TrajectoryError, match="could not run: ValueError: no such class"):
        match_rollout(expected(add(5)), {LOG_KEY: {"error": "ValueError: no such class"}})


def test_an_environment_that_does_not_do_the_same_twice_is_an_error():
    session = Session.open(Rogue, {})
    session.call(ToolCall("dice", {}))
    with pytest.raises(TrajectoryError, match=r"does not do the same twice: dice\(\{\}\) said"):
        match_rollout(expected(environment=Rogue, initial={}), {LOG_KEY: session.log()})


def test_a_log_of_another_environment_is_an_error():
    with pytest.raises(TrajectoryError, match="do not belong together"):
        match_rollout(expected(environment=Rogue, initial={}), log(add(1)))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"environment": "nowhere:Files"}, "cannot import 'nowhere'"),
        ({"initial": {}}, "Counter cannot be set up from initial=.*KeyError"),
        ({"trajectory": [[], []]}, "has 2 user turns; verl's tool agent loop plays one"),
    ],
)
def test_a_ground_truth_that_cannot_run_is_named(change, says):
    with pytest.raises(TrajectoryError, match=says):
        match_rollout(read({**json.loads(row(add(1))), **change}), {})


def test_several_user_turns_are_refused_where_a_response_answers_one():
    truth = {**json.loads(row(add(1))), "trajectory": [[], []]}
    with pytest.raises(TrajectoryError, match="has 2 user turns; verl's tool agent loop plays one"):
        match_response(read(truth), [add(1)])
    assert match_response(expected(add(1)), [add(1)]) == TrajectoryMatch(True, 1.0, 1.0)


def test_the_reference_runs_once_for_all_rollouts_of_a_prompt(monkeypatch):
    runs = []
    original = replay.run_reference
    monkeypatch.setattr(replay, "run_reference", lambda *args: runs.append(1) or original(*args))
    truth = row(add(77))
    for _ in range(8):
        match_rollout(read(truth), log(add(77)))
    assert len(runs) == 1
