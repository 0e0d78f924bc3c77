"""The schemas of the tools that a prompt offers: JSON Schema, OpenAI tools, and BFCL's dialect, as JSON Schema.

Two things differ from plain JSON Schema, both on purpose: for `integer`, 1.0 is no integer (the tool gets a float), and
`pattern` is searched with a time limit, for the string is the model's. References to other documents are not followed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from awpo_verl.rewards.outcome.calls import ToolCall

MAX_PROBLEMS = 3  # reported of one call
MAX_NODES = 2_048  # values in one call's arguments; some keywords take time quadratic in them
PATTERN_SECONDS = 0.05

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
class Tool:
    """One tool: its name, and the JSON Schema of its arguments (an object's)."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The names of the parameters, in the schema's order."""
        return tuple(self.parameters.get("properties", ()))

    def property(self, key: str) -> Any:
        """The schema of one parameter, None where there is none."""
        return property_schema(self.parameters, key)

    @cached_property
    def _validator(self) -> Any:
        return _validator_class()(self.parameters, registry=_no_registry())

    def problems(self, arguments: Mapping[str, Any]) -> list[str]:
        """What of the arguments breaks the schema, as short texts, at most MAX_PROBLEMS."""
        from referencing.exceptions import Unresolvable

        if _more_nodes(arguments, MAX_NODES):
            return [f"arguments: more than {MAX_NODES} values, not checked"]
        found: list[str] = []
        try:
            for error in self._validator.iter_errors(dict(arguments)):
                where = ".".join(str(part) for part in error.absolute_path)
                found.append(f"{where or 'arguments'}: {error.validator}")
                if len(found) == MAX_PROBLEMS:
                    break
        except Unresolvable as error:
            found.append(f"the schema has a reference that leads nowhere: {str(error)[:80]}")
        return found


Tools = Mapping[str, Tool]


def parse_tools(given: Any) -> Tools | None:
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
    if hasattr(given, "tolist"):
        given = given.tolist()
    if not isinstance(given, Sequence):
        raise ValueError(f"tools must be a list of tool schemas or its JSON text, got {type(given).__name__}.")
    tools = [_tool(item) for item in given]
    return {tool.name: tool for tool in tools}


def schema_problems(calls: Sequence[ToolCall], tools: Tools | None) -> list[str]:
    """What of the calls breaks the schemas, a short text each; empty without schemas."""
    if tools is None:
        return []
    problems: list[str] = []
    for call in calls:
        tool = tools.get(call.name)
        problems += ["unknown tool"] if tool is None else tool.problems(call.arguments)
    return problems


def property_schema(schema: Any, key: str) -> Any:
    """The schema of an object's property, None where the schema says nothing of it."""
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    return properties.get(key) if isinstance(properties, Mapping) else None


def allows(schema: Any, name: str) -> bool:
    """Whether the schema names this type among those that it allows; one without a type allows all."""
    types = _types(schema)
    return not types or name in types


def integers_only(schema: Any) -> bool:
    """Whether `integer` is the only type of a number that the schema allows."""
    types = _types(schema)
    return "integer" in types and "number" not in types


def _types(schema: Any) -> set[str]:
    """The types that a schema allows, through anyOf and oneOf; empty = any."""
    if not isinstance(schema, Mapping):
        return set()
    given = schema.get("type")
    if given is not None:
        return {given} if isinstance(given, str) else set(given)
    found: set[str] = set()
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        types = _types(branch)
        if not types:
            return set()
        found |= types
    return found


@lru_cache(maxsize=4096)
def _parse_text(text: str) -> Tools | None:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise ValueError(f"tools are not JSON ({error}): {text[:200]!r}.") from None
    if isinstance(given, str):
        raise ValueError(f"tools must be a list of tool schemas, got a JSON string: {text[:200]!r}.")
    return parse_tools(given)


def _tool(item: Any) -> Tool:
    inner: Any = item.get("function", item) if isinstance(item, Mapping) else None
    name = inner.get("name") if isinstance(inner, Mapping) else None
    parameters = inner.get("parameters") if isinstance(inner, Mapping) else None
    if not isinstance(name, str) or not name or not isinstance(parameters, Mapping | None):
        raise ValueError(
            'a tool must be {"type": "function", "function": {"name": str, "parameters": {JSON Schema}}}, '
            f"got {str(item)[:200]!r}."
        )
    schema = _json_schema(parameters) if parameters else {}
    _check(name, schema)
    return Tool(name, schema)


def _check(name: str, schema: Any) -> None:
    from jsonschema import SchemaError

    try:
        _validator_class().check_schema(schema)
    except SchemaError as error:
        where = ".".join(str(part) for part in error.absolute_path)
        raise ValueError(
            f"the parameters of tool {name!r} are no JSON Schema: {where or 'top'}: {error.message[:200]}."
        ) from None


def _json_schema(node: Any) -> Any:
    """A schema in BFCL's or Python's names -> JSON Schema."""
    if not isinstance(node, Mapping):
        return node
    result: dict[str, Any] = {}
    for key, value in node.items():
        if key == "type":
            names = [value] if isinstance(value, str) else list(value)
            types = [_DIALECT.get(str(name).lower(), str(name).lower()) for name in names]
            if all(name in _JSON_TYPES for name in types):
                result["type"] = types[0] if isinstance(value, str) else types
        elif key in _SCHEMA:
            result[key] = _json_schema(value)
        elif key in _SCHEMAS and isinstance(value, list | tuple):
            result[key] = [_json_schema(item) for item in value]
        elif key in _NAMED and isinstance(value, Mapping):
            result[key] = {name: _json_schema(item) for name, item in value.items()}
        elif key == "required" and not isinstance(value, list | tuple):
            pass  # `required: true` on a property, as some datasets write it, means nothing in JSON Schema
        else:
            result[key] = value
    return result


def _more_nodes(value: Any, limit: int) -> bool:
    """Whether a JSON value holds more than `limit` values."""
    level, count = [value], 0
    while level:
        count += len(level)
        if count > limit:
            return True
        inner: list[Any] = []
        for item in level:
            if isinstance(item, Mapping):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        level = inner
    return False


@lru_cache(maxsize=1)
def _validator_class() -> Any:
    from jsonschema import Draft202012Validator, validators

    checker = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    return validators.extend(
        Draft202012Validator, {"pattern": _pattern, "patternProperties": _nothing}, type_checker=checker
    )


@lru_cache(maxsize=1)
def _no_registry() -> Any:
    """An empty registry: without one, jsonschema fetches references over the network."""
    from referencing import Registry

    return Registry()


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    import regex
    from jsonschema import ValidationError

    if not isinstance(instance, str):
        return
    try:
        matched = regex.search(pattern, instance, timeout=PATTERN_SECONDS)
    except TimeoutError:
        matched = None
    if matched is None:
        yield ValidationError("does not match the pattern")


def _nothing(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
    yield from ()
