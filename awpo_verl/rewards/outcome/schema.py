"""The schemas of the tools that a prompt offers: JSON Schema, OpenAI tools, and BFCL's dialect, as JSON Schema.

What differs from plain JSON Schema, on purpose: for `integer`, 1.0 is no integer (the tool gets a float); `pattern` is
searched with a time limit, for the string is the model's; `patternProperties` and `unevaluatedProperties` are not
checked, nor is `additionalProperties` beside the former; references to other documents are not followed; and all checks
of a response share a budget of steps (validator.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, cast

from awpo_verl.rewards.bounded_json import json_type
from awpo_verl.rewards.json_values import Json, to_plain
from awpo_verl.rewards.outcome.calls import ToolCall
from awpo_verl.rewards.outcome.validator import Budget, SchemaProblem, check_schema, make_validator

MAX_PROBLEMS = 3  # reported of one response
MAX_INLINED = 4  # references inside of references

_JSON_TYPES = frozenset(["object", "array", "string", "integer", "number", "boolean", "null"])
# BFCL's names and Python's. `any`, and a name that is nobody's, is no constraint.
_DIALECT = {
    "dict": "object",
    "hashmap": "object",
    "list": "array",
    "tuple": "array",
    "set": "array",
    "str": "string",
    "int": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "bool": "boolean",
    "none": "null",
}
# Values of these keywords are a schema, a list of schemas, a mapping to schemas.
_SCHEMA = ("items", "additionalProperties", "not")
_SCHEMAS = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "$defs", "definitions")


@dataclass(frozen=True)
class ToolSchema:
    """One tool: its name, and the JSON Schema of its arguments (an object's)."""

    name: str
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The names of the parameters, in the schema's order."""
        return tuple(self.parameters.get("properties", ()))

    def property(self, key: str) -> Json:
        """The schema of one parameter, None where there is none."""
        return property_schema(self.parameters, key)

    @cached_property
    def validator(self) -> Any:
        return make_validator(self.parameters)


ToolSchemas = Mapping[str, ToolSchema]


def parse_tools(given: Any) -> ToolSchemas | None:
    """The tools of a prompt by name, or None where none are given.

    Args:
        given: a list of tools, or its JSON text (cached, for the rollouts of a prompt share it). A tool is OpenAI's
            `{"type": "function", "function": {"name", "parameters"}}`, or the inner part alone, as BFCL writes it.

    Raises:
        ValueError: not such a list, or parameters that are no JSON Schema; shows the entry.
    """
    if given is None:
        return None
    if isinstance(given, str):
        return _parse_text(given)
    items = to_plain(given)
    if not isinstance(items, list):
        raise ValueError(f"tools must be a list of tool schemas or its JSON text, got {type(given).__name__}.")
    tools: dict[str, ToolSchema] = {}
    for tool in map(_tool, items):
        if tool.name in tools:
            raise ValueError(f"two tools are named {tool.name!r}; calls could not be told apart.")
        tools[tool.name] = tool
    return tools


def schema_problems(calls: Sequence[ToolCall], tools: ToolSchemas | None) -> list[str]:
    """What of the calls breaks the schemas, a short text each, MAX_PROBLEMS at most; empty without schemas."""
    if tools is None:
        return []
    problems: list[str] = []
    budget = Budget()
    for call in calls:
        tool = tools.get(call.name)
        problems += ["unknown tool"] if tool is None else budget.problems(tool.validator, call.arguments)
        if len(problems) >= MAX_PROBLEMS:
            break
    return problems[:MAX_PROBLEMS]


def schema_of(tools: ToolSchemas | None, name: str) -> dict[str, Any] | None:
    """The schema of a tool's arguments, None where it is not known."""
    tool = tools.get(name) if tools else None
    return tool.parameters if tool else None


def property_schema(schema: Json, key: str) -> Json:
    """The schema of an object's property, None where the schema says nothing of it."""
    properties: Json = schema.get("properties") if isinstance(schema, dict) else None
    return properties.get(key) if isinstance(properties, dict) else None


def integers_only(schema: Json) -> bool:
    """Whether `integer` is the only type of a number that the schema allows."""
    types = types_of(schema)
    return "integer" in types and "number" not in types


def types_of(schema: Json) -> set[str]:
    """The types that a schema allows, through enum, anyOf, oneOf and allOf; empty = any.

    A schema without a type that has `properties` means an object, and one with `items` an array, as SGLang reads it.
    """
    if not isinstance(schema, dict):
        return set()
    given: str | list[str] | None = schema.get("type")
    if given is not None:
        return {given} if isinstance(given, str) else set(given)
    if "enum" in schema:
        return {json_type(value) for value in schema["enum"]}
    for branch in schema.get("allOf", ()):
        if types := types_of(branch):
            return types
    if "properties" in schema or "items" in schema:
        return {"object" if "properties" in schema else "array"}
    found: set[str] = set()
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        types = types_of(branch)
        if not types:
            return set()
        found |= types
    return found


def sole_branch(schema: Json) -> Json:
    """The schema, or, where it is a choice of one schema or null (an optional value), that one."""
    if type(schema) is dict and ("anyOf" in schema or "oneOf" in schema):
        branches: list[Json] = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
        branches = [branch for branch in branches if types_of(branch) != {"null"}]
        if len(branches) == 1:
            return branches[0]
    return schema


@lru_cache(maxsize=4096)
def _parse_text(text: str) -> ToolSchemas | None:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise ValueError(f"tools are not JSON ({error}): {text[:200]!r}.") from None
    if isinstance(given, str):
        raise ValueError(f"tools must be a list of tool schemas, got a JSON string: {text[:200]!r}.")
    return parse_tools(given)


def _tool(item: Json) -> ToolSchema:
    """Many prompts have the same tool, and checking that its schema is one costs more than all else of a rollout."""
    try:
        text = json.dumps(item)
    except (TypeError, ValueError, RecursionError):  # no JSON: it is what it is
        return _make_tool(item)
    return _tool_of_text(text)


@lru_cache(maxsize=4096)
def _tool_of_text(text: str) -> ToolSchema:
    return _make_tool(json.loads(text))


def _make_tool(item: Json) -> ToolSchema:
    inner: Json = item.get("function", item) if isinstance(item, dict) else None
    name: Json = inner.get("name") if isinstance(inner, dict) else None
    parameters: Json = inner.get("parameters") if isinstance(inner, dict) else None
    if not isinstance(name, str) or not name or not isinstance(parameters, dict | None):
        raise ValueError(
            'a tool must be {"type": "function", "function": {"name": str, "parameters": {JSON Schema}}}, '
            f"got {str(item)[:200]!r}."
        )
    try:
        schema: Any = _json_schema(_inlined(parameters, parameters, 0)) if parameters else {}
        check_schema(schema)
    except (SchemaProblem, TypeError, RecursionError) as error:
        raise ValueError(f"the parameters of tool {name!r} are no JSON Schema: {error}.") from None
    return ToolSchema(name, schema)


def _inlined(node: Json, root: Json, depth: int) -> Json:
    """Local references (`#/$defs/x`) replaced by what they name, MAX_INLINED deep; what leads in circles stays."""
    if isinstance(node, list):
        return [_inlined(item, root, depth) for item in node]
    if not isinstance(node, dict):
        return node
    reference: Json = node.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/") and depth < MAX_INLINED:
        target = root
        for step in reference[2:].split("/"):
            target = cast("Json", target.get(step)) if isinstance(target, dict) else None
        if isinstance(target, dict):
            siblings = {key: value for key, value in node.items() if key != "$ref"}
            return _inlined({**target, **siblings}, root, depth + 1)
    return {key: _inlined(value, root, depth + (key == "$ref")) for key, value in node.items()}


def _json_schema(node: Json) -> Json:
    """A schema in BFCL's or Python's names -> JSON Schema."""
    if not isinstance(node, dict):
        return node
    result: dict[str, Any] = {}
    value: Json
    for key, value in node.items():
        if key == "type":
            names = [value] if isinstance(value, str) else value
            if not isinstance(names, list) or not names:
                raise TypeError(f"type is {value!r}")
            types = [_DIALECT.get(str(name).lower(), str(name).lower()) for name in names]
            if all(name in _JSON_TYPES for name in types):
                result["type"] = types[0] if isinstance(value, str) else types
        elif key in _SCHEMA:
            result[key] = _json_schema(value)
        elif key in _SCHEMAS and isinstance(value, list):
            result[key] = [_json_schema(item) for item in value]
        elif key in _NAMED and isinstance(value, dict):
            result[key] = {name: _json_schema(item) for name, item in value.items()}
        elif key == "required" and not isinstance(value, list):
            pass  # `required: true` on a property, as some datasets write it, means nothing in JSON Schema
        else:
            result[key] = value
    return result
