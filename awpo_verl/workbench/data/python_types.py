"""Convert parameters with Python type names, as xLAM and ToolRL write them, to JSON Schema.

`{"city": {"type": "str", "description": ...}, "days": {"type": "List[int], optional", "default": ""}}`, sometimes
`{"limit": {"type": "int, default=100"}}`.

`Optional[...]`, `Union[...]` and `|`, `List`, `Set`, `Tuple`, `Dict`, and JSON Schema's own names are read. Any other
type (`Callable[...]`, `np.ndarray`) sets no constraint. An empty default counts as no default: ToolRL writes one
everywhere, and xLAM also for required parameters. A default that is text of the type ("5" for an `int`) is converted.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from awpo_verl.rewards.bounded_json import json_type
from awpo_verl.workbench.data.fit_to_schema import convert_value
from awpo_verl.workbench.data.sample import BrokenRowError, show_value

MAX_TYPE_CHARS = 1_000
MAX_TYPE_DEPTH = 8

_PLAIN = {
    "str": "string",
    "string": "string",
    "int": "integer",
    "integer": "integer",
    "float": "number",
    "number": "number",
    "double": "number",
    "bool": "boolean",
    "boolean": "boolean",
    "none": "null",
    "null": "null",
    "nonetype": "null",
    "dict": "object",
    "object": "object",
    "mapping": "object",
    "list": "array",
    "array": "array",
    "sequence": "array",
    "iterable": "array",
    "set": "array",
    "tuple": "array",
}


def build_json_schema(parameters: Any, field: str, required: bool = True) -> dict[str, Any]:
    """The JSON Schema of a tool's parameters.

    Args:
        required: whether a parameter is required if it has no default and its type does not say `optional`. If False,
            no parameter is required.

    Raises:
        BrokenRowError: a parameter is not an object.
    """
    properties: dict[str, Any] = {}
    needed: list[str] = []
    for name, given in parameters.items():
        if not isinstance(given, Mapping):
            raise BrokenRowError(f"{field}.{name}", f"is {show_value(given)}; expected an object")
        schema, optional = parse_type(given.get("type"))
        if isinstance(given.get("description"), str):
            schema["description"] = given["description"]
        if isinstance(given.get("enum"), list) and given["enum"]:
            schema["enum"] = given["enum"]
        default = given.get("default")
        if default is not None and default != "":
            optional = True
            value = default if _has_type(default, schema) else convert_value(default, schema)
            if value is not None:
                schema["default"] = value
        properties[name] = schema
        if not optional:
            needed.append(name)
    result: dict[str, Any] = {"type": "object", "properties": properties}
    return {**result, "required": needed} if required and needed else result


def parse_type(given: Any) -> tuple[dict[str, Any], bool]:
    """A type's JSON Schema, and whether the type says that the parameter may be left out."""
    if isinstance(given, list):
        branches = [_plain(str(name)) for name in given]
        return _union([branch for branch in branches if branch]), "null" in given
    if not isinstance(given, str) or len(given) > MAX_TYPE_CHARS:
        return {}, False
    if given.startswith("[") and given.endswith("]"):  # "['string', 'null']": a list that became text
        names = [name.strip("'\" ") for name in given[1:-1].split(",")]
        return parse_type(names)
    parts = _split(given, ",")
    schema, optional = _parse(parts[0].strip(), 0)
    return schema, optional or any(_says_optional(part) for part in parts[1:])


def _says_optional(part: str) -> bool:
    """Whether the text after a type says that the parameter may be left out: `, optional`, `, default=5`."""
    part = part.strip().lower()
    return "optional" in part or part.startswith("default")


@lru_cache(maxsize=4096)
def _cached(text: str, depth: int) -> tuple[tuple[tuple[str, Any], ...], bool]:
    schema, optional = _parse_text(text, depth)
    return tuple(schema.items()), optional


def _parse(text: str, depth: int) -> tuple[dict[str, Any], bool]:
    items, optional = _cached(text, depth)
    return dict(items), optional


def _parse_text(text: str, depth: int) -> tuple[dict[str, Any], bool]:
    if depth > MAX_TYPE_DEPTH:
        return {}, False
    if len(branches := _split(text, "|")) > 1:
        return _choice(branches, depth)
    name, bracket, rest = text.partition("[")
    name = name.strip().rpartition(".")[2].lower()  # typing.List, t.List
    if not bracket or not rest.endswith("]"):
        return _plain(name), name == "optional"
    inner = [part.strip() for part in _split(rest[:-1], ",")]
    if name == "optional":
        return _parse(inner[0], depth + 1)[0], True
    if name == "union":
        return _choice(inner, depth)
    schema = _plain(name)
    if schema.get("type") == "array":
        items = [_parse(part, depth + 1)[0] for part in inner if part != "..."]
        if items and items[0] and all(item == items[0] for item in items):
            schema["items"] = items[0]
    elif schema.get("type") == "object" and len(inner) == 2 and (values := _parse(inner[1], depth + 1)[0]):
        schema["additionalProperties"] = values
    return schema, False


def _choice(branches: list[str], depth: int) -> tuple[dict[str, Any], bool]:
    parsed = [_parse(branch.strip(), depth + 1)[0] for branch in branches]
    nullable = {"type": "null"} in parsed
    real = [schema for schema in parsed if schema != {"type": "null"}]
    return (_union(real) if all(real) else {}), nullable


def _union(branches: list[dict[str, Any]]) -> dict[str, Any]:
    """One schema for a choice: a list of types if all are plain, else anyOf."""
    distinct = [branch for i, branch in enumerate(branches) if branch not in branches[:i]]
    if len(distinct) <= 1:
        return dict(distinct[0]) if distinct else {}
    if all(set(branch) == {"type"} and isinstance(branch["type"], str) for branch in distinct):
        names = [branch["type"] for branch in distinct]
        if "number" in names and "integer" in names:
            names.remove("integer")
        return {"type": names if len(names) > 1 else names[0]}
    return {"anyOf": distinct}


def _plain(name: str) -> dict[str, Any]:
    known = _PLAIN.get(name.strip().lower())
    return {"type": known} if known else {}


def _split(text: str, mark: str) -> list[str]:
    """Split a text at marks outside of brackets."""
    parts, depth, begin = [], 0, 0
    for index, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if character == mark and depth == 0:
            parts.append(text[begin:index])
            begin = index + 1
    return [*parts, text[begin:]]


def _has_type(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a default has a type that the schema names."""
    types = schema.get("type")
    if types is None:
        return True
    types = [types] if isinstance(types, str) else types
    return json_type(value) in types or (json_type(value) == "integer" and "number" in types)
