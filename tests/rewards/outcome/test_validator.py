"""A call's arguments against its tool's schema, within a budget of steps."""

from __future__ import annotations

from typing import Any

import pytest

from awpo_verl.rewards.outcome import ToolCall, parse_tools, schema_problems
from tests.rewards.outcome.calls import tool


def problems(tools: list[Any], name: str = "area", **arguments: Any) -> list[str]:
    return schema_problems([ToolCall(name, arguments)], parse_tools(tools))


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
