"""One row as the rewards use it: what it is checked against, what the model was asked, and what the row states besides.

`read_row` is the only reading of a row: the reward manager, `awpo-verl score` and `awpo-verl judge` all use it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from awpo_verl.rewards.json_values import Json, show_json, to_plain
from awpo_verl.rewards.outcome.target import Target, read_target


@dataclass(frozen=True)
class Row:
    """What a row says about a rollout besides its response.

    Attributes:
        target: the ground truth and the tools; all rollouts of a prompt share it.
        conversation: the prompt's messages, and what the model was told between its turns, as text; "" = unknown.
        expected_steps: the steps that the thinking should write; () = the row states none.
        data_source: the name of its data set, "" = unknown.
        extra_info: as given, {} for None.
    """

    target: Target
    conversation: str = ""
    expected_steps: tuple[str, ...] = ()
    data_source: str = ""
    extra_info: Mapping[str, Any] = field(default_factory=dict[str, Any])


def read_row(
    ground_truth: Any,
    prompt: Any = None,
    extra_info: Any = None,
    tools: Any = None,
    data_source: Any = None,
    between: Sequence[str] = (),
) -> Row:
    """Read one row.

    Args:
        ground_truth: of any form (see read_target).
        prompt: messages (verl's raw_prompt), or one text; None = unknown.
        extra_info: the row's, or None.
        tools: the schemas where the ground truth has none: a list or its JSON text. None = extra_info's `tools`.
        data_source: name of the data set; None = unknown.
        between: what the model was told between its turns, for a response of several turns.

    Raises:
        TypeError: extra_info is not a mapping, or its reasoning_steps are not a list (or array) of strings; shows them.
    """
    if not isinstance(extra_info, Mapping | None):
        raise TypeError(f"extra_info must be an object, got {str(extra_info)[:200]!r}.")
    info = cast("Mapping[str, Any]", extra_info or {})
    conversation = show_conversation(prompt)
    if conversation and between:
        conversation = "\n".join([conversation, *between])
    target = read_target(ground_truth, info.get("tools") if tools is None else tools)
    source = "" if data_source is None else str(data_source)
    return Row(target, conversation, _read_steps(info), source, info)


def show_conversation(messages: Any) -> str:
    """The prompt's messages as text, each content under its `[role]`; a text as it is; "" for None.

    For content in several parts, it shows the text and names the other parts: `(image)`.

    Example:
        >>> show_conversation([{"role": "user", "content": "Hello"}])
        '[user]\\nHello'
    """
    plain = to_plain(messages)
    if plain is None:
        return ""
    return "\n".join(map(_show_message, plain)) if isinstance(plain, list) else str(plain)


def _show_message(message: Json) -> str:
    if not isinstance(message, dict):
        return str(message)
    content: Json = message.get("content")
    if isinstance(content, list):
        content = "\n".join(map(_show_part, content))
    calls = f"\n{show_json(message['tool_calls'])}" if message.get("tool_calls") else ""
    return f"[{message.get('role', '?')}]\n{content or ''}{calls}"


def _show_part(part: Json) -> str:
    if not isinstance(part, dict):
        return str(part or "(part)")
    return str(part.get("text") or f"({part.get('type', 'part')})")


def _read_steps(extra_info: Mapping[str, Any]) -> tuple[str, ...]:
    """The row's expected steps, such as ["6*17=102", "102+9=111"]. Raises TypeError that shows them."""
    steps = to_plain(extra_info.get("reasoning_steps"))
    if steps is None:
        return ()
    if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
        raise TypeError(f"extra_info['reasoning_steps'] must be a list of strings, got {str(steps)[:200]!r}.")
    return tuple(steps)
