"""What a response is taken apart into: its thinking, its content, and its tool calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MAX_CALLS = 64  # calls read from one response; what is beyond is a problem of its own


_TOO_MANY = f"more than {MAX_CALLS} calls"


class BadCallError(ValueError):
    """Text where a call was begun that is no call. The message is a short reason, for tables."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call: the tool's name, and its arguments as JSON values."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Response:
    """A response, taken apart.

    Attributes:
        thinking: the text of the thinking (of all turns, joined by line ends); None where no thinking is closed.
        content: the text outside of the thinking and the calls, stripped.
        calls: the calls that parsed, in the order of the text.
        problems: one short reason for each call that was begun and did not parse.
        unclosed: thinking was opened and never closed; it swallows the rest, and nothing after it is read.
    """

    thinking: str | None
    content: str
    calls: tuple[ToolCall, ...] = ()
    problems: tuple[str, ...] = ()
    unclosed: bool = False

    @property
    def malformed(self) -> int:
        """Calls that were begun and did not parse."""
        return len(self.problems)

    @property
    def has_thinking(self) -> bool:
        """There is closed thinking, and it says something."""
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
        """No further call is read."""
        return len(self.calls) + len(self.problems) >= MAX_CALLS

    def over(self) -> None:
        """There was one more call in the text, which is not read: a problem, once."""
        if _TOO_MANY not in self.problems:
            self.problems.append(_TOO_MANY)
