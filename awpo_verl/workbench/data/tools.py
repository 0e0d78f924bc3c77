"""The tools of a sample in OpenAI's form, and as the checker has them. Cached, for many rows offer the same tools."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from awpo_verl.rewards.bounded_json import nests_deeper
from awpo_verl.rewards.outcome.schema import ToolSchema, ToolSchemas, parse_tools
from awpo_verl.workbench.data.sample import BrokenRowError, shown

MAX_NESTING = 64  # of a row's values


def json_value(value: Any, field: str) -> Any:
    """The value of a JSON text, or the value itself where it is no text. Raises BrokenRowError."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise BrokenRowError(field, f"is not JSON ({str(error)[:80]}): {shown(value)}") from None
    if isinstance(value, list | dict) and nests_deeper(value, MAX_NESTING):
        raise BrokenRowError(field, f"nests deeper than {MAX_NESTING}")
    return value


def openai_tool(name: Any, description: Any, parameters: Any, field: str, made: bool = False) -> dict[str, Any]:
    """A tool in OpenAI's form; its parameters, in JSON Schema or BFCL's dialect, become JSON Schema.

    Args:
        made: the parameters are JSON Schema that was made here (dialect.py), and need no check.

    Raises:
        BrokenRowError: no name, or no schema.
    """
    if not isinstance(name, str) or not name.strip():
        raise BrokenRowError(f"{field}.name", f"is {shown(name)}; expected a tool's name")
    if not made:
        document = {"name": name, "parameters": parameters or {}}
        try:
            parameters = json.loads(_schema(json.dumps(document, ensure_ascii=False)))
        except (ValueError, TypeError, RecursionError) as error:
            raise BrokenRowError(field, f"is no tool: {str(error)[:200]}") from None
    description = description if isinstance(description, str) else ""
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def openai_tools(given: Any, field: str) -> tuple[dict[str, Any], ...]:
    """A list of tools, or its JSON text: OpenAI's, or the inner part alone, in JSON Schema or BFCL's dialect."""
    given = json_value(given, field)
    if not isinstance(given, list):
        raise BrokenRowError(field, f"is {shown(given)}; expected a list of tools")
    tools: list[dict[str, Any]] = []
    for index, item in enumerate(given):
        inner = item.get("function", item) if isinstance(item, Mapping) else None
        if not isinstance(inner, Mapping):
            raise BrokenRowError(f"{field}[{index}]", f"is {shown(item)}; expected a tool")
        where = f"{field}[{index}]"
        tools.append(openai_tool(inner.get("name"), inner.get("description"), inner.get("parameters"), where))
    return first_of_each_name(tools)


def first_of_each_name(tools: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The tools, of several with one name the first: calls could not tell them apart."""
    by_name: dict[str, dict[str, Any]] = {}
    for tool in tools:
        by_name.setdefault(tool["function"]["name"], tool)
    return tuple(by_name.values())


def names_of(tools: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of tools in OpenAI's form."""
    return [tool["function"]["name"] for tool in tools]


def checked_tools(tools: Sequence[Mapping[str, Any]]) -> ToolSchemas:
    """Tools that `openai_tool` made as the checker has them, by name."""
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
