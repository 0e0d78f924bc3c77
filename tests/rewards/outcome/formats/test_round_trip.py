"""Calls that a model writes are read back: random calls in every format, with marks of all formats in their values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from awpo_verl.rewards.outcome import ToolCall, ToolSchemas, parse_response, parse_tools
from awpo_verl.rewards.outcome.formats import FORMATS, format_of_text
from awpo_verl.rewards.outcome.formats.unread import UNREAD
from tests.rewards.outcome.calls import TOOLS
from tests.rewards.outcome.formats.writers import WRITERS, Writer

MARKS = sorted(
    {token for format in FORMATS.values() for token in (*format.marks, *format.tokens)}
    | {mark for marks in UNREAD.values() for mark in marks}
    | {
        "<think>",
        "</think>",
        "[THINK]",
        "\n<think>\n",
        "</parameter>",
        "</function>",
        "</invoke>",
        "```json\n",
        "\n```",
    }
    | {'{"name": "g", "arguments": {}}', "[g(a=1)]", "<tool_call>\n{", "null", "true", "7", "1e9", "[1]", "{}", " x "}
)
words = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)
strings = st.lists(st.one_of(words, st.sampled_from(MARKS)), max_size=3).map("".join)
numbers = st.one_of(st.integers(-(10**12), 10**12), st.floats(-1e6, 1e6, allow_nan=False))
leaves = st.one_of(strings, numbers, st.booleans(), st.none())
nested = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=6
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": strings,
    "integer": st.integers(-(10**12), 10**12),
    "number": st.floats(-1e6, 1e6, allow_nan=False),
    "boolean": st.booleans(),
    "array": st.lists(nested, max_size=3),
    "object": st.dictionaries(words, nested, max_size=3),
}
thoughts = words.filter(lambda text: not set(text) & set("<[{("))
names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)


@st.composite
def tool_calls(draw: st.DrawFn) -> tuple[ToolSchemas, list[ToolCall]]:
    """One to three tools with typed arguments, and one to three calls of them."""
    tools = draw(
        st.dictionaries(
            names, st.dictionaries(names, st.sampled_from(sorted(VALUES)), max_size=3), min_size=1, max_size=3
        )
    )
    given_tools = [
        {"name": name, "parameters": {"type": "object", "properties": {k: {"type": t} for k, t in types.items()}}}
        for name, types in tools.items()
    ]
    calls: list[ToolCall] = []
    for name in draw(st.lists(st.sampled_from(sorted(tools)), min_size=1, max_size=3)):
        kept = draw(st.lists(st.sampled_from(sorted(tools[name])), unique=True)) if tools[name] else []
        calls.append(ToolCall(name, {key: draw(VALUES[tools[name][key]]) for key in kept}))
    parsed = parse_tools(given_tools)
    assert parsed is not None
    return parsed, calls


def can_hold(writer: Writer, value: Any) -> bool:
    """Whether a format can write the value: a text without a way to escape cannot have the format's own marks in it."""
    if isinstance(value, str):
        return not any(mark in value for mark in writer.cannot_hold)
    if isinstance(value, dict):
        return all(can_hold(writer, key) and can_hold(writer, item) for key, item in value.items())
    return not isinstance(value, list) or all(can_hold(writer, item) for item in value)


def test_every_format_has_a_writer() -> None:
    assert set(WRITERS) == set(FORMATS)


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(drawn=tool_calls(), thinking=thoughts)
def test_written_calls_are_read(format: str, drawn: tuple[ToolSchemas, list[ToolCall]], thinking: str) -> None:
    tools, calls = drawn
    writer, marks = WRITERS[format], FORMATS[format].thinking
    assume(all(can_hold(writer, call.arguments) for call in calls))
    if marks is not None:  # a thought that is a mark is none
        assume(marks.opening not in thinking and marks.closing not in thinking)
        assume(not marks.header or not thinking.startswith(marks.header))
    text = writer.write(calls)

    response = parse_response(text, format, tools, opened=False)
    assert (response.problems, response.calls, response.content) == ((), tuple(calls), "")
    if marks is not None:
        opened = parse_response(f"{thinking}{marks.closing}\n\n{text}", format, tools, opened=True)
        assert (opened.problems, opened.calls, opened.thinking) == ((), tuple(calls), thinking)
        own = parse_response(f"{marks.opening}{thinking}{marks.closing}\n\n{text}", format, tools)
        assert (own.problems, own.calls, own.thinking) == ((), tuple(calls), thinking)
    # without a word of the prompt, a mark of thinking in a value ends none
    assert parse_response(text, format, tools).calls == tuple(calls)


CLOSINGS = ("]]", "}}", "))", "\n", "</tool_call>")  # what a format's `places` may take for the end of a call


@pytest.mark.parametrize("format", FORMATS)
def test_a_call_ends_where_places_say_whatever_its_values_hold(format: str) -> None:
    """A value holds the format's own marks and then a mark of thinking. The call is read, and nothing is a thought."""
    writer, marks = WRITERS[format], FORMATS[format].thinking
    held = [text for text in (*FORMATS[format].marks, *FORMATS[format].tokens, *CLOSINGS) if can_hold(writer, text)]
    thinking = marks.closing if marks is not None and can_hold(writer, marks.closing) else "</think>"
    call = ToolCall("f", {"rows": [[1], [[2]]], "text": f"{' '.join(held)} {thinking} x"})
    tools = parse_tools(
        [{"name": "f", "parameters": {"properties": {"rows": {"type": "array"}, "text": {"type": "string"}}}}]
    )
    response = parse_response(writer.write([call]), format, tools)
    assert (response.calls, response.problems, response.thinking) == ((call,), (), None)


@pytest.mark.parametrize("format", sorted(set(FORMATS) - {"toolrl"}))
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(drawn=tool_calls())
def test_auto_takes_the_format_of_the_first_call(format: str, drawn: tuple[ToolSchemas, list[ToolCall]]) -> None:
    tools, calls = drawn
    writer = WRITERS[format]
    assume(all(can_hold(writer, call.arguments) for call in calls))
    text = writer.write(calls)
    assert format_of_text(text).name == format
    response = parse_response(text, "auto", tools, opened=False)
    assert (response.problems, response.calls) == ((), tuple(calls))


@pytest.mark.parametrize("format", FORMATS)
@given(text=words.filter(lambda text: not any(mark in text for mark in "[]{}<>()")))
def test_text_without_marks_is_content(format: str, text: str) -> None:
    response = parse_response(text, format, opened=False)
    assert (response.calls, response.problems, response.content) == ((), (), text.strip())


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("other", sorted(set(FORMATS) - {"toolrl"}))
def test_a_call_in_another_format_is_not_content(format: str, other: str) -> None:
    """It is a call that does not parse, where a string tells it: llama3_json, pythonic and xlam have none."""
    text = "I do it.\n" + WRITERS[other].write([ToolCall("f", {"a": 1})])
    response = parse_response(text, format, TOOLS, opened=False)
    if FORMATS[other].marks and other not in ("llama3_json",):
        assert response.problems or response.calls == (ToolCall("f", {"a": 1}),)
