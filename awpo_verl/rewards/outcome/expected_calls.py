"""The expected calls of a row: its ground truth, read and checked once.

`{"tool_calls": [{"name": "book", "arguments": {"city": {"$any": ["NYC", "New York"]}, "nights": 2}}]}`

An object `{"$any": [...]}` anywhere in the arguments stands for one of several accepted values; with `"$optional":
true` it may also be left out. An empty list expects that no tool is called. `"tools": [...]` beside the calls gives
the schemas of the tools that the prompt offers (schema.py); it travels with the ground truth into verl's rollout
dumps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from awpo_verl.rewards.bounded_json import MAX_DEPTH, check_depth
from awpo_verl.rewards.outcome.calls import BadCallError, ToolCall
from awpo_verl.rewards.outcome.ground_truth import as_object
from awpo_verl.rewards.outcome.schema import ToolSchemas, parse_tools
from awpo_verl.rewards.outcome.values import AnyOf

ANY, OPTIONAL = "$any", "$optional"


def expected_calls(ground_truth: Any) -> tuple[ToolCall, ...] | None:
    """The expected calls of a row, with `AnyOf` where several values are accepted; None for another form.

    Args:
        ground_truth: as above, a mapping or its JSON text (cached, for the rollouts of a prompt share it).

    Raises:
        ValueError: it has a `tool_calls` key, and what is there is not a list of calls; or it is a mapping with
            null arguments, which is what parquet makes of objects with different keys: write JSON text.
    """
    if isinstance(ground_truth, str):
        return _from_text(ground_truth) if '"tool_calls"' in ground_truth else None
    return _from_object(ground_truth, nulls=False)


@lru_cache(maxsize=4096)
def _from_text(text: str) -> tuple[ToolCall, ...] | None:
    return _from_object(as_object(text), nulls=True)


def offered_tools(ground_truth: Any) -> ToolSchemas | None:
    """The tools that a ground truth gives, None where it gives none.

    Raises:
        ValueError: they are broken (see parse_tools).
    """
    if isinstance(ground_truth, str):
        return _tools_from_text(ground_truth) if '"tools"' in ground_truth else None
    return _tools_from_object(ground_truth)


@lru_cache(maxsize=4096)
def _tools_from_text(text: str) -> ToolSchemas | None:
    return _tools_from_object(as_object(text))


def _tools_from_object(ground_truth: Any) -> ToolSchemas | None:
    return parse_tools(ground_truth.get("tools")) if isinstance(ground_truth, Mapping) else None


def _from_object(ground_truth: Any, nulls: bool) -> tuple[ToolCall, ...] | None:
    if not isinstance(ground_truth, Mapping) or "tool_calls" not in ground_truth:
        return None
    given = plain(ground_truth["tool_calls"])
    if not isinstance(given, list):
        raise ValueError(f"ground_truth['tool_calls'] must be a list of calls, got {type(given).__name__}.")
    return tuple(_expected_call(item, nulls) for item in given)


def _expected_call(item: Any, nulls: bool) -> ToolCall:
    """One entry of a ground truth. Raises ValueError that shows it."""
    try:
        if not isinstance(item, Mapping) or not isinstance(item.get("name"), str) or not item["name"]:
            raise BadCallError('it must be {"name": str, "arguments": {...}}')
        arguments = item.get("arguments", {})
        if not isinstance(arguments, Mapping) or set(item) - {"name", "arguments"}:
            raise BadCallError('it must be {"name": str, "arguments": {...}}, without other keys')
        if not nulls and _has_null(arguments):
            raise BadCallError(
                "a null argument: parquet pads objects with different keys; write the ground truth as JSON text"
            )
        check_depth(dict(arguments), MAX_DEPTH - 1)  # the call around them is one more
        json.dumps(arguments, allow_nan=False)  # plain and finite
        return ToolCall(item["name"], {str(key): _pattern(value) for key, value in arguments.items()})
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"ground_truth['tool_calls'] has an entry that cannot be expected: {str(item)[:200]!r}: {error}."
        ) from None


def _pattern(value: Any) -> Any:
    """`{"$any": [...]}` -> AnyOf, at any depth."""
    if isinstance(value, Mapping):
        if ANY not in value:
            return {key: _pattern(item) for key, item in value.items()}
        values, optional = value[ANY], value.get(OPTIONAL, False)
        if not isinstance(values, list) or not values or not isinstance(optional, bool) or set(value) - {ANY, OPTIONAL}:
            raise BadCallError('accepted values must be {"$any": [one or more], "$optional": true or false}')
        return AnyOf(tuple(_pattern(item) for item in values), optional)
    return [_pattern(item) for item in value] if isinstance(value, list) else value


def _has_null(value: Any) -> bool:
    """Whether an object holds a null, at any depth."""
    if isinstance(value, Mapping):
        return any(item is None or _has_null(item) for item in value.values())
    return isinstance(value, list) and any(_has_null(item) for item in value)


def plain(value: Any) -> Any:
    """Arrays and numpy scalars (what reading parquet makes of lists and numbers) as plain Python values."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
