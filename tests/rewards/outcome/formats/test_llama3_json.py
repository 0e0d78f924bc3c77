"""Bare JSON calls, by hand."""

from __future__ import annotations

from awpo_verl.rewards.outcome import parse_response
from tests.rewards.outcome.calls import F


def test_calls_may_be_anywhere_and_other_objects_are_content() -> None:
    response = parse_response('<|python_tag|>{"name": "f", "parameters": {"a": 1}}\n{"x": 1}', "llama3_json")
    assert (response.calls, response.content) == ((F,), '{"x": 1}')
    assert parse_response('Sure: {"name": "f", "parameters": {"a": 1}}', "llama3_json").calls == (F,)
    assert parse_response('[{"name": "f", "parameters": {"a": 1}}]', "llama3_json").calls == (F,)
    person = '{"name": "Bob", "age": 3} is the record, {and} not {more}.'
    response = parse_response(person, "llama3_json")
    assert (response.calls, response.problems, response.content) == ((), (), person)
