"""What passes from the readers of the sets to the pipeline: samples, and what was dropped and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from awpo_verl.rewards.outcome.calls import ToolCall

ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True)
class Sample:
    """One prompt and what is expected of the reply, whatever the set.

    Attributes:
        where: "file:row", for messages.
        id: the set's own id, or where it stands; with the turn, where a conversation gives several samples.
        data_source: by which verl reports.
        messages: the conversation up to the reply, without the tools: {"role", "content"}, and "tool_calls", a list of
            {"name", "arguments"}, in assistant's turns that called something.
        tools: the tools on offer, OpenAI's form.
        calls: the expected calls, {"name", "arguments"}, where arguments may hold `$any` (expected.py); empty: none.
        reasoning: the set's own thinking before the reply, "" where it has none.
        steps: expected steps of the thinking, None where the set states none.
        difficulty: what the set says of it, "" where it says nothing.
        source_prompt: the prompt as the set writes it, tools and all; None where it writes none.
    """

    where: str
    id: str
    data_source: str
    messages: tuple[Mapping[str, Any], ...]
    tools: tuple[Mapping[str, Any], ...]
    calls: tuple[Mapping[str, Any], ...]
    reasoning: str = ""
    steps: tuple[str, ...] | None = None
    difficulty: str = ""
    source_prompt: tuple[Mapping[str, str], ...] | None = None

    @property
    def user_texts(self) -> list[str]:
        """What the user said, turn by turn."""
        return [message["content"] for message in self.messages if message["role"] == "user"]


@dataclass(frozen=True)
class Dropped:
    """A row, or a turn of one, that gives no sample."""

    where: str
    reason: str
    detail: str = ""


class BrokenRowError(ValueError):
    """A row that is not in the set's form. field: where in the row. message: what is there, and what is expected."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field} {message}" if field else message)


class UnusableError(ValueError):
    """A row in the set's form that gives no sample: `reason` for the table, the message for the detail."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def text_at(row: Mapping[str, Any], key: str, field: str = "") -> str:
    """The text under a key. Raises BrokenRowError."""
    value = row.get(key)
    if not isinstance(value, str):
        raise BrokenRowError(f"{field}{key}", f"is {shown(value)}; expected a text")
    return value


def list_at(row: Mapping[str, Any], key: str, field: str = "") -> list[Any]:
    """The list under a key. Raises BrokenRowError."""
    value = row.get(key)
    if not isinstance(value, list):
        raise BrokenRowError(f"{field}{key}", f"is {shown(value)}; expected a list")
    return value


def mapping(value: Any, field: str) -> Mapping[str, Any]:
    """The value, where it is an object. Raises BrokenRowError."""
    if not isinstance(value, Mapping):
        raise BrokenRowError(field, f"is {shown(value)}; expected an object")
    return value


def as_mapping(call: ToolCall) -> dict[str, Any]:
    """A call as JSON has it."""
    return {"name": call.name, "arguments": call.arguments}


def shown(value: Any) -> str:
    """A value for a message, cut where it is long; what is not there is "missing"."""
    return "missing" if value is None else repr(value)[:120]
