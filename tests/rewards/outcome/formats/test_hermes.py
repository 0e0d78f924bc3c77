"""`<tool_call>` blocks of JSON, by hand: what hermes and toolrl accept, and what is a problem."""

from __future__ import annotations

import pytest

from awpo_verl.rewards.bounded_json import MAX_DEPTH
from awpo_verl.rewards.outcome import ToolCall, parse_response
from tests.rewards.outcome.calls import F, call, hermes


def test_text_around_the_calls_is_content() -> None:
    response = parse_response('<think>p</think>\n\nSure.\n<tool_call>{"name": "f", "arguments": {}}</tool_call> bye')
    assert (response.content, response.calls) == ("Sure.\n bye", (ToolCall("f", {}),))


def test_hermes_accepts_any_white_space_key_order_and_other_keys() -> None:
    assert parse_response(hermes('\n\n {"arguments":\n{"a":\t1}, "id": 7, "name": "f"}')).calls == (F,)


@pytest.mark.parametrize(
    "block",
    [
        '{"name": "f", "parameters": {"a": 1}}',
        r'{"name": "f", "arguments": "{\"a\": 1}"}',
    ],
)
def test_toolrl_accepts_parameters_arguments_as_json_text_and_missing_arguments(block: str) -> None:
    assert parse_response(hermes(block), "toolrl").calls == (F,)
    assert parse_response(hermes('{"name": "f"}'), "toolrl").calls == (ToolCall("f", {}),)


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ('{"name": "f"', "not JSON"),
        ("[]", "must be a JSON object, got array"),
        ('{"arguments": {}}', "without a name"),
        ('{"name": 3}', "without a name"),
        ('{"name": "f", "arguments": []}', "arguments must be an object, got array"),
        ('{"name": "f", "arguments": null}', "arguments must be an object, got null"),
        # what verl's tool loop drops, or hands to the tool as a text
        ('{"name": "f", "parameters": {"a": 1}}', "a call without arguments"),
        ('{"name": "f"}', "a call without arguments"),
        ('{"name": "f", "arguments": ""}', "arguments must be an object, got string"),
        (r'{"name": "f", "arguments": "{\"a\": 1}"}', "arguments must be an object, got string"),
        ('{"name": "f", "arguments": {"a": 1, "a": 2}}', "a key twice"),
        ('{"name": "f"} {"name": "g"}', "text after the value"),  # one call in a block: toolrl has several
        ('{"name": "f", "arguments": {"a": NaN}}', "NaN is not JSON"),
        ('{"name": "f", "arguments": {"a": 1e999}}', "too large for a float"),
        ('{"name": "f", "arguments": {"a": ' + "9" * 101 + "}}", "more than 100 digits"),
        ('{"name": "f", "arguments": {"a": ' + "9" * 60_000 + "}}", "more than 100 digits"),
        ('{"name": "f", "arguments": {"a": ' + "[" * 30_000 + "]" * 30_000 + "}}", "nested too deeply"),
        ('{"name": "f", "arguments": {"a": ' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}}", "nested deeper"),
        ('{"name": "f", "arguments": {"a": "' + "x" * 70_000 + '"}}', "more than 65536 characters"),
    ],
    ids=lambda value: value[:40],
)
def test_a_malformed_or_oversized_block_is_one_problem(block: str, problem: str) -> None:
    response = parse_response(hermes(block, call("f", a=1)))
    assert response.calls == (F,)
    assert len(response.problems) == 1
    assert problem in response.problems[0]


def test_nesting_up_to_the_bound_is_read() -> None:
    depth = MAX_DEPTH - 2  # the call and its arguments are two
    response = parse_response(hermes('{"name": "f", "arguments": {"a": ' + "[" * depth + "]" * depth + "}}"))
    assert (len(response.calls), response.problems) == (1, ())


def test_toolrl_keeps_the_response_as_content_and_the_calls_before_a_broken_call() -> None:
    calls = '<tool_call>\n{"name": "f", "parameters": {"a": 1}}\n{"name": \n</tool_call>'
    response = parse_response(f"<think>p</think>\n{calls}\n<response> hi </response>", "toolrl")
    assert (response.content, response.calls, response.malformed) == ("hi", (F,), 1)
