"""xLAM's function-calling set (Salesforce/xlam-function-calling-60k, arXiv 2406.18518): one question, some calls.

    {"id": 0, "query": "...",
     "tools": [{"name", "description", "parameters": {"city": {"type": "str, optional", "description", "default"}}}],
     "answers": [{"name": "f", "arguments": {...}}]}

`tools` and `answers` are JSON text of such lists (mirrors have the lists themselves). Parameters are in Python's types
(python_types.py), or in JSON Schema, as some mirrors write them. Without answers, no call is expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from awpo_verl.rewards.bounded_json import as_call_of_data
from awpo_verl.rewards.outcome.calls import BadCallError
from awpo_verl.workbench.data.python_types import build_json_schema
from awpo_verl.workbench.data.sample import (
    BrokenRowError,
    Dropped,
    Sample,
    call_as_dict,
    require_mapping,
    require_text,
    show_value,
)
from awpo_verl.workbench.data.tools import drop_repeated_names, make_openai_tool, parse_json_value


def read_samples(row: Mapping[str, Any], where: str) -> Iterator[Sample | Dropped]:
    """Read the sample of a row. Raises BrokenRowError."""
    query = require_text(row, "query")
    answers = parse_json_value(row.get("answers"), "answers")
    if not isinstance(answers, list):
        raise BrokenRowError("answers", f"is {show_value(answers)}; expected a list of calls, or its JSON text")
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
        return call_as_dict(as_call_of_data(item))
    except BadCallError as error:
        raise BrokenRowError(field, f"is not a call: {error}: {show_value(item)}") from None


def _tools(given: Any) -> tuple[dict[str, Any], ...]:
    given = parse_json_value(given, "tools")
    if not isinstance(given, list):
        raise BrokenRowError("tools", f"is {show_value(given)}; expected a list of tools, or its JSON text")
    tools: list[dict[str, Any]] = []
    for index, item in enumerate(given):
        field = f"tools[{index}]"
        tool = require_mapping(item, field)
        tool = require_mapping(tool.get("function", tool), field)
        parameters = require_mapping(tool.get("parameters") or {}, f"{field}.parameters")
        # a parameter may be named "type" or "properties": then it is an object
        if isinstance(parameters.get("type"), str) and isinstance(parameters.get("properties"), Mapping):
            tools.append(make_openai_tool(tool.get("name"), tool.get("description"), parameters, field))
        else:
            schema = build_json_schema(parameters, f"{field}.parameters")
            tools.append(make_openai_tool(tool.get("name"), tool.get("description"), schema, field, made=True))
    return drop_repeated_names(tools)
