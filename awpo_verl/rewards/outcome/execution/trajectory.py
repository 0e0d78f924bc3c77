"""Compare what a rollout's calls did to a stateful environment with what the reference's calls do.

A trajectory is a list of user turns, each a list of calls. The reference's calls and the model's calls run in separate
environments. After every user turn two things are compared (as BFCL's multi-turn checker does):

- the state, as JSON: the way to it does not matter;
- the required results: the model must have seen them by then, in any order.

`results` says which are required:

- "auto" (the default): if a user turn of the reference leaves the state unchanged, the result of its last call, since
  otherwise a model that does nothing would be right; for other turns none.
- "none"; "all": the result of every call (BFCL's rule; equal results count once);
- a list of [user turn, call], counted from 0.

Numbers are compared by value (1 is 1.0) to 12 digits, so that the order of a sum does not matter; true is not 1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from awpo_verl.rewards.json_values import Json, to_plain
from awpo_verl.rewards.outcome.calls import ToolCall
from awpo_verl.rewards.outcome.execution.session import Observation, SessionError
from awpo_verl.rewards.outcome.expected_trajectory import TrajectoryError

REQUIRED_RESULTS = ("auto", "none", "all")

CallTurns = Sequence[Sequence[ToolCall]]


class Executor(Protocol):
    """Runs calls: a Session, or something similar for classes that are not our environments."""

    def call(self, call: ToolCall, /) -> Observation: ...

    def state(self) -> Any:
        """The state as a JSON value."""
        ...


@dataclass(frozen=True)
class TrajectoryMatch:
    """How a rollout compares with its reference.

    Attributes:
        ok: after every user turn the state was right and every required result had appeared.
        state_ok: share of user turns after which the state was right, in [0, 1].
        results_ok: share of required results that had appeared in time, meaned over user turns, in [0, 1].
        reason: the first thing that was wrong, for tables; "" where ok.
    """

    ok: bool
    state_ok: float
    results_ok: float
    reason: str = ""


@dataclass(frozen=True)
class Reference:
    """What the reference's calls did: after each user turn, the state and the required results, normalized."""

    states: tuple[Json, ...]
    required: tuple[frozenset[str], ...]


def run_reference(make: Callable[[], Executor], turns: CallTurns, results: Any = "auto") -> Reference:
    """Run the reference's calls in the executor that `make` returns, and keep what they did.

    Raises:
        TrajectoryError: a call fails, the state cannot be read, or `results` has an unknown form; names it.
    """
    executor = make()
    before = _state(executor, "before the first call")
    states: list[Json] = []
    outcomes: list[list[str]] = []
    for number, calls in enumerate(turns):
        results_of_turn: list[str] = []
        outcomes.append(results_of_turn)
        for index, call in enumerate(calls):
            observation = executor.call(call)
            if observation.failed:
                raise TrajectoryError(
                    f"ground_truth['trajectory'][{number}][{index}] fails in its own environment: "
                    f"{call.name}({json.dumps(call.arguments)[:200]}) -> {observation.text}"
                )
            results_of_turn.append(_result(observation))
        states.append(_state(executor, f"after user turn {number}"))
    required = tuple(
        frozenset(outcomes[number][index] for index in _required(results, number, outcomes, state == previous))
        for number, (state, previous) in enumerate(zip(states, [before, *states[:-1]], strict=True))
    )
    return Reference(tuple(states), required)


def compare(reference: Reference, make: Callable[[], Executor], turns: CallTurns) -> TrajectoryMatch:
    """Run the model's calls in the executor that `make` returns, and compare after each user turn.

    Args:
        turns: the model's calls by user turn. A rollout that ended early has fewer turns than the reference: nothing
            was done in the missing ones.

    Raises:
        ValueError: more user turns than the reference has.
    """
    if len(turns) > len(reference.states):
        raise ValueError(f"the rollout has {len(turns)} user turns, and the reference {len(reference.states)}.")
    executor = make()
    seen: set[str] = set()
    state_ok: list[float] = []
    results_ok: list[float] = []
    reasons: list[str] = []
    for number, (state, required) in enumerate(zip(reference.states, reference.required, strict=True)):
        observations = [executor.call(call) for call in (turns[number] if number < len(turns) else ())]
        seen |= {_result(observation) for observation in observations if not observation.failed}
        try:
            difference = _difference(_normalized(to_plain(executor.state())), state)
            wrong = f"state{difference}" if difference else ""
        except SessionError as error:
            wrong = str(error)
        missing = sorted(required - seen)
        state_ok.append(float(not wrong))
        results_ok.append(1.0 - len(missing) / len(required) if required else 1.0)
        if wrong:
            reasons.append(f"user turn {number}: {wrong}")
        if missing:
            reasons.append(f"user turn {number}: required result never seen: {missing[0][:200]}")
    return TrajectoryMatch(not reasons, _mean(state_ok), _mean(results_ok), reasons[0] if reasons else "")


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 1.0


def _required(results: Json, number: int, outcomes: list[list[str]], unchanged: bool) -> list[int]:
    """The indices of the calls of a user turn whose result is required."""
    made = len(outcomes[number])
    if results == "auto":
        return [made - 1] if unchanged and made else []
    if results in ("none", "all"):
        return list(range(made)) if results == "all" else []
    try:
        pairs: list[tuple[int, int]] = [(turn, index) for turn, index in cast("list[Any]", results)]
        if all(0 <= index < len(outcomes[turn]) and turn >= 0 for turn, index in pairs):
            return [index for turn, index in pairs if turn == number]
    except (TypeError, ValueError, IndexError):
        pass
    raise TrajectoryError(
        f"ground_truth['results'] is {str(results)[:200]!r}; use one of {REQUIRED_RESULTS}, or a list of "
        "[user turn, call] within the trajectory, counted from 0."
    )


def _state(executor: Executor, when: str) -> Json:
    try:
        return _normalized(to_plain(executor.state()))
    except SessionError as error:
        raise TrajectoryError(f"ground_truth: {when} of the reference: {error}") from error


def _result(observation: Observation) -> str:
    """A form that is the same for equal results: canonical JSON if the result is JSON, else the text."""
    try:
        return json.dumps(_normalized(json.loads(observation.text)), sort_keys=True)
    except (ValueError, RecursionError):
        return observation.text


def _normalized(value: Json) -> Json:
    if isinstance(value, float):
        if value.is_integer():
            return int(value)
        rounded = float(f"{value:.12g}")
        return int(rounded) if rounded.is_integer() else rounded
    if isinstance(value, dict):
        return {key: _normalized(item) for key, item in value.items()}
    return [_normalized(item) for item in value] if isinstance(value, list) else value


def _difference(got: Json, wanted: Json) -> str:
    """Where two normalized JSON values first differ, as `.orders.47: 'open', not 'cancelled'`; "" = they are equal."""
    if isinstance(got, dict) and isinstance(wanted, dict):
        for key in sorted(wanted.keys() | got.keys(), key=str):
            if key not in got or key not in wanted:
                return f".{key}: {'missing' if key not in got else 'not expected'}"
            if below := _difference(got[key], wanted[key]):
                return f".{key}{below}"
        return ""
    if isinstance(got, list) and isinstance(wanted, list) and len(got) == len(wanted):
        below = ((index, _difference(*pair)) for index, pair in enumerate(zip(got, wanted, strict=True)))
        return next((f"[{index}]{text}" for index, text in below if text), "")
    same = type(got) is type(wanted) and got == wanted
    return "" if same else f": {str(got)[:80]!r}, not {str(wanted)[:80]!r}"
