"""Rows whose tools have a state: the ground truth's form, and the check of a rollout of verl's tool agent loop.

The ground truth of a row is JSON text (parquet would pad objects with different keys):

    {"environment": "my_tools.files:Files", "initial": {...},
     "trajectory": [[{"name": "move", "arguments": {...}}, ...], ...], "results": "auto"}

`trajectory` is a list of user turns, each a list of calls; for `results` see trajectory.py. The rollout's own
environment is made from extra_info.tools_kwargs, which travels to verl's tools (`tools_kwargs` below writes it).

A rollout is checked by its log: the calls that ran are run again in a fresh environment. They must say what they
said.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from awpo_verl.rewards.outcome.calls import ToolCall
from awpo_verl.rewards.outcome.execution.environment import Environment, path_of, resolve
from awpo_verl.rewards.outcome.execution.session import Limits, Observation, Session, SessionError
from awpo_verl.rewards.outcome.execution.trajectory import (
    Reference,
    TrajectoryError,
    TrajectoryMatch,
    compare,
    run_reference,
)
from awpo_verl.rewards.outcome.ground_truth import as_object

LOG_KEY = "environment_log"  # of a row's tool_extra_fields: Session.log()
TOOLS_KWARGS_KEY = "__environment__"  # of extra_info.tools_kwargs; no tool's name starts with an underscore
CACHED_REFERENCES = 1024
REPLAY_PATIENCE = 20  # times the seconds that the rollout's calls had


def match_rollout(ground_truth: Any, tool_extra_fields: Mapping[str, Any] | None) -> TrajectoryMatch | None:
    """Compare a rollout of verl's tool agent loop with its row's ground truth.

    Args:
        ground_truth: the row's, as a mapping or its JSON text.
        tool_extra_fields: the row's in the reward manager; VerlEnvironmentTool puts the log of the session in it. A
            rollout without a tool call has none, and is compared as one that did nothing.

    Returns:
        None where the ground truth has no `trajectory`: it is another checker's.

    Raises:
        TrajectoryError: ground truth or reference are wrong, the tools could not run, or the environment does not do
            the same twice.
    """
    text = _trajectory_text(ground_truth)
    if text is None:
        return None
    log: dict[str, Any] = dict((tool_extra_fields or {}).get(LOG_KEY) or {"calls": []})
    if "error" in log:
        raise TrajectoryError(f"The tools of this rollout could not run: {log['error']}")
    limits = Limits(**log["limits"]) if "limits" in log else Limits()
    truth, reference = _reference_of(text, limits)
    _check_one_turn(truth)
    if log.get("environment", truth.environment) != truth.environment:
        raise TrajectoryError(
            f"The rollout used {log['environment']}, and the ground truth names {truth.environment}: "
            "extra_info.tools_kwargs and reward_model.ground_truth of the row do not belong together."
        )
    if log.get("over"):
        return TrajectoryMatch(False, 0.0, 0.0, log["over"])
    # what had time in the rollout gets plenty here: a loaded machine must not turn it into another result
    roomy = replace(
        limits,
        calls=max(limits.calls, len(log["calls"]) + 1),
        call_seconds=REPLAY_PATIENCE * limits.call_seconds,
        rollout_seconds=REPLAY_PATIENCE * limits.rollout_seconds,
    )
    replay = _Replay(_open(truth, roomy))
    calls = []
    for made in log["calls"]:
        if made["ran"]:
            calls.append(ToolCall(made["name"], made["arguments"]))
            replay.expected.append(made["text"])
    return compare(reference, lambda: replay, [calls])


def require_environment(extra_info: Any) -> None:
    """Raises TrajectoryError where a row's rollouts cannot have had one: verl tells that to the model alone."""
    given = extra_info.get("tools_kwargs") if isinstance(extra_info, Mapping) else None
    if not isinstance(given, Mapping) or not isinstance(given.get(TOOLS_KWARGS_KEY), str):
        raise TrajectoryError(
            f"The ground truth has a trajectory, but extra_info.tools_kwargs has no {TOOLS_KWARGS_KEY!r}, so the "
            f"rollout had no environment; it is {str(given)[:200]}. Write it with execution.tools_kwargs."
        )


def match_response(ground_truth: Any, calls: Sequence[ToolCall]) -> TrajectoryMatch | None:
    """Run the calls of a response that no tool agent loop ran (offline scoring), and compare them as
    `match_rollout` does.

    Returns:
        None where the ground truth has no `trajectory`.

    Raises:
        TrajectoryError: ground truth or reference are wrong, or the reference has several user turns.
    """
    text = _trajectory_text(ground_truth)
    if text is None:
        return None
    truth, reference = _reference_of(text, Limits())
    _check_one_turn(truth)
    return compare(reference, lambda: _open(truth, Limits()), [calls])


