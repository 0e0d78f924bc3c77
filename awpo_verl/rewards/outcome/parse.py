"""Parse a decoded response: first the thinking (thinking.py), then the calls in the model's call format.

The model writes the text, so it may be hostile. For any text, parsing raises nothing, runs nothing, and takes time
linear in its length.
"""

from __future__ import annotations

from collections.abc import Sequence

from awpo_verl.rewards.outcome.calls import Found, Response
from awpo_verl.rewards.outcome.formats import AUTO, CallFormat, find_format, find_in_text, foreign_mark
from awpo_verl.rewards.outcome.schema import ToolSchemas
from awpo_verl.rewards.outcome.thinking import split_thinking


def parse_response(
    text: str | Sequence[str],
    format: str = "hermes",
    tools: ToolSchemas | None = None,
    opened: bool | Sequence[bool | None] | None = None,
) -> Response:
    """Parse a decoded response. Never raises on any text.

    Args:
        text: what the model wrote, without the prompt. For several turns, one text each, without what came in between.
        format: a name in FORMATS, `module:object` of your own, or "auto": found by the text's own marks.
        tools: from `parse_tools`; types the values of formats that write them as text, and names positional arguments.
        opened: whether the prompt has opened the thinking; for several turns, one each. None = unknown: then it has if
            the turn has a closing mark outside of all calls, and no opening mark before it.

    Raises:
        AWPOConfigError: no such format.

    Example:
        >>> parse_response('<think>1+1</think><tool_call>{"name": "f", "arguments": {"a": 2}}</tool_call>').calls
        (ToolCall(name='f', arguments={'a': 2}),)
    """
    turns = [text] if isinstance(text, str) else text
    known = [opened] * len(turns) if opened is None or isinstance(opened, bool) else opened
    reader = _format_of_turns(turns) if format == AUTO else find_format(format)
    found = Found()
    thoughts: list[str] = []
    contents: list[str] = []
    unclosed = False
    own = _own_marks(reader)
    for number, (turn, is_open) in enumerate(zip(turns, known, strict=True), 1):
        split = split_thinking(turn, reader, is_open)
        unclosed = split.unclosed
        if number < len(turns) and _calls_in(split.thinking, reader, tools):
            found.problems.append("a call inside the thinking, which the tool loop runs")
        if split.thinking is not None:
            thoughts.append(split.thinking)
        before = len(found.problems)
        # segments on both sides of thinking are never joined into one call
        for segment in split.outside:
            if segment.strip():
                reader.read_calls(segment, tools, found)
        content = "".join(found.outside)
        found.outside.clear()
        mark = foreign_mark(content, reader)
        left = next((each for each in own if each in content), None)
        if mark is not None:
            found.problems.append(f"a call in another format: {mark}")
        elif left is not None and len(found.problems) == before:
            found.problems.append(f"a mark of a call without a call: {left}")
        contents.append(content)
        if unclosed:
            break
    return Response(
        thinking="\n".join(thoughts) if thoughts else None,
        content="\n".join(contents).strip(),
        calls=tuple(found.calls),
        problems=tuple(found.problems),
        unclosed=unclosed,
    )


def _own_marks(reader: CallFormat) -> list[str]:
    """The marks that only the calls of a format have. A reader leaves none of them in the content."""
    thinking = (reader.thinking.opening, reader.thinking.closing) if reader.thinking is not None else ()
    return [mark for mark in {**dict.fromkeys(reader.marks), **dict.fromkeys(reader.tokens)} if mark not in thinking]


def _calls_in(thinking: str | None, reader: CallFormat, tools: ToolSchemas | None) -> bool:
    """Whether the thinking of an answered turn holds a call: verl's tool loop reads the whole turn."""
    thought = Found()
    if thinking is not None and reader.places.begin(thinking, 0) >= 0:
        reader.read_calls(thinking, tools, thought)
    return bool(thought.calls)


def _format_of_turns(turns: Sequence[str]) -> CallFormat:
    """The format of the first turn that begins a call."""
    return next(filter(None, map(find_in_text, turns)), None) or find_format("hermes")
