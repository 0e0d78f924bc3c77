"""Pythonic calls, by hand: literals, positional arguments, and text around the list."""

from __future__ import annotations

from typing import Any

import pytest

from awpo_verl.rewards.outcome import ToolCall, parse_response, parse_tools
from tests.rewards.outcome.calls import F, tool


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("-1", -1),
        ("+1", 1),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1.5e3", -1500.0),
        ("null", None),
        ("False", False),
        ("'it\\'s'", "it's"),
        (r"'a\n\t\\\x41\u00e9'", "a\n\t\\Aé"),
        (r"r'\d+'", r"\d+"),
        ("'a' \"b\"", "ab"),
        ("'[f(a=1)]'", "[f(a=1)]"),
        ("(1, 2)", [1, 2]),
        ("(1,)", [1]),
        ("(1)", 1),
        ("[]", []),
        ("[1, [2, {'k': (3,)}],]", [1, [2, {"k": [3]}]]),
        ("{'a': {}, }", {"a": {}}),
    ],
)
def test_literals(written: str, value: Any) -> None:
    (made,) = parse_response(f"[f(a={written})]", "pythonic").calls
    assert made == ToolCall("f", {"a": value})
    assert type(made.arguments["a"]) is type(value)


@pytest.mark.parametrize(
    "written",
    [
        *(
            "x",
            "1+2",
            "f()",
            "__import__('os')",
            "1j",
            "0x10",
            "1_000",
            "b'x'",
            "f'{x}'",
            "'a",
            "01",
            "lambda: 0",
            "...",
        ),
        *("{1: 2}", "{1, 2}", "{'a': 1, 'a': 2}", "[*x]", "**k", "9" * 101, "1e999", "[" * 40 + "]" * 40),
        r"'\U00ffffff'",
    ],
)
def test_a_value_that_is_not_a_literal_is_a_problem(written: str) -> None:
    response = parse_response(f"[f(a={written})]", "pythonic")
    assert (response.calls, response.malformed) == ((), 1)


def test_positional_arguments_take_the_schemas_order() -> None:
    tools = parse_tools([tool("f", x="integer", y="string", z="boolean")])
    assert parse_response("[f(1, 'a', z=True)]", "pythonic", tools).calls == (
        ToolCall("f", {"x": 1, "y": "a", "z": True}),
    )
    assert parse_response("[f(1)]", "pythonic").problems == ("positional arguments of a tool without a schema",)
    assert parse_response("[f(1, 2, 3, 4)]", "pythonic", tools).problems == (
        "more positional arguments than the tool has",
    )


def test_an_argument_given_twice_is_a_problem() -> None:
    tools = parse_tools([tool("f", x="integer", y="string")])
    assert parse_response("[f(x=1, x=2)]", "pythonic").problems == ("an argument twice",)
    assert parse_response("[f(1, x=2)]", "pythonic", tools).problems == ("an argument twice",)


@pytest.mark.parametrize(
    "text", ["<|python_start|>[f(a=1)]<|python_end|>", "\n [f(a=1)]\n", "<|python_tag|>[ f (a = 1,),]"]
)
def test_marks_and_white_space_may_surround_the_list(text: str) -> None:
    assert parse_response(text, "pythonic").calls == (F,)


@pytest.mark.parametrize("text", ["Sure:\n[f(a=1)]", "or arr[f(x)].", "f(a=1)", "[1, 2]", "[]"])
def test_a_list_inside_prose_is_content_as_in_the_servers(text: str) -> None:
    response = parse_response(text, "pythonic")
    assert (response.calls, response.problems, response.content) == ((), (), text)


@pytest.mark.parametrize("text", ["[f(a=1)] [f(a=2)]", "[f(a=1)] and done", "[f(a=1)]]"])
def test_text_after_the_list_is_a_problem(text: str) -> None:
    assert parse_response(text, "pythonic").problems == ("not a list of calls: text after it",)