def ground_truth_text(
    environment: type[Environment],
    initial: Mapping[str, Any],
    trajectory: Sequence[Sequence[Mapping[str, Any]]],
    results: Any = "auto",
) -> str:
    """The ground truth of a row, for reward_model.ground_truth.

    Raises:
        ValueError: nothing can import the environment. TypeError: not JSON.
    """
    truth = {"environment": path_of(environment), "initial": dict(initial), "trajectory": trajectory}
    return json.dumps(truth if results == "auto" else {**truth, "results": results}, allow_nan=False)


def tools_kwargs(environment: type[Environment], initial: Mapping[str, Any]) -> dict[str, str]:
    """The row's extra_info.tools_kwargs, from which the rollout's environment is made: JSON text, as parquet pads."""
    return {TOOLS_KWARGS_KEY: json.dumps({"environment": path_of(environment), "initial": dict(initial)})}


@dataclass(frozen=True)
class _GroundTruth:
    environment: str
    initial: dict[str, Any]
    turns: tuple[tuple[ToolCall, ...], ...]
    results: Any


class _Replay:
    """A session that repeats logged calls and insists on what they said."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.expected: list[str] = []
        self.done = 0

    def call(self, call: ToolCall) -> Observation:
        observation = self.session.call(call)
        said, self.done = self.expected[self.done], self.done + 1
        if observation.text != said:
            raise TrajectoryError(
                f"The environment does not do the same twice: {call.name}({json.dumps(call.arguments)[:200]}) said "
                f"{said[:200]!r} in the rollout and {observation.text[:200]!r} when it was repeated for the reward. "
                "Take chance and time from `initial`; if a call ran out of time, raise the limits."
            )
        return observation

    def state(self) -> Any:
        return self.session.state()


def _trajectory_text(ground_truth: Any) -> str | None:
    """The ground truth as JSON text, or None where it has no trajectory."""
    if "trajectory" not in (as_object(ground_truth) or ()):
        return None
    if isinstance(ground_truth, str):
        return ground_truth
    try:
        return json.dumps(dict(ground_truth))
    except TypeError as error:
        raise TrajectoryError(
            f"ground_truth with a 'trajectory' must be JSON text, got {str(ground_truth)[:200]!r}."
        ) from error


@functools.lru_cache(maxsize=CACHED_REFERENCES)
def _reference_of(text: str, limits: Limits) -> tuple[_GroundTruth, Reference]:
    """Once for all rollouts of a prompt: they have the same ground truth."""
    truth = _parse(dict(as_object(text) or {}))
    calls = max(limits.calls, sum(map(len, truth.turns)))
    return truth, run_reference(lambda: _open(truth, replace(limits, calls=calls)), truth.turns, truth.results)


def _check_one_turn(truth: _GroundTruth) -> None:
    """A response answers one user turn; with more, the missing ones would count as nothing done."""
    if len(truth.turns) != 1:
        raise TrajectoryError(
            f"ground_truth['trajectory'] has {len(truth.turns)} user turns; verl's tool agent loop plays one. "
            "Make a row of each user turn, its `initial` the state so far."
        )


def _open(truth: _GroundTruth, limits: Limits) -> Session:
    try:
        return Session.open(resolve(truth.environment), truth.initial, limits)
    except (ValueError, SessionError) as error:
        raise TrajectoryError(f"ground_truth: {error}") from error


def _parse(value: dict[str, Any]) -> _GroundTruth:
    unknown = set(value) - {"environment", "initial", "trajectory", "results"}
    if unknown or not isinstance(value.get("environment"), str):
        raise TrajectoryError(
            f"ground_truth with a 'trajectory' must have 'environment', and may have 'initial' and 'results'; it has "
            f"{sorted(value)}."
        )
    initial, turns = value.get("initial", {}), value["trajectory"]
    if not isinstance(initial, dict):
        raise TrajectoryError(f"ground_truth['initial'] must be an object, got {str(initial)[:200]!r}.")
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, list) for turn in turns):
        raise TrajectoryError(
            f"ground_truth['trajectory'] must be a list of user turns, each a list of calls; got {str(turns)[:200]!r}."
        )
    calls = tuple(
        tuple(_parse_call(call, f"[{number}][{index}]") for index, call in enumerate(turn))
        for number, turn in enumerate(turns)
    )
    return _GroundTruth(value["environment"], initial, calls, value.get("results", "auto"))


def _parse_call(value: Any, where: str) -> ToolCall:
    good = isinstance(value, dict) and set(value) <= {"name", "arguments"} and isinstance(value.get("name"), str)
    if not good or not isinstance(value.get("arguments", {}), dict):
        raise TrajectoryError(
            f"ground_truth['trajectory']{where} must be {{'name': str, 'arguments': {{...}}}}, got "
            f"{str(value)[:200]!r}."
        )
    return ToolCall(value["name"], value.get("arguments", {}))
