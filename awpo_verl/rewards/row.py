"""One row as the rewards use it: what it is checked against, what the model was asked, and what the row states besides.

`read_row` is the only reading of a row: the reward manager, `awpo-verl score` and `awpo-verl judge` all use it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from awpo_verl.rewards.outcome.target import Target, read_target, show_json, to_plain


@dataclass(frozen=True)
class Row:
    """What a row says about a rollout besides its response.

    Attributes:
        target: the ground truth and the tools; all rollouts of a prompt share it.
        conversation: the prompt's messages, and what the model was told between its turns, as text; "" = unknown.
        expected_steps: the steps that the thinking should write; () = the row states none.
        data_source: the name of its data set, "" = unknown.
        extra_info: as given.
    """

    target: Target
    conversation: str = ""
    expected_steps: tuple[str, ...] = ()
    data_source: str = ""
    extra_info: Mapping[str, Any] | None = None


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
    if extra_info is not None and not isinstance(extra_info, Mapping):
        raise TypeError(f"extra_info must be an object, got {str(extra_info)[:200]!r}.")
    info: Mapping[str, Any] = extra_info or {}
    conversation = show_conversation(prompt)
    if conversation and between:
        conversation = "\n".join([conversation, *between])
    target = read_target(ground_truth, info.get("tools") if tools is None else tools)
    source = "" if data_source is None else str(data_source)
    return Row(target, conversation, _read_steps(info), source, extra_info)


def show_conversation(messages: Any) -> str:
    """The prompt's messages as text, each content under its `[role]`; a text as it is; "" for None.

    For content in several parts, it shows the text and names the other parts: `(image)`.

    Example:
        >>> show_conversation([{"role": "user", "content": "Hello"}])
        '[user]\\nHello'
    """
    messages = to_plain(messages)
    if messages is None:
        return ""
    if not isinstance(messages, list):
        return str(messages)
    items: list[Any] = messages
    return "\n".join(map(_show_message, items))


def _show_message(message: Any) -> str:
    if not isinstance(message, Mapping):
        return str(message)
    fields: Mapping[str, Any] = message
    content = fields.get("content")
    if isinstance(content, list):
        content = "\n".join(map(_show_part, content))
    calls = f"\n{show_json(fields['tool_calls'])}" if fields.get("tool_calls") else ""
    return f"[{fields.get('role', '?')}]\n{content or ''}{calls}"


def _show_part(part: Any) -> str:
    fields: Mapping[str, Any] = part if isinstance(part, Mapping) else {"text": part}
    return str(fields.get("text") or f"({fields.get('type', 'part')})")


def _read_steps(extra_info: Mapping[str, Any]) -> tuple[str, ...]:
    """The row's expected steps, such as ["6*17=102", "102+9=111"]. Raises TypeError that shows them."""
    steps = extra_info.get("reasoning_steps")
    if hasattr(steps, "tolist"):
        steps = steps.tolist()
    if steps is None:
        return ()
    if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
        raise TypeError(f"extra_info['reasoning_steps'] must be a list of strings, got {str(steps)[:200]!r}.")
    return tuple(steps)
