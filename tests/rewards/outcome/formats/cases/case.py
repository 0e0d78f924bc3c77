"""The type of a case, and the tools that the cases call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from awpo_verl.rewards.outcome import ToolCall
from tests.rewards.outcome.calls import tool

# Why our reading stands: see the functions of these names in differences.py
Right = Literal["ours", "refused", "servers"]


@dataclass(frozen=True)
class Difference:
    """A server reads a case differently.

    Attributes:
        right: why we keep our reading.
        why: what the server does.
    """

    right: Right
    why: str


@dataclass(frozen=True)
class Case:
    """One text, and how we read it.

    Attributes:
        name: what the case is about.
        text: a response.
        calls: the calls that we read.
        content: what we read outside of thinking and calls.
        problem: a part of the first problem that we find; "" without one.
        thinking: the thinking that we read; None without.
        tools: whether the reader knows the schemas of TOOLS.
        differs: server ("vllm", "verl") -> why it reads other calls, from differences.py. No entry: it reads the same.
    """

    name: str
    text: str
    calls: tuple[ToolCall, ...] = ()
    content: str = ""
    problem: str = ""
    thinking: str | None = None
    tools: bool = True
    differs: Mapping[str, Difference] = field(default_factory=dict)


def call(tool_name: str, /, **arguments: Any) -> ToolCall:
    return ToolCall(tool_name, arguments)


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """verl's schema of a tool wants a description."""
    schema["function"]["description"] = f"The tool {schema['function']['name']}."
    return schema


TOOLS: list[dict[str, Any]] = [
    _described(schema)
    for schema in (
        tool("add", a="integer", b="number"),
        tool("say", text="string"),
        tool("plot", points="array", style="object"),
        tool("set", on="boolean", note={"type": ["string", "null"]}),
        tool("now"),
    )
]

# Values as JSON that every format with JSON arguments can hold: case, tool, arguments as text, arguments
JSON_ARGUMENTS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("one call", "add", '{"a": 3, "b": 0.5}', {"a": 3, "b": 0.5}),
    ("no arguments", "now", "{}", {}),
    (
        "nested values and lists",
        "plot",
        '{"points": [[1, 2], [3, 4]], "style": {"axes": {"x": ["km"]}}}',
        {"points": [[1, 2], [3, 4]], "style": {"axes": {"x": ["km"]}}},
    ),
    ("unicode, plain and escaped", "say", '{"text": "Zürich 東京 \\u00e9\\ud83c\\udf89"}', {"text": "Zürich 東京 é🎉"}),
    (
        "escaped quotes, backslash and line end",
        "say",
        r'{"text": "a \"b\" C:\\tmp\nend"}',
        {"text": 'a "b" C:\\tmp\nend'},
    ),
    ("an empty string", "say", '{"text": ""}', {"text": ""}),
    ("brackets in a string", "say", '{"text": "{x} [y] )"}', {"text": "{x} [y] )"}),
    (
        "true, null and negative numbers",
        "set",
        '{"on": true, "note": null, "x": -1.5e3}',
        {"on": True, "note": None, "x": -1500.0},
    ),
    ("arguments over several lines", "add", '{\n  "a": 3,\n  "b": 0.5\n}', {"a": 3, "b": 0.5}),
)


def json_cases(wrap: Callable[[str, str], str]) -> list[Case]:
    """The cases of JSON_ARGUMENTS; `wrap` is (tool, arguments as JSON text) -> a response with this call."""
    return [
        Case(name, wrap(tool_name, text), (ToolCall(tool_name, value),))
        for name, tool_name, text, value in JSON_ARGUMENTS
    ]
