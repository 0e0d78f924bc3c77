"""xLAM's function-calling set (Salesforce/xlam-function-calling-60k, arXiv 2406.18518): one question, some calls.

    {"id": 0, "query": "...",
     "tools": [{"name", "description", "parameters": {"city": {"type": "str, optional", "description", "default"}}}],
     "answers": [{"name": "f", "arguments": {...}}]}

`tools` and `answers` are JSON text of this (mirrors have lists). Parameters are in Python's types (dialect.py), or in
JSON Schema, as some mirrors write them. No answers: no call is expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from awpo_verl.rewards.bounded_json import as_call_of_data
from awpo_verl.rewards.outcome.calls import BadCallError
from awpo_verl.workbench.data.python_types import json_schema
from awpo_verl.workbench.data.sample import BrokenRowError, Dropped, Sample, as_mapping, mapping, shown, text_at
from awpo_verl.workbench.data.tools import first_of_each_name, json_value, openai_tool


def read(row: Mapping[str, Any], where: str) -> Iterator[Sample | Dropped]:
    """The sample of a row. Raises BrokenRowError."""
    query = text_at(row, "query")
    answers = json_value(row.get("answers"), "answers")
    if not isinstance(answers, list):
        raise BrokenRowError("answers", f"is {shown(answers)}; expected a list of calls, or its JSON text")
    yield Sample(
        where=where,
        id=str(row["id"]) if row.get("id") is not None else where,
        data_source="xlam",
        messages=({"role": "user", "content": query},),
        tools=_tools(row.get("tools")),
        calls=tuple(_call(item, f"answers[{index}]") for index, item in enumerate(answers)),
    )


def _call(item: Any, field: str) -> dict[str, Any]:
    try:
        return as_mapping(as_call_of_data(item))
    except BadCallError as error:
        raise BrokenRowError(field, f"is no call: {error}: {shown(item)}") from None


def _tools(given: Any) -> tuple[dict[str, Any], ...]:
    given = json_value(given, "tools")
    if not isinstance(given, list):
        raise BrokenRowError("tools", f"is {shown(given)}; expected a list of tools, or its JSON text")
    tools: list[dict[str, Any]] = []
    for index, item in enumerate(given):
        field = f"tools[{index}]"
        tool = mapping(item, field)
        tool = mapping(tool.get("function", tool), field)
        parameters = mapping(tool.get("parameters") or {}, f"{field}.parameters")
        # a parameter may be named "type" or "properties": then it is an object
        if isinstance(parameters.get("type"), str) and isinstance(parameters.get("properties"), Mapping):
            tools.append(openai_tool(tool.get("name"), tool.get("description"), parameters, field))
        else:
            schema = json_schema(parameters, f"{field}.parameters")
            tools.append(openai_tool(tool.get("name"), tool.get("description"), schema, field, made=True))
    return first_of_each_name(tools)
