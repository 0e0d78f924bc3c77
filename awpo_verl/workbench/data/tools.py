"""The tools of a sample, in OpenAI's form and as the checker's schemas. Cached: many rows offer the same tools."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from awpo_verl.rewards.bounded_json import nests_deeper
from awpo_verl.rewards.outcome.schema import ToolSchema, ToolSchemas, parse_tools
from awpo_verl.workbench.data.sample import BrokenRowError, show_value

MAX_NESTING = 64  # a row's values may nest this deep


def parse_json_value(value: Any, field: str) -> Any:
    """The value of a JSON text, or the value itself if it is not a text. Raises BrokenRowError."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise BrokenRowError(field, f"is not JSON ({str(error)[:80]}): {show_value(value)}") from None
    if isinstance(value, list | dict) and nests_deeper(value, MAX_NESTING):
        raise BrokenRowError(field, f"nests deeper than {MAX_NESTING}")
    return value


def make_openai_tool(name: Any, description: Any, parameters: Any, field: str, made: bool = False) -> dict[str, Any]:
    """A tool in OpenAI's form. Its parameters, in JSON Schema or BFCL's dialect, become JSON Schema.

    Args:
        made: the parameters are JSON Schema from python_types.py and need no check.

    Raises:
        BrokenRowError: the name is missing, or the parameters are not a schema.
    """
    if not isinstance(name, str) or not name.strip():
        raise BrokenRowError(f"{field}.name", f"is {show_value(name)}; expected a tool's name")
    if not made:
        document = {"name": name, "parameters": parameters or {}}
        try:
            parameters = json.loads(_schema(json.dumps(document, ensure_ascii=False)))
        except (ValueError, TypeError, RecursionError) as error:
            raise BrokenRowError(field, f"is not a tool: {str(error)[:200]}") from None
    description = description if isinstance(description, str) else ""
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def make_openai_tools(given: Any, field: str) -> tuple[dict[str, Any], ...]:
    """Tools from a list or its JSON text: OpenAI's form or its inner part, in JSON Schema or BFCL's dialect."""
    given = parse_json_value(given, field)
    if not isinstance(given, list):
        raise BrokenRowError(field, f"is {show_value(given)}; expected a list of tools")
    tools: list[dict[str, Any]] = []
    for index, item in enumerate(given):
        inner = item.get("function", item) if isinstance(item, Mapping) else None
        if not isinstance(inner, Mapping):
            raise BrokenRowError(f"{field}[{index}]", f"is {show_value(item)}; expected a tool")
        where = f"{field}[{index}]"
        tools.append(make_openai_tool(inner.get("name"), inner.get("description"), inner.get("parameters"), where))
    return drop_repeated_names(tools)


def drop_repeated_names(tools: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The first tool of each name: a call could not choose between two."""
    by_name: dict[str, dict[str, Any]] = {}
    for tool in tools:
        by_name.setdefault(tool["function"]["name"], tool)
    return tuple(by_name.values())


def tool_names(tools: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of tools in OpenAI's form."""
    return [tool["function"]["name"] for tool in tools]


def make_tool_schemas(tools: Sequence[Mapping[str, Any]]) -> ToolSchemas:
    """The checker's schemas of tools that `make_openai_tool` made, by name."""
    return {tool["function"]["name"]: _tool(json.dumps(tool, ensure_ascii=False)) for tool in tools}


@lru_cache(maxsize=8192)
def _schema(document: str) -> str:
    """The JSON Schema of a tool's parameters, as JSON text."""
    parsed = parse_tools([json.loads(document)])
    (tool,) = (parsed or {}).values()
    schema = {"type": "object", **tool.parameters}
    if not isinstance(schema.get("properties"), Mapping):
        schema["properties"] = {}
    return json.dumps(schema, ensure_ascii=False, allow_nan=False)


@lru_cache(maxsize=8192)
def _tool(text: str) -> ToolSchema:
    function = json.loads(text)["function"]
    return ToolSchema(function["name"], function["parameters"])
