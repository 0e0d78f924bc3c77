"""A call format: one object that holds everything we know about how a family of models writes tool calls."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from awpo_verl.rewards.outcome.calls import Found
from awpo_verl.rewards.outcome.schema import ToolSchemas


@dataclass(frozen=True, slots=True)
class Thinking:
    """The marks around a model's thinking.

    Attributes:
        opening, closing: the marks.
        header: text that may follow the opening mark and is part of it, such as the name of a channel.
    """

    opening: str = "<think>"
    closing: str = "</think>"
    header: str = ""

    def is_open_at_end_of(self, prompt: str) -> bool:
        """Whether a prompt ends with the opening mark, so that the response begins inside the thinking."""
        tail = prompt.rstrip()
        return tail.endswith((self.opening, self.opening + self.header))


@dataclass(frozen=True, slots=True)
class Split:
    """A text, split into its thinking and the rest.

    Attributes:
        thinking: the closed thinking, its parts joined by line ends; None if no thinking is closed.
        unclosed: the last thinking is not closed, so it extends to the end of the text.
        outside: the texts around the thinking, in order. Calls are read from these.
    """

    thinking: str | None
    unclosed: bool
    outside: list[str]


@dataclass(frozen=True, slots=True)
class Places:
    """Where calls are in a text.

    Attributes:
        begin: (text, position) -> the place where the next call begins, -1 if there is none.
        end: (text, begin) -> the place where this call ends, whatever its values hold; the end of the text if the call
            is not closed.
        at_front: a call begins only at the front of the searched text, so "no call from here on" does not hold for
            another position.
    """

    begin: Callable[[str, int], int]
    end: Callable[[str, int], int]
    at_front: bool = False


class ReadCalls(Protocol):
    """Reads the calls in a text outside the thinking, and adds calls, problems and content to `found`.

    It raises no error on any text, and takes time linear in the length of the text.
    """

    def __call__(self, text: str, tools: ToolSchemas | None, found: Found, /) -> None: ...


@dataclass(frozen=True, slots=True)
class CallFormat:
    """How a family of models writes tool calls.

    Attributes:
        name: the value of `algorithm.awpo.outcome.format`.
        read_calls: see ReadCalls.
        places: where calls are. Marks of thinking inside a call are part of the call.
        marks: strings that appear only in calls of this format. In the content of another format they count as a call
            that does not parse. Empty if the format has no such string.
        templates: a chat template teaches this format if it contains all strings of one of these groups.
        tokens: marks that a tokenizer may have as special tokens. They are kept when a response is decoded.
        thinking: the marks of thinking; None if the format has `split` instead.
        split: text -> Split, for a format whose thinking has no pair of marks.
        servers: which server's rules we follow, and where other servers differ; docs/call_formats.md names the server.
    """

    name: str
    read_calls: ReadCalls
    places: Places
    marks: tuple[str, ...] = ()
    templates: tuple[tuple[str, ...], ...] = ()
    tokens: tuple[str, ...] = ()
    thinking: Thinking | None = field(default_factory=Thinking)
    split: Callable[[str], Split] | None = None
    servers: str = ""


def between(opening: str, closing: str) -> Places:
    """Calls that begin with a pattern and end with a string.

    Use it only if the string cannot stand inside of a call. Otherwise a value with that string, and a mark of thinking
    behind it, would hide the call: find the end by reading the call (json_lists.py does).
    """
    pattern = re.compile(opening)

    def begin(text: str, position: int) -> int:
        start = pattern.search(text, position)
        return -1 if start is None else start.start()

    def end(text: str, start: int) -> int:
        place = text.find(closing, start)
        return len(text) if place < 0 else place + len(closing)

    return Places(begin, end)


def skip_white_space(text: str, start: int) -> int:
    """The place of the first character that is not white space, from `start` on."""
    while text[start : start + 1].isspace():
        start += 1
    return start
