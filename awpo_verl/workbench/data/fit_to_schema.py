"""Check expected calls against the schemas of their tools, and fix what differs.

Public sets write `"page": "1"` for an integer and null for an argument that is left out, and they call tools that are
not offered. Such a row would punish the right answer in training. `fix`, the default, changes two cases:

    text of the type ("1", "true", "[1, 2]"), 1.0 for an integer, a number for a text  -> both values are accepted
    null, or "", for a parameter that is not required                                  -> it may be left out

and drops the other cases with their reason. `drop` fixes nothing, `keep` accepts everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from awpo_verl.rewards.bounded_json import json_type, read_all
from awpo_verl.rewards.outcome.calls import BadCallError, ToolCall
from awpo_verl.rewards.outcome.expected_calls import ANY, OPTIONAL
from awpo_verl.rewards.outcome.matching import match_calls
from awpo_verl.rewards.outcome.parse import parse_response
from awpo_verl.rewards.outcome.schema import ToolSchema, ToolSchemas, schema_problems, types_of
from awpo_verl.rewards.outcome.target import read_expected_calls
from awpo_verl.workbench.data.sample import UnusableError, show_value

MISMATCH = ("fix", "drop", "keep")
UNKNOWN_TOOL = "calls a tool that is not offered"
UNKNOWN_ARGUMENT = "an argument that the tool does not have"
BREAKS_SCHEMA = "an expected call breaks its tool's schema"
UNCHECKABLE = "the reference answer would not score 1"

_NUMBER = re.compile(r"-?\d{1,17}(\.\d{1,17})?([eE][-+]?\d{1,2})?")


def fit_calls(calls: Sequence[Mapping[str, Any]], tools: ToolSchemas, mismatch: str) -> tuple[dict[str, Any], ...]:
    """Fit calls to the schemas; a value of another type becomes `$any` of both.

    Args:
        mismatch: one of MISMATCH.

    Raises:
        UnusableError: a call breaks its tool's schema and `mismatch` is not "keep", or the checker cannot read it.
    """
    _expected(calls)  # raises if the checker cannot read them
    fitted = tuple(_call(call, tools, mismatch) for call in calls)
    _check_reference(fitted, tools)
    return fitted


def reference_calls(calls: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Plain calls that are right: the first accepted values, without arguments that may be left out."""
    return [{"name": call["name"], "arguments": _plain_arguments(call["arguments"])} for call in calls]


def convert_value(value: Any, schema: Any) -> Any:
    """The value converted to a type of the schema; None if it has such a type already, or cannot be converted."""
    types = types_of(schema)
    kind = json_type(value)
    if not types or kind in types or (kind == "integer" and "number" in types):
        return _items_as(value, schema) if kind == "array" else None
    if kind == "string":
        return _text_as(value.strip(), types)
    if kind == "number" and "integer" in types and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if kind in ("integer", "number", "boolean") and types == {"string"}:
        return json.dumps(value)
    return None


def _text_as(text: str, types: set[str]) -> Any:
    if text.lower() in ("true", "false") and "boolean" in types:
        return text.lower() == "true"
    if _NUMBER.fullmatch(text) and ("number" in types or ("integer" in types and text.lstrip("-").isdigit())):
        return int(text) if text.lstrip("-").isdigit() else float(text)
    if text[:1] in "[{" and types & {"array", "object"}:
        try:
            value = read_all(text)
        except BadCallError:
            return None
        return value if json_type(value) in types else None
    return None


def _items_as(value: list[Any], schema: Any) -> list[Any] | None:
    """The list with its items converted; None if none needs it."""
    items = schema.get("items") if isinstance(schema, Mapping) else None
    read = [convert_value(item, items) for item in value]
    if all(item is None for item in read):
        return None
    return [old if new is None else new for old, new in zip(value, read, strict=True)]


def _call(call: Mapping[str, Any], tools: ToolSchemas, mismatch: str) -> dict[str, Any]:
    name, arguments = call["name"], dict(call["arguments"])
    tool = tools.get(name)
    if tool is None or mismatch == "keep":
        if tool is None and mismatch != "keep":
            raise UnusableError(UNKNOWN_TOOL, f"{name}; the tools are {', '.join(tools)}"[:300])
        return {"name": name, "arguments": arguments}
    if mismatch == "fix":
        arguments = {key: _fixed(key, value, tool) for key, value in arguments.items()}
    if unknown := _unknown_arguments(arguments, tool):
        raise UnusableError(UNKNOWN_ARGUMENT, f"{name}: {', '.join(unknown)}"[:300])
    if problems := schema_problems([ToolCall(name, _plain_arguments(arguments))], tools):
        raise UnusableError(BREAKS_SCHEMA, f"{name}: {problems[0]}"[:300])
    return {"name": name, "arguments": arguments}


def _fixed(key: str, value: Any, tool: ToolSchema) -> Any:
    """An argument's value; `$any` of both values if it must be converted to its type."""
    schema = tool.property(key)
    if isinstance(value, Mapping) and ANY in value:
        read = [convert_value(one, schema) for one in value[ANY] if not _has_pattern(one)]
        read = [one for one in read if one is not None]
        return {**value, ANY: [*read, *value[ANY]]} if read else value
    if _has_pattern(value):
        return value
    if value in (None, "") and key not in tool.parameters.get("required", ()) and key in tool.order:
        allowed = types_of(schema)
        says_nothing = value == "" or (allowed and "null" not in allowed)
        return {ANY: [value], OPTIONAL: True} if says_nothing else value
    read = convert_value(value, schema)
    return value if read is None else {ANY: [read, value]}


def _unknown_arguments(arguments: Mapping[str, Any], tool: ToolSchema) -> list[str]:
    """Arguments that the schema does not name, unless it allows others."""
    if "additionalProperties" in tool.parameters or "properties" not in tool.parameters:
        return []
    return [key for key in arguments if key not in tool.order]


def _expected(calls: Sequence[Mapping[str, Any]]) -> tuple[ToolCall, ...]:
    """The calls as the checker reads them from a ground truth. Raises UnusableError."""
    try:
        return read_expected_calls(json.dumps({"tool_calls": list(calls)}, allow_nan=False)) or ()
    except (ValueError, TypeError, RecursionError) as error:
        raise UnusableError(UNCHECKABLE, str(error)[:300]) from None


def _check_reference(calls: Sequence[Mapping[str, Any]], tools: ToolSchemas) -> None:
    """Raises UnusableError unless our checker finds the reference answer right."""
    blocks = [f"<tool_call>\n{json.dumps(call)}\n</tool_call>" for call in reference_calls(calls)]
    response = parse_response("\n".join(blocks) or "No call.", "hermes", tools)
    if not match_calls(response, _expected(calls), tools).exact:
        raise UnusableError(UNCHECKABLE, show_value(response.problems or list(calls)))


def _has_pattern(value: Any) -> bool:
    if isinstance(value, Mapping):
        return ANY in value or any(map(_has_pattern, value.values()))
    return isinstance(value, list) and any(map(_has_pattern, value))


def _plain_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _plain(value) for key, value in arguments.items() if not _may_go(value)}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _plain(value[ANY][0]) if ANY in value else _plain_arguments(value)
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _may_go(value: Any) -> bool:
    return isinstance(value, Mapping) and ANY in value and value.get(OPTIONAL) is True
