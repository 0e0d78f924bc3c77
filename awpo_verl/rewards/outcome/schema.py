"""The schemas of the tools that a prompt offers. JSON Schema, OpenAI tools and BFCL's dialect all become JSON Schema.

Differences from plain JSON Schema, on purpose:
- 1.0 is not an `integer`: the tool would get a float.
- `pattern` is searched with a time limit, because the model writes the string.
- `patternProperties` and `unevaluatedProperties` are not checked, nor is `additionalProperties` beside the former.
- References to other documents are not followed.
- All checks of a response share a budget of steps (validator.py).
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

MAX_PROBLEMS = 3  # problems reported for one response
MAX_INLINED = 4  # depth of references inside references

_JSON_TYPES = frozenset(["object", "array", "string", "integer", "number", "boolean", "null"])
# BFCL's names and Python's. `any` and unknown names set no constraint.
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
        """The schema of one parameter; None = it has none."""
        return property_schema(self.parameters, key)

    @cached_property
    def validator(self) -> Any:
        return make_validator(self.parameters)


ToolSchemas = Mapping[str, ToolSchema]


def parse_tools(given: Any) -> ToolSchemas | None:
    """Read the tools of a prompt, by name; None = none are given.

    Args:
        given: a list of tools, or its JSON text. A tool is OpenAI's
            `{"type": "function", "function": {"name", "parameters"}}`, or the inner part alone, as BFCL writes it.

    Raises:
        ValueError: it is not such a list, or parameters are not a JSON Schema; shows the entry.
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
            raise ValueError(f"two tools are named {tool.name!r}, so their calls look the same. Rename one.")
        tools[tool.name] = tool
    return tools


def schema_problems(calls: Sequence[ToolCall], tools: ToolSchemas | None) -> list[str]:
    """How the calls break the schemas: short texts, at most MAX_PROBLEMS; empty without schemas."""
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
    """The schema of a tool's arguments; None = unknown."""
    tool = tools.get(name) if tools else None
    return tool.parameters if tool else None


def property_schema(schema: Json, key: str) -> Json:
    """The schema of an object's property; None = the schema does not name it."""
    properties: Json = schema.get("properties") if isinstance(schema, dict) else None
    return properties.get(key) if isinstance(properties, dict) else None


def integers_only(schema: Json) -> bool:
    """Whether the schema allows integers and no other numbers."""
    types = types_of(schema)
    return "integer" in types and "number" not in types


def types_of(schema: Json) -> set[str]:
    """The types that a schema allows, through enum, anyOf, oneOf and allOf; empty = any.

    Without a type, a schema with `properties` means an object, and one with `items` an array, as SGLang reads it.
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
    """The schema; for a choice between one schema and null (an optional value), that one schema."""
    if type(schema) is dict and ("anyOf" in schema or "oneOf" in schema):
        branches: list[Json] = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
        branches = [branch for branch in branches if types_of(branch) != {"null"}]
        if len(branches) == 1:
            return branches[0]
    return schema


def _parse_text(text: str) -> ToolSchemas | None:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise ValueError(f"tools are not JSON ({error}): {text[:200]!r}.") from None
    if isinstance(given, str):
        raise ValueError(f"tools must be a list of tool schemas, got a JSON string: {text[:200]!r}.")
    return parse_tools(given)


def _tool(item: Json) -> ToolSchema:
    """Read one tool, once for all prompts that have it: checking its schema costs more than the rest of a rollout."""
    try:
        text = json.dumps(item)
    except (TypeError, ValueError, RecursionError):  # not JSON, so it cannot be cached
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
        raise ValueError(f"the parameters of tool {name!r} are not a JSON Schema: {error}.") from None
    return ToolSchema(name, schema)


def _inlined(node: Json, root: Json, depth: int) -> Json:
    """Replace local references (`#/$defs/x`) by what they name, MAX_INLINED deep. Circular ones stay."""
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
    """Rewrite a schema with BFCL's or Python's type names as JSON Schema."""
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
