"""Tool schemas: BFCL's and OpenAI's forms as JSON Schema, and which calls break one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from awpo_verl.rewards.outcome import ToolCall, parse_tools, schema_problems
from tests.rewards.outcome.calls import tool

BFCL = {
    "name": "area",
    "description": "…",
    "parameters": {
        "type": "dict",
        "required": ["points"],
        "properties": {
            "points": {"type": "tuple", "items": {"type": "float"}},
            "unit": {"type": "string", "enum": ["m", "km"], "default": "m"},
            "extra": {"type": "any"},
            "options": {"type": "dict", "properties": {"type": {"type": "integer"}}},
        },
    },
}


def problems(tools: list[Any], name: str = "area", **arguments: Any) -> list[str]:
    return schema_problems([ToolCall(name, arguments)], parse_tools(tools))


def test_bfcls_dialect_is_json_schema_under_other_names() -> None:
    assert problems([BFCL], points=[1, 2.5], extra={"x": [1]}, options={"type": 1}) == []
    assert problems([BFCL], points=["1"]) == ["points.0: type"]
    assert problems([BFCL], points=[True]) == ["points.0: type"]
    assert problems([BFCL], unit="mile") == ["arguments: required", "unit: enum"]
    assert problems([BFCL], points=[], options={"type": "x"}) == ["options.type: type"]


def test_openai_tools_bare_functions_text_and_arrays_are_the_same_tools() -> None:
    openai = {"type": "function", "function": BFCL}
    texts = [[openai], [BFCL], json.dumps([openai]), np.array([openai], dtype=object)]
    assert len({str(parse_tools(given)) for given in texts}) == 1
    assert parse_tools(None) is None


def test_a_tool_that_many_prompts_have_is_checked_once() -> None:
    alone, beside = parse_tools([BFCL]), parse_tools([tool("other"), dict(BFCL)])
    assert alone is not None
    assert beside is not None
    assert alone["area"] is beside["area"]


def test_an_integer_is_no_float() -> None:
    assert problems([tool("area", a="integer")], a=1.0) == ["a: type"]
    assert problems([tool("area", a="number")], a=1) == []


def test_a_type_that_is_nobodys_is_no_constraint() -> None:
    assert problems([tool("area", a="int, optional")], a="x") == []


def test_an_unknown_tool_is_a_problem_and_without_schemas_there_is_none() -> None:
    assert problems([BFCL], "volume") == ["unknown tool"]
    assert schema_problems([ToolCall("f", {})], None) == []


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        ("{", "tools are not JSON"),
        ('"[]"', "got a JSON string"),
        (3, "must be a list of tool schemas or its JSON text, got int"),
        ([{"parameters": {}}], "a tool must be"),
        ([{"name": "f", "parameters": []}], "a tool must be"),
        (
            [{"name": "f", "parameters": {"properties": {"a": {"type": None}}}}],
            "tool 'f' are not a JSON Schema: type is None",
        ),
        ([{"name": "f"}, {"name": "f"}], "two tools are named 'f'"),
        ([{"name": "f", "parameters": {"required": [1]}}], "parameters of tool 'f' are not a JSON Schema: required.0"),
    ],
)
def test_broken_tools_are_an_error_that_shows_them(tools: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_tools(tools)
