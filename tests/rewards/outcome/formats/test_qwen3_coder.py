"""Qwen3-Coder, by hand: values typed by the schema, blocks, and problems."""

from __future__ import annotations

from typing import Any

import pytest

from awpo_verl.rewards.outcome import parse_response, parse_tools
from tests.rewards.outcome.calls import TOOLS, F


@pytest.mark.parametrize(
    ("schema", "written", "value"),
    [
        ({"type": "string"}, "1", "1"),
        ({"type": "string"}, "null", "null"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "null", None),
        ({"type": ["string", "integer"]}, "1", "1"),
        ({}, "1", "1"),
        ({"type": "integer"}, "1", 1),
        ({"type": "integer"}, "+007", 7),
        ({"type": "number"}, "1.5", 1.5),
        ({"type": "boolean"}, "True", True),
        ({"type": "boolean"}, "FALSE", False),
        ({"type": "object"}, '{"k": null}', {"k": None}),
        ({"enum": [1, 2]}, "1", 1),
        ({"allOf": [{"type": "integer"}]}, "1", 1),
        ({"$ref": "#/$defs/n"}, "1", 1),
        ({"type": "integer"}, "\nno\nnumber\n", "\nno\nnumber\n"),  # stays text, with its inner line ends
    ],
)
def test_the_schema_gives_the_types_of_values(schema: dict[str, Any], written: str, value: Any) -> None:
    parameters = {"$defs": {"n": {"type": "integer"}}, "properties": {"a": schema}}
    text = f"<tool_call>\n<function=f>\n<parameter=a>\n{written}\n</parameter>\n</function>\n</tool_call>"
    (made,) = parse_response(text, "qwen3_coder", parse_tools([{"name": "f", "parameters": parameters}])).calls
    assert made.arguments == {"a": value}
    assert type(made.arguments["a"]) is type(value)


def test_functions_count_inside_a_block_only_as_in_verls_tool_loop() -> None:
    function = "<function=f>\n<parameter=a>\n1\n</parameter>\n</function>"
    for text in (f"Ok. {function}\n</tool_call>", function, f"<tool_call></tool_call>{function}"):
        response = parse_response(text, "qwen3_coder", TOOLS)
        assert (response.calls, response.problems[-1]) == ((), "a call without <tool_call>")
    assert parse_response(f"<tool_call>{function}{function}</tool_call>", "qwen3_coder", TOOLS).calls == (F, F)
    assert parse_response(f"<tool_call>{function}", "qwen3_coder", TOOLS).calls == (F,)
    assert parse_response("<tool_call></tool_call>", "qwen3_coder").problems == ("a call without <function=...>",)


@pytest.mark.parametrize(
    "body",
    [
        "<function=f>",
        "<function=></function>",
        "<function=f><parameter=a>1</function>",
        "<function=f>x<parameter=a>1</parameter></function>",
        "<function=f><parameter=a>1</parameter><parameter=a>2</parameter></function>",
        "f(a=1)",
    ],
)
def test_problems(body: str) -> None:
    response = parse_response(f"<tool_call>{body}</tool_call>", "qwen3_coder")
    assert (response.calls, response.malformed) == ((), 1)
