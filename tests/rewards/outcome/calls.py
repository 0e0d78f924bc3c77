"""Texts with calls, for the tests of parsing and matching."""

from __future__ import annotations

import json
from typing import Any

from awpo_verl.rewards.outcome import Match, ToolCall, match_calls, parse_response, parse_tools, read_expected_calls


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
    wanted = read_expected_calls(json.dumps({"tool_calls": expected}))
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
_DSML = "｜DSML｜"
_PARAMETERS = (
    '<{0}invoke name="f">\n<{0}parameter name="a"{1}>1</{0}parameter>\n</{0}invoke>\n'
    '<{0}invoke name="g">\n<{0}parameter name="b"{1}>["x", null, true]</{0}parameter>\n</{0}invoke>\n'
)
BOTH |= {
    "seed": BOTH["qwen3_coder"].replace("tool_call>", "seed:tool_call>"),
    "minimax": "<minimax:tool_call>\n" + _PARAMETERS.format("", "") + "</minimax:tool_call>",
    "kimi": "<|tool_calls_section_begin|>"
    '<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{"a": 1}<|tool_call_end|>'
    '<|tool_call_begin|>functions.g:1<|tool_call_argument_begin|>{"b": ["x", null, true]}<|tool_call_end|>'
    "<|tool_calls_section_end|>",
    "deepseek_v32": f"<{_DSML}function_calls>\n"
    + _PARAMETERS.format(_DSML, ' string="false"')
    + f"</{_DSML}function_calls>",
    "deepseek_v4": f"<{_DSML}tool_calls>\n" + _PARAMETERS.format(_DSML, ' string="false"') + f"</{_DSML}tool_calls>",
    "deepseek_v3": "<｜tool▁calls▁begin｜>"
    '<｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{"a": 1}\n```<｜tool▁call▁end｜>\n'
    '<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n```json\n{"b": ["x", null, true]}\n```<｜tool▁call▁end｜>'
    "<｜tool▁calls▁end｜>",
    "deepseek_v31": '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{"a": 1}<｜tool▁call▁end｜>'
    '<｜tool▁call▁begin｜>g<｜tool▁sep｜>{"b": ["x", null, true]}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    "gemma4": '<|tool_call>call:f{a:1}<tool_call|><|tool_call>call:g{b:[<|"|>x<|"|>,null,true]}<tool_call|>',
    "functiongemma": "<start_function_call>call:f{a:1}<end_function_call>"
    "<start_function_call>call:g{b:[<escape>x<escape>,null,true]}<end_function_call>",
    "glm": "<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>1</arg_value>\n</tool_call>\n"
    '<tool_call>g\n<arg_key>b</arg_key>\n<arg_value>["x", null, true]</arg_value>\n</tool_call>',
    "olmo3": '<function_calls>\nf(a=1)\ng(b=["x", null, True])\n</function_calls>',
    "phi4_mini": 'functools[{"name": "f", "arguments": {"a": 1}},'
    ' {"name": "g", "arguments": {"b": ["x", null, true]}}]',
    "xlam": '[{"name": "f", "arguments": {"a": 1}}, {"name": "g", "arguments": {"b": ["x", null, true]}}]',
    "granite": '<|tool_call|>[{"name": "f", "arguments": {"a": 1}},'
    ' {"name": "g", "arguments": {"b": ["x", null, true]}}]',
}
TOOLS = parse_tools([tool("f", a="integer"), tool("g", b="array")])
