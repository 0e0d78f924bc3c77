"""The expected calls of a row: the key `tool_calls` of its ground truth, checked.

`{"tool_calls": [{"name": "book", "arguments": {"city": {"$any": ["NYC", "New York"]}, "nights": 2}}]}`

An object `{"$any": [...]}` anywhere in the arguments stands for one of several accepted values. With `"$optional":
true` the argument may also be left out. An empty list expects that no tool is called. `"tools": [...]` beside the calls
gives the schemas of the tools that the prompt offers (schema.py); it travels with the ground truth into verl's rollout
dumps.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from awpo_verl.rewards.bounded_json import MAX_DEPTH, check_depth
from awpo_verl.rewards.json_values import Json, has_null
from awpo_verl.rewards.outcome.calls import BadCallError, ToolCall
from awpo_verl.rewards.outcome.values import AnyOf

ANY, OPTIONAL = "$any", "$optional"


@dataclass(frozen=True, slots=True)
class ExpectedCalls:
    """The calls that a response must make, with `AnyOf` where several values are accepted; () = it must make none."""

    calls: tuple[ToolCall, ...]


def parse_expected_calls(given: Json, nulls: bool) -> ExpectedCalls:
    """Check the value of `tool_calls`.

    Args:
        given: a JSON value.
        nulls: whether an argument may be null. Not in an object, where parquet pads with nulls; in JSON text it may.

    Raises:
        ValueError: not a list of calls; shows the entry.
    """
    if not isinstance(given, list):
        raise ValueError(f"ground_truth['tool_calls'] must be a list of calls, got {type(given).__name__}.")
    return ExpectedCalls(tuple(_parse_call(item, nulls) for item in given))


def _parse_call(item: Json, nulls: bool) -> ToolCall:
    """One entry. Raises ValueError that shows it."""
    try:
        if not isinstance(item, dict) or not isinstance(item.get("name"), str) or not item["name"]:
            raise BadCallError('it must be {"name": str, "arguments": {...}}')
        arguments: Json = item.get("arguments", {})
        if not isinstance(arguments, dict) or set(item) - {"name", "arguments"}:
            raise BadCallError('it must be {"name": str, "arguments": {...}}, without other keys')
        if not nulls and has_null(arguments):
            raise BadCallError(
                "a null argument: parquet pads objects with different keys; write the ground truth as JSON text"
            )
        check_depth(arguments, MAX_DEPTH - 1)  # the call around them is one level more
        json.dumps(arguments, allow_nan=False)  # plain and finite
        return ToolCall(item["name"], {str(key): _pattern(value) for key, value in arguments.items()})
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"ground_truth['tool_calls'] has an entry that cannot be expected: {str(item)[:200]!r}: {error}."
        ) from None


def _pattern(value: Json) -> Any:
    """Replace `{"$any": [...]}` by AnyOf, at any depth."""
    if isinstance(value, dict):
        if ANY not in value:
            return {key: _pattern(item) for key, item in value.items()}
        values: Json = value[ANY]
        optional: Json = value.get(OPTIONAL, False)
        if not isinstance(values, list) or not values or not isinstance(optional, bool) or set(value) - {ANY, OPTIONAL}:
            raise BadCallError('accepted values must be {"$any": [one or more], "$optional": true or false}')
        return AnyOf(tuple(_pattern(item) for item in values), optional)
    return [_pattern(item) for item in value] if isinstance(value, list) else value
