"""Did the calls of a rollout do what its row expects? They run again in a fresh environment.

A rollout of verl's tool agent loop is checked by its log: the calls that ran then run again, and must return what they
returned then. A response that no loop ran (offline scoring) has its calls run for the first time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from awpo_verl.rewards.outcome.calls import ToolCall
from awpo_verl.rewards.outcome.execution.environment import resolve
from awpo_verl.rewards.outcome.execution.session import Limits, Observation, Session, SessionError
from awpo_verl.rewards.outcome.execution.trajectory import Reference, TrajectoryMatch, compare, run_reference
from awpo_verl.rewards.outcome.expected_trajectory import ExpectedTrajectory, TrajectoryError

LOG_KEY = "environment_log"  # of a row's tool_extra_fields: Session.log()
REPLAY_PATIENCE = 20  # times the seconds that the rollout's calls had


def match_rollout(expected: ExpectedTrajectory, tool_extra_fields: Mapping[str, Any] | None) -> TrajectoryMatch:
    """Compare a rollout of verl's tool agent loop with the trajectory that its row expects.

    Args:
        expected: of the row's Target.
        tool_extra_fields: the row's in the reward manager. VerlEnvironmentTool puts the log of the session in it. A
            rollout without a tool call has no log, and is compared as one that did nothing.

    Raises:
        TrajectoryError: the ground truth or the reference is wrong, the tools could not run, or the environment does
            not do the same twice.
    """
    log: dict[str, Any] = dict((tool_extra_fields or {}).get(LOG_KEY) or {"calls": []})
    if "error" in log:
        raise TrajectoryError(f"The tools of this rollout could not run: {log['error']}")
    limits = Limits(**log["limits"]) if "limits" in log else Limits()
    reference = _run_reference_once(expected, limits)
    _check_one_turn(expected)
    if log.get("environment", expected.environment) != expected.environment:
        raise TrajectoryError(
            f"The rollout used {log['environment']}, and the ground truth names {expected.environment}: "
            "extra_info.tools_kwargs and reward_model.ground_truth of the row do not belong together."
        )
    if log.get("over"):
        return TrajectoryMatch(False, 0.0, 0.0, log["over"])
    # a call that had enough time in the rollout gets plenty here: a loaded machine must not change its result
    roomy = replace(
        limits,
        calls=max(limits.calls, len(log["calls"]) + 1),
        call_seconds=REPLAY_PATIENCE * limits.call_seconds,
        rollout_seconds=REPLAY_PATIENCE * limits.rollout_seconds,
    )
    ran = [made for made in log["calls"] if made["ran"]]
    replay = _Replay(_open(expected, roomy), [made["text"] for made in ran])
    return compare(reference, lambda: replay, [[ToolCall(made["name"], made["arguments"]) for made in ran]])


def match_response(expected: ExpectedTrajectory, calls: Sequence[ToolCall]) -> TrajectoryMatch:
    """Run the calls of a response that no tool agent loop ran, and compare them as `match_rollout` does.

    Raises:
        TrajectoryError: the ground truth or the reference is wrong, or the reference has several user turns.
    """
    reference = _run_reference_once(expected, Limits())
    _check_one_turn(expected)
    return compare(reference, lambda: _open(expected, Limits()), [calls])


class _Replay:
    """A session that repeats logged calls, and insists that each returns what it returned in the rollout."""

    def __init__(self, session: Session, logged: Sequence[str]) -> None:
        self._session = session
        self._logged = iter(logged)

    def call(self, call: ToolCall) -> Observation:
        observation, logged = self._session.call(call), next(self._logged)
        if observation.text != logged:
            raise TrajectoryError(
                f"The environment does not do the same twice: {call.name}({json.dumps(call.arguments)[:200]}) said "
                f"{logged[:200]!r} in the rollout and {observation.text[:200]!r} when it was repeated for the reward. "
                "Take chance and time from `initial`; if a call ran out of time, raise the limits."
            )
        return observation

    def state(self) -> Any:
        return self._session.state()


def _run_reference_once(expected: ExpectedTrajectory, limits: Limits) -> Reference:
    """Run the reference's calls, once for all rollouts of a prompt and each set of limits."""
    if limits not in expected.references:
        roomy = replace(limits, calls=max(limits.calls, sum(map(len, expected.turns))))
        expected.references[limits] = run_reference(lambda: _open(expected, roomy), expected.turns, expected.results)
    return expected.references[limits]


def _check_one_turn(expected: ExpectedTrajectory) -> None:
    """A response answers one user turn. With more turns, the missing ones would count as nothing done."""
    if len(expected.turns) != 1:
        raise TrajectoryError(
            f"ground_truth['trajectory'] has {len(expected.turns)} user turns; verl's tool agent loop plays one. "
            "Make a row of each user turn, its `initial` the state so far."
        )


def _open(expected: ExpectedTrajectory, limits: Limits) -> Session:
    try:
        return Session.open(resolve(expected.environment), expected.initial, limits)
    except (ValueError, SessionError) as error:
        raise TrajectoryError(f"ground_truth: {error}") from error
