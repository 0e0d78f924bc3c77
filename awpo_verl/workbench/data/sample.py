"""What the readers of the sets pass to the pipeline: samples, and dropped rows with their reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from awpo_verl.rewards.outcome.calls import ToolCall

ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True)
class Sample:
    """One prompt with its expected calls, in the same form for all sets.

    Attributes:
        where: "file:row", for messages.
        id: the set's own id, or `where`. If a conversation gives several samples, the turn is added.
        data_source: verl's name for the set; verl reports by it.
        messages: the conversation before the reply, without the tools: {"role", "content"}. An assistant's turn with
            calls also has "tool_calls", a list of {"name", "arguments"}.
        tools: the tools on offer, in OpenAI's form.
        calls: the expected calls, {"name", "arguments"}; arguments may hold `$any`. Empty: no call is expected.
        reasoning: the set's own thinking before the reply, "" if it has none.
        steps: expected steps of the thinking, None if the set has none.
        difficulty: the set's own level, "" if it has none.
        source_prompt: the set's own prompt with the tools in it; None if the set has none.
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
        """The user's texts, turn by turn."""
        return [message["content"] for message in self.messages if message["role"] == "user"]


@dataclass(frozen=True)
class Dropped:
    """A row, or a turn of a row, that gives no sample."""

    where: str
    reason: str
    detail: str = ""


class BrokenRowError(ValueError):
    """A row is not in the set's form.

    Args:
        field: the place in the row.
        message: what is there, and what is expected.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field} {message}" if field else message)


class UnusableError(ValueError):
    """A row in the set's form gives no sample: `reason` is for the table, the message for the detail."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def require_text(row: Mapping[str, Any], key: str, field: str = "") -> str:
    """The text under a key. Raises BrokenRowError."""
    value = row.get(key)
    if not isinstance(value, str):
        raise BrokenRowError(f"{field}{key}", f"is {show_value(value)}; expected a text")
    return value


def require_list(row: Mapping[str, Any], key: str, field: str = "") -> list[Any]:
    """The list under a key. Raises BrokenRowError."""
    value = row.get(key)
    if not isinstance(value, list):
        raise BrokenRowError(f"{field}{key}", f"is {show_value(value)}; expected a list")
    return value


def require_mapping(value: Any, field: str) -> Mapping[str, Any]:
    """The value, if it is an object. Raises BrokenRowError."""
    if not isinstance(value, Mapping):
        raise BrokenRowError(field, f"is {show_value(value)}; expected an object")
    return value


def call_as_dict(call: ToolCall) -> dict[str, Any]:
    """A call as a JSON object."""
    return {"name": call.name, "arguments": call.arguments}


def show_value(value: Any) -> str:
    """A value for a message: cut if it is long, "missing" if it is None."""
    return "missing" if value is None else repr(value)[:120]
