"""What a response is checked against: the ground truth of its row, and the tools that its prompt offers.

A ground truth is one of three things:

    {"tool_calls": [...]}                          expected calls (expected_calls.py)
    {"environment": ..., "trajectory": [...]}      an expected trajectory (expected_trajectory.py)
    anything else                                  the affair of a user's function or of verl's own rule

as an object or as its JSON text. This module is the only one that reads it. All rollouts of a prompt share one Target,
and each of its fields is computed on first use.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from awpo_verl.rewards.json_values import Json, show_json, to_plain
from awpo_verl.rewards.outcome.calls import ToolCall
from awpo_verl.rewards.outcome.expected_calls import ExpectedCalls, parse_expected_calls
from awpo_verl.rewards.outcome.expected_trajectory import ExpectedTrajectory, parse_expected_trajectory
from awpo_verl.rewards.outcome.schema import ToolSchemas, parse_tools

CALLS_KEY, TRAJECTORY_KEY, TOOLS_KEY = "tool_calls", "trajectory", "tools"
CACHED_TARGETS = 512  # prompts whose rollouts may arrive in any order at one reward worker
MAX_CACHED_CHARS = 65_536  # of one ground truth with its tools; a larger one is read again for each rollout


class _Contents(NamedTuple):
    """A ground truth, read: its object, None where it is not one; and why it is broken, "" where it is not."""

    object: dict[str, Any] | None
    problem: str = ""


@dataclass(frozen=True)
class Target:
    """The ground truth and the tools of one prompt. Get it from `read_target`, and do not change what it holds.

    Attributes:
        ground_truth: as given.
        given_tools: the tools that the row has beside its ground truth, as given; None = none.
    """

    ground_truth: Json
    given_tools: Json = None

    @cached_property
    def expected(self) -> ExpectedCalls | ExpectedTrajectory | None:
        """What the ground truth expects; None where it has another form, which this package does not check.

        Raises:
            ValueError: it has one of our keys and is broken: not JSON, a key twice in one object, a wrong entry.
        """
        contents = self._contents
        if contents.problem:
            raise ValueError(contents.problem)
        found, nulls = contents.object or {}, isinstance(self.ground_truth, str)
        if CALLS_KEY in found:
            return parse_expected_calls(found[CALLS_KEY], nulls)
        return parse_expected_trajectory(found, nulls) if TRAJECTORY_KEY in found else None

    @cached_property
    def tools(self) -> ToolSchemas | None:
        """The tools on offer: of the ground truth, if it is ours and gives some, else of the row. None = not known.

        Raises:
            ValueError: the ground truth or the tools are broken; shows the entry.
        """
        # in a ground truth of another form, `tools` may mean anything
        own = None if self.expected is None else parse_tools((self._contents.object or {}).get(TOOLS_KEY))
        return own or parse_tools(self.given_tools)

    @cached_property
    def tools_text(self) -> str:
        """The tools on offer as JSON, for the rubric and the judge; "" where there are none. Never raises."""
        own = (self._contents.object or {}).get(TOOLS_KEY)
        if own:
            return show_json(own)
        return "" if self.given_tools is None else show_json(self.given_tools)

    @cached_property
    def reference_text(self) -> str:
        """The ground truth without its tools as JSON, for the judge; "" for None. Never raises."""
        found = self._contents.object
        reference = {key: value for key, value in found.items() if key != TOOLS_KEY} if found else self.ground_truth
        return "" if reference is None else show_json(reference)

    @cached_property
    def _contents(self) -> _Contents:
        given = self.ground_truth
        if not isinstance(given, str):
            return _Contents(given if isinstance(given, dict) else None)
        if not given.lstrip().startswith("{"):
            return _Contents(None)
        try:
            return _Contents(json.loads(given, object_pairs_hook=_object_without_repeats))
        except (ValueError, RecursionError) as error:
            ours = any(f'"{key}"' in given for key in (CALLS_KEY, TRAJECTORY_KEY))
            problem = (
                f"ground_truth has the key 'tool_calls' or 'trajectory' and is not valid JSON ({error}): "
                f"{given[:200]!r}. Write it with json.dumps."
            )
            return _Contents(None, problem if ours else "")


def read_target(ground_truth: Any, tools: Any = None) -> Target:
    """The target of a row. Equal ground truths and tools of up to MAX_CACHED_CHARS give the same object.

    Args:
        ground_truth: an object or its JSON text, or anything else.
        tools: the schemas where the ground truth has none: a list or its JSON text (see parse_tools), or None.

    Example:
        >>> target = read_target('{"tool_calls": [{"name": "f", "arguments": {"a": 2}}]}')
        >>> target.expected
        ExpectedCalls(calls=(ToolCall(name='f', arguments={'a': 2}),))
        >>> read_target("#### 42").expected is None
        True
    """
    if isinstance(ground_truth, Mapping) and not {CALLS_KEY, TRAJECTORY_KEY} & ground_truth.keys():
        return Target(
            to_plain(ground_truth), to_plain(tools)
        )  # of another form: its JSON text would cost and gain nothing
    try:
        key = (*_key(ground_truth), *_key(tools))
    except (TypeError, ValueError, RecursionError):  # not JSON, so it cannot be a key
        return Target(to_plain(ground_truth), to_plain(tools))
    return _cached_target(*key) if len(key[0]) + len(key[2]) <= MAX_CACHED_CHARS else _make_target(*key)


def read_expected_calls(ground_truth: Any) -> tuple[ToolCall, ...] | None:
    """The expected calls of a ground truth; None for another form.

    Raises:
        ValueError: it has one of our keys and is broken.
    """
    expected = read_target(ground_truth).expected
    return expected.calls if isinstance(expected, ExpectedCalls) else None


def _make_target(truth: str, truth_is_text: bool, tools: str, tools_are_text: bool) -> Target:
    """The arguments are two results of `_key`."""
    return Target(truth if truth_is_text else json.loads(truth), tools if tools_are_text else json.loads(tools))


_cached_target = lru_cache(maxsize=CACHED_TARGETS)(_make_target)


def _key(value: Any) -> tuple[str, bool]:
    """The value's JSON text, and whether the value is a text itself.

    Raises:
        TypeError, ValueError, RecursionError: JSON cannot hold it.
    """
    if isinstance(value, str):
        return value, True
    if value is None:
        return "null", False
    try:
        return json.dumps(value), False
    except TypeError:
        return json.dumps(to_plain(value)), False


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise ValueError(f"the key {twice!r} occurs twice in one object")
    return result
