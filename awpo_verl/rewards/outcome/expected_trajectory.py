"""The expected trajectory of a row whose tools have a state: the key `trajectory` of its ground truth, checked.

    {"environment": "my_tools.files:Files", "initial": {...},
     "trajectory": [[{"name": "move", "arguments": {...}}, ...], ...], "results": "auto"}

`trajectory` is a list of user turns, each a list of calls. For `results` see execution/trajectory.py, which runs the
calls.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from awpo_verl.rewards.json_values import Json, has_null
from awpo_verl.rewards.outcome.calls import ToolCall

if TYPE_CHECKING:  # these modules need transformers
    from awpo_verl.rewards.outcome.execution.session import Limits
    from awpo_verl.rewards.outcome.execution.trajectory import Reference

KEYS = frozenset(["environment", "initial", "trajectory", "results"])


class TrajectoryError(ValueError):
    """The data or the environment is wrong, not the model. The message says what and why."""


@dataclass(frozen=True)
class ExpectedTrajectory:
    """The reference calls of a row, and the environment to run them in.

    Attributes:
        environment: import path `module:Class`.
        initial: the environment's initial state.
        turns: the reference's calls by user turn.
        results: which results the model must have seen; see execution/trajectory.py.
        references: what the calls did, by the limits that they ran under. Each is run once, for all rollouts.
    """

    environment: str
    initial: dict[str, Any]
    turns: tuple[tuple[ToolCall, ...], ...]
    results: Any = "auto"
    references: dict[Limits, Reference] = field(default_factory=dict["Limits", "Reference"], compare=False, repr=False)


def parse_expected_trajectory(given: dict[str, Any], nulls: bool) -> ExpectedTrajectory:
    """Check a ground truth that has the key `trajectory`.

    Args:
        given: the ground truth, an object.
        nulls: whether a value may be null. Not in an object, where parquet pads with nulls; in JSON text it may.

    Raises:
        TrajectoryError: a key is missing, unknown or of a wrong type; shows it.
    """
    environment: Json = given.get("environment")
    initial: Json = given.get("initial", {})
    turns: Json = given["trajectory"]
    if given.keys() - KEYS or not isinstance(environment, str):
        raise TrajectoryError(
            f"ground_truth with a 'trajectory' must have 'environment', and may have 'initial' and 'results'; it has "
            f"{sorted(given)}."
        )
    if not isinstance(initial, dict):
        raise TrajectoryError(f"ground_truth['initial'] must be an object, got {str(initial)[:200]!r}.")
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, list) for turn in turns):
        raise TrajectoryError(
            f"ground_truth['trajectory'] must be a list of user turns, each a list of calls; got {str(turns)[:200]!r}."
        )
    if not nulls and has_null([initial, turns]):
        raise TrajectoryError(
            "ground_truth has a null in 'initial' or 'trajectory': parquet pads objects with different keys. Write the "
            "ground truth as JSON text."
        )
    calls = tuple(_parse_turn(turn, number) for number, turn in enumerate(turns))
    return ExpectedTrajectory(environment, initial, calls, given.get("results", "auto"))


def _parse_turn(turn: list[Json], number: int) -> tuple[ToolCall, ...]:
    return tuple(_parse_call(call, f"[{number}][{index}]") for index, call in enumerate(turn))


def _parse_call(value: Json, where: str) -> ToolCall:
    fields = value if isinstance(value, dict) else {}
    name: Json = fields.get("name")
    arguments: Json = fields.get("arguments", {})
    if fields.keys() - {"name", "arguments"} or not isinstance(name, str) or not isinstance(arguments, dict):
        raise TrajectoryError(
            f"ground_truth['trajectory']{where} must be {{'name': str, 'arguments': {{...}}}}, got "
            f"{str(value)[:200]!r}."
        )
    return ToolCall(name, arguments)
