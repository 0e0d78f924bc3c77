"""Tool schemas: the dialects as JSON Schema, and what a call breaks."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from awpo_verl.rewards.outcome import ToolCall, check_outcome, parse_tools, read_target, schema_problems
from tests.rewards.outcome.calls import call, hermes, tool

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


TOO_MUCH = "not checked to the end: too much for this schema"
NESTED: Any = "x"
for _ in range(25):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "pattern": "^(a|a)*$"}, "a" * 64 + "!"),
        ({"items": {"anyOf": [{"pattern": "^(a|a)*$"}, {"type": "string"}]}}, ["a" * 40 + "!"] * 1000),
        ({"contains": {"pattern": "^(a|a)*$"}}, ["a" * 40 + "!"] * 1000),
        ({"propertyNames": {"pattern": "^(a|a)*$"}}, {"a" * 40 + f"!{i}": 1 for i in range(1000)}),
        ({"items": {"type": "integer"}}, [1] * 2000),
        ({"unevaluatedItems": {"type": "integer"}, "anyOf": [{"prefixItems": [{}]}]}, [1] * 2000),
        # n = [n] or [n] or string: two ways at each of 25 levels
        ({"$ref": "#/$defs/n"}, NESTED),
    ],
    ids=["pattern", "items", "contains", "names", "long", "unevaluated", "recursive"],
)
def test_what_would_take_long_to_check_is_given_up_and_says_so(schema: dict[str, Any], value: Any) -> None:
    array = {"type": "array", "items": {"$ref": "#/$defs/n"}}
    defs = {
        "n": {"anyOf": [array | {"minItems": 2}, array | {"maxItems": 1, "minItems": 2}, array, {"type": "string"}]}
    }
    tools = [{"name": "area", "parameters": {"$defs": defs, "properties": {"a": schema}}}]
    assert problems(tools, a=value)[-1] == TOO_MUCH


PATTERNS = {"patternProperties": {"^(a+)+$": {}}}


@pytest.mark.parametrize(
    "schema",
    [
        PATTERNS | {"additionalProperties": False},
        PATTERNS | {"unevaluatedProperties": False},
        {"allOf": [PATTERNS], "unevaluatedProperties": False},
        {"patternProperties": {r"\p{L}": {}}, "additionalProperties": False},  # no pattern of Python's
    ],
)
def test_patterns_of_names_are_not_searched_by_those_who_ask_what_is_left(schema: dict[str, Any]) -> None:
    assert problems([{"name": "area", "parameters": schema}], **{"a" * 64 + "!": 1}) == []


def test_additional_properties_without_patterns_are_checked() -> None:
    closed = {"name": "area", "parameters": {"properties": {"a": {}}, "additionalProperties": False}}
    assert problems([closed], b=1) == ["arguments: additionalProperties"]


def test_many_patterns_that_take_nearly_too_long_are_given_up() -> None:
    schema = {"items": {"pattern": "^(a|aa)+$"}}
    tools = [{"name": "area", "parameters": {"properties": {"a": schema}}}]
    assert problems(tools, a=["a" * 26 + "!"] * 900)[-1] == TOO_MUCH


def test_unique_items_of_any_kind_are_told_apart() -> None:
    schema = tool("area", a={"type": "array", "uniqueItems": True})
    assert problems([schema], a=[1, "1", [], 1]) == ["a: uniqueItems"]
    assert problems([schema], a=[[i] for i in range(2000)]) == []


def test_a_schema_that_leads_in_circles_says_so() -> None:
    circle = {"name": "area", "parameters": {"properties": {"a": {"$ref": "#/properties/a"}}}}
    assert problems([circle], a=1) == ["not checked: the schema leads in circles"]


def test_a_pattern_of_another_dialect_does_not_fail_the_row() -> None:
    assert problems([tool("area", a={"type": "string", "pattern": r"^\p{Script=Latin}+$"})], a="é") == []
    assert problems([tool("area", a={"type": "string", "pattern": "(?<y>x"})], a="x") == ["a: pattern"]


def test_references_stay_in_the_document() -> None:
    local = {"name": "f", "parameters": {"$defs": {"n": {"type": "int"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}}
    assert problems([local], "f", a="x") == ["a: type"]
    remote = {"name": "f", "parameters": {"properties": {"a": {"$ref": "https://example.com/schema.json"}}}}
    assert "leads nowhere" in problems([remote], "f", a="x")[0]


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
            "tool 'f' are no JSON Schema: type is None",
        ),
        ([{"name": "f"}, {"name": "f"}], "two tools are named 'f'"),
        ([{"name": "f", "parameters": {"required": [1]}}], "parameters of tool 'f' are no JSON Schema: required.0"),
    ],
)
def test_broken_tools_are_an_error_that_shows_them(tools: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_tools(tools)


def test_a_call_that_matches_but_breaks_its_schema_says_so_in_the_parts() -> None:
    truth = {"tool_calls": [call("f", a="high")]}
    tools = [tool("f", a={"type": "string", "enum": ["low", "mid"]})]
    verdict = check_outcome(hermes(call("f", a="high")), read_target(truth, tools))
    assert (verdict.exact, verdict.as_info()["exact"], verdict.as_info()["schema_ok"]) == (1.0, 1.0, 0.0)
    assert verdict.schema_problems == ("a: enum",)
    assert check_outcome(hermes(call("f", a="high")), read_target(truth)).as_info()["schema_ok"] == 1.0
