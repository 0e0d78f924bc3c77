"""The parts of a parsed response: its thinking, its content, and its tool calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MAX_CALLS = 64  # calls that are read from one response; more are one problem


_TOO_MANY = f"more than {MAX_CALLS} calls"


class BadCallError(ValueError):
    """A text begins like a call and is not one. The message is a short reason, for tables."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call: the tool's name, and its arguments as JSON values."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Response:
    """A response, parsed.

    Attributes:
        thinking: the text of the thinking (of all turns, joined by line ends); None where no thinking is closed.
        content: the text outside of the thinking and the calls, stripped.
        calls: the calls that parsed, in the order of the text.
        problems: one short reason for each call that began and did not parse.
        unclosed: the thinking was opened and never closed, so nothing after its opening is read.
    """

    thinking: str | None
    content: str
    calls: tuple[ToolCall, ...] = ()
    problems: tuple[str, ...] = ()
    unclosed: bool = False

    @property
    def malformed(self) -> int:
        """The number of calls that began and did not parse."""
        return len(self.problems)

    @property
    def has_thinking(self) -> bool:
        """There is closed thinking, and it is not blank."""
        return bool((self.thinking or "").strip())

    @property
    def format_ok(self) -> bool:
        """The thinking is closed, and every call parses."""
        return self.thinking is not None and not self.unclosed and not self.problems


@dataclass(slots=True)
class Found:
    """What the readers of a format have found in a response so far: see Response for the fields."""

    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    problems: list[str] = field(default_factory=list[str])
    outside: list[str] = field(default_factory=list[str])

    def full(self) -> bool:
        """No more calls are read."""
        return len(self.calls) + len(self.problems) >= MAX_CALLS

    def over(self) -> None:
        """Note that the text has more calls than are read: one problem, once."""
        if _TOO_MANY not in self.problems:
            self.problems.append(_TOO_MANY)
