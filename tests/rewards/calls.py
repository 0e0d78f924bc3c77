"""Texts with calls, for the tests of parsing and matching."""

from __future__ import annotations

import json
from typing import Any

from awpo_verl.rewards.outcome import Match, ToolCall, expected_calls, match_calls, parse_response, parse_tools


def hermes(*calls: Any, think: str = "t") -> str:
    """A response in Qwen's form; a string stands for a block's text as it is."""
    blocks = "\n".join(f"<tool_call>\n{c if isinstance(c, str) else json.dumps(c)}\n</tool_call>" for c in calls)
    return f"<think>\n{think}\n</think>\n\n{blocks}"


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def tool(name: str, required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """An OpenAI tool; a property is a type's name or a schema."""
    schemas = {key: {"type": value} if isinstance(value, str) else value for key, value in properties.items()}
    parameters = {"type": "object", "properties": schemas, "required": list(required)}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def match(made: str | list[Any], expected: list[Any], *tools: dict[str, Any], strings: str = "strict") -> Match:
    """Match a text, or calls written as hermes, with the expected calls."""
    wanted = expected_calls(json.dumps({"tool_calls": expected}))
    assert wanted is not None
    known = parse_tools(list(tools)) if tools else None
    response = parse_response(made if isinstance(made, str) else hermes(*made), "hermes", known)
    return match_calls(response, wanted, known, strings)


# the same two calls in each format
F = ToolCall("f", {"a": 1})
G = ToolCall("g", {"b": ["x", None, True]})
BOTH = {
    "hermes": '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>\n'
    '<tool_call>{"name": "g", "arguments":\n {"b": ["x", null, true]}}</tool_call>',
    "toolrl": '<tool_call>\n{"name": "f", "parameters": {"a": 1}}\n'
    '{"name": "g", "parameters": {"b": ["x",\n null, true]}}\n</tool_call>',
    "pythonic": '[f(a=1), g(b=["x", None, true])]',
    "llama3_json": '{"name": "f", "parameters": {"a": 1}}; {"name": "g", "parameters": {"b": ["x", null, true]}}',
    "mistral": '[TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}},\n'
    ' {"name": "g", "arguments": {"b": ["x", null, true]}}]',
    "qwen3_coder": "<tool_call>\n<function=f>\n<parameter=a>\n1\n</parameter>\n</function>\n</tool_call>\n"
    '<tool_call>\n<function=g>\n<parameter=b>\n["x", null, true]\n</parameter>\n</function>\n</tool_call>',
    "gpt_oss": '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>'
    "<|start|>assistant<|channel|>commentary to=functions.g <|constrain|>json<|message|>"
    '{"b": ["x", null, true]}<|call|>',
}
TOOLS = parse_tools([tool("f", a="integer"), tool("g", b="array")])
