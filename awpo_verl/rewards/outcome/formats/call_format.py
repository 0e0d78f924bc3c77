"""A call format: one object with all that the package knows of how a family of models writes tool calls."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from awpo_verl.rewards.outcome.calls import Found
from awpo_verl.rewards.outcome.schema import ToolSchemas


@dataclass(frozen=True, slots=True)
class Thinking:
    """The marks around a model's thinking.

    Attributes:
        opening, closing: the marks.
        header: text that may follow the opening mark and belongs to it, such as the name of a channel.
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
    """A text, told apart by its marks of thinking.

    Attributes:
        thinking: the closed thinking (several parts are joined by line ends); None where none is closed.
        unclosed: the last thinking is never closed. It swallows the rest.
        outside: the texts around the thinking, in order, where calls may be.
    """

    thinking: str | None
    unclosed: bool
    outside: list[str]


@dataclass(frozen=True, slots=True)
class Places:
    """Where calls stand in a text.

    Attributes:
        begin: (text, position) -> where the next call begins, -1 without one.
        end: (text, begin) -> where the call that begins there ends; with the text if it is not closed.
        at_front: a call begins only at the front of what is looked at: none from one place on says nothing of others.
    """

    begin: Callable[[str, int], int]
    end: Callable[[str, int], int]
    at_front: bool = False


@dataclass(frozen=True, slots=True)
class CallFormat:
    """How a family of models writes tool calls.

    Attributes:
        name: the value of `algorithm.awpo.outcome.format`.
        read: reads a text outside of the thinking and adds its calls, problems and content to a Found. It raises
            nothing on any text, and takes time linear in its length.
        places: where calls stand. Marks of thinking inside of a call are part of the call.
        marks: strings that only a call of this format has. In the content of another format they are a call that does
            not parse. Empty where no string tells.
        templates: a chat template teaches this format if it contains all strings of one of these groups.
        tokens: marks that a tokenizer may have as special tokens. A response is decoded with them.
        thinking: the marks of thinking; None where `split` tells it apart.
        split: for a format whose thinking has no pair of marks: a text -> Split.
        servers: which server's rules are followed, and where others differ; for docs/rewards.md.
    """

    name: str
    read: Callable[[str, ToolSchemas | None, Found], None]
    places: Places
    marks: tuple[str, ...] = ()
    templates: tuple[tuple[str, ...], ...] = ()
    tokens: tuple[str, ...] = ()
    thinking: Thinking | None = field(default_factory=Thinking)
    split: Callable[[str], Split] | None = None
    servers: str = ""


def between(opening: str, closing: str) -> Places:
    """Calls that begin with a pattern and end with a string."""
    pattern = re.compile(opening)

    def begin(text: str, position: int) -> int:
        start = pattern.search(text, position)
        return -1 if start is None else start.start()

    def end(text: str, start: int) -> int:
        place = text.find(closing, start)
        return len(text) if place < 0 else place + len(closing)

    return Places(begin, end)


def skip_white_space(text: str, start: int) -> int:
    """The place of the first character from `start` on that is not white space."""
    while text[start : start + 1].isspace():
        start += 1
    return start
