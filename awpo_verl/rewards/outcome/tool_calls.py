"""Tool calls in the model's text, and whether they are the expected ones.

The format is Qwen's (hermes): after the thinking, one `<tool_call>` block for each call, with a JSON object
`{"name": ..., "arguments": {...}}` in it. A call inside `<think>` is a thought, not a call.

The text is the model's, so it is hostile: it is scanned with str.find and json.loads only, and everything is
bounded. What is over a bound or malformed is a call that failed to parse, never an exception.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_BLOCKS = 64  # calls in one response
MAX_BLOCK_CHARS = 65_536  # text of one call
MAX_DEPTH = 32  # nesting of one call's arguments

THINK_OPEN, THINK_CLOSE = "<think>", "</think>"
CALL_OPEN, CALL_CLOSE = "<tool_call>", "</tool_call>"


@dataclass(frozen=True)
class ToolCall:
    """One call: the tool's name, and its arguments as JSON values."""

    name: str
    arguments: dict[str, Any]

    def canonical(self) -> str:
        """A text that two calls share exactly if they are the same call.

        Names and strings are compared strictly, objects without regard to key order, lists in order, numbers by
        value (1 equals 1.0, as in JSON Schema), and types are respected: true is not 1, "1" is not 1.

        Raises:
            ValueError: nested deeper than MAX_DEPTH, or a number that is not finite.
        """
        value = [self.name, _normalized(self.arguments, MAX_DEPTH)]
        return json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False)


@dataclass(frozen=True)
class Response:
    """A response, taken apart.

    Attributes:
        thinking: the text between `<think>` and `</think>`; None where it is absent or never closed.
        content: the text after the thinking and outside the call blocks, stripped.
        calls: the calls that parsed, in the order of the text.
        malformed: call blocks that did not parse (bad JSON, no name, never closed, over a bound).
    """

    thinking: str | None
    content: str
    calls: tuple[ToolCall, ...]
    malformed: int

    @property
    def format_ok(self) -> bool:
        """The thinking is closed, and every call block parses."""
        return self.thinking is not None and self.malformed == 0


def parse_response(text: str) -> Response:
    """Take a decoded response apart. Never raises on any text; linear in its length.

    A chat template may put the opening `<think>` into the prompt, so a response that has only `</think>` has
    thinking too. Thinking that is opened and never closed swallows the rest: no call counts.
    """
    before, closed, rest = text.partition(THINK_CLOSE)
    if closed:
        thinking: str | None = before.partition(THINK_OPEN)[2] if THINK_OPEN in before else before
    elif THINK_OPEN in text:
        return Response(None, "", (), 0)
    else:
        thinking, rest = None, text
    blocks, content, malformed = _blocks(rest)
    calls = [_parse_call(block) for block in blocks]
    parsed = tuple(call for call in calls if call is not None)
    return Response(thinking, content, parsed, malformed + len(calls) - len(parsed))


def expected_calls(ground_truth: Any) -> tuple[ToolCall, ...] | None:
    """The expected calls of a row, or None where its ground truth has another form.

    Args:
        ground_truth: `{"tool_calls": [{"name": str, "arguments": {...}}, ...]}`, as a mapping or as its JSON
            text. An empty list means that the right answer calls no tool.

    Raises:
        ValueError: it has a `tool_calls` key, and what is there is not a list of calls; or it is a mapping with
            null arguments, which is what parquet makes of objects with different keys: write JSON text.
    """
    as_text = isinstance(ground_truth, str)
    if as_text:
        try:
            ground_truth = json.loads(ground_truth)
        except (ValueError, RecursionError):
            return None
    if not isinstance(ground_truth, Mapping) or "tool_calls" not in ground_truth:
        return None
    given = _plain(ground_truth["tool_calls"])
    if not isinstance(given, list):
        raise ValueError(f"ground_truth['tool_calls'] must be a list of calls, got {type(given).__name__}.")
    return tuple(_expected_call(item, nulls=as_text) for item in given)


def _expected_call(item: Any, nulls: bool) -> ToolCall:
    """One entry of a ground truth. Raises ValueError that shows it."""
    call = _as_call(item)
    problem = None if call else 'it must be {"name": str, "arguments": {...}}'
    if call and not nulls and None in call.arguments.values():
        problem = "a null argument: parquet pads objects with different keys; write the ground truth as JSON text"
    try:
        if call and not problem:
            call.canonical()
            return call
    except ValueError as error:
        problem = str(error)
    raise ValueError(
        f"ground_truth['tool_calls'] has an entry that cannot be expected: {str(item)[:200]!r}: {problem}."
    )


def _plain(value: Any) -> Any:
    """Arrays and numpy scalars (what reading parquet makes of lists and numbers) as plain Python values."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def exact_match(response: Response, expected: tuple[ToolCall, ...]) -> float:
    """1.0 if the response makes exactly the expected calls, in any order, and nothing malformed; else 0.0.

    Where no call is expected, the response must make none and say something.
    """
    if response.malformed:
        return 0.0
    if not expected:
        return float(not response.calls and bool(response.content))
    made = Counter(call.canonical() for call in response.calls)
    return float(made == Counter(call.canonical() for call in expected))


def _blocks(text: str) -> tuple[list[str], str, int]:
    """The call blocks of a text, the text outside of them, and how many were never closed or over MAX_BLOCKS."""
    blocks: list[str] = []
    outside: list[str] = []
    position = 0
    while (start := text.find(CALL_OPEN, position)) >= 0:
        outside.append(text[position:start])
        body = start + len(CALL_OPEN)
        end = text.find(CALL_CLOSE, body)
        if end < 0 or len(blocks) == MAX_BLOCKS:
            return blocks, "".join(outside).strip(), 1
        blocks.append(text[body:end])
        position = end + len(CALL_CLOSE)
    outside.append(text[position:])
    return blocks, "".join(outside).replace(CALL_CLOSE, "").strip(), 0


def _parse_call(block: str) -> ToolCall | None:
    if len(block) > MAX_BLOCK_CHARS:
        return None
    try:
        call = _as_call(json.loads(block))
        if call is not None:
            call.canonical()  # bounds the nesting, refuses NaN and Infinity
    except (ValueError, RecursionError):
        return None
    return call


def _as_call(value: Any) -> ToolCall | None:
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str) or not value["name"]:
        return None
    arguments = value.get("arguments", {})
    return ToolCall(value["name"], dict(arguments)) if isinstance(arguments, Mapping) else None


def _normalized(value: Any, depth: int) -> Any:
    if depth == 0:
        raise ValueError(f"a call's arguments are nested deeper than {MAX_DEPTH}")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _normalized(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_normalized(item, depth - 1) for item in value]
    return value
