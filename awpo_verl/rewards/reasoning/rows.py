"""What a row says about a rollout besides its response, as text: the conversation, the tools, what was expected."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from awpo_verl.rewards.outcome import OutcomeCheck, Response
from awpo_verl.rewards.outcome.expected_calls import plain
from awpo_verl.rewards.outcome.ground_truth import as_object
from awpo_verl.rewards.reasoning.evidence import Task
from awpo_verl.rewards.reasoning.judge import Case


def make_case(response: Response, conversation: str, ground_truth: Any, tools: Any) -> Case:
    """What a judge is shown of a rollout. Never raises on any response.

    Args:
        response: from parse_response; its thinking is closed.
        conversation: from conversation_text; of a response of several turns, with what came between them.
        ground_truth: the row's, of any form: its `tools` are the schemas on offer, the rest is the reference.
        tools: the schemas where the ground truth has none, a list or its JSON text, or None.
    """
    calls = [_json({"name": call.name, "arguments": call.arguments}) for call in response.calls]
    calls += [f"(a call that does not parse: {problem})" for problem in response.problems]
    return Case(
        conversation=conversation,
        thinking=response.thinking or "",
        tools=tools_text(ground_truth, tools),
        reference=_reference_of_text(ground_truth) if isinstance(ground_truth, str) else _reference_of(ground_truth),
        answer="\n".join([*(["Calls:", *calls] if calls else []), response.content]).strip(),
    )


def make_task(
    verdict: OutcomeCheck, conversation: str, ground_truth: Any, tools: Any, expected_steps: list[str] | None
) -> Task:
    """What the rubric holds a rollout's thinking against.

    Args:
        conversation, ground_truth, tools: as for make_case.
        expected_steps: from stated_steps.
    """
    # "" = unknown: the schemas alone are not what was asked
    prompt = f"{conversation}\n{tools_text(ground_truth, tools)}" if conversation else ""
    return Task(prompt, verdict.offered, tuple(expected_steps or ()), verdict.calls_expected)


def tools_text(ground_truth: Any, tools: Any) -> str:
    """The schemas on offer, of the ground truth or else of the row, as JSON; "" where there are none."""
    given = _tools_of_text(ground_truth) if isinstance(ground_truth, str) else _tools_of(ground_truth)
    return given or ("" if tools is None else _json(tools))


@lru_cache(maxsize=4096)
def _tools_of_text(ground_truth: str) -> str:
    """The rollouts of a prompt share it."""
    return _tools_of(ground_truth)


def _tools_of(ground_truth: Any) -> str:
    """The schemas that a ground truth gives, as JSON; "" where it gives none."""
    given = (_object(ground_truth) or {}).get("tools")
    return _json(given) if given else ""


@lru_cache(maxsize=4096)
def _reference_of_text(ground_truth: str) -> str:
    """The rollouts of a prompt share it."""
    return _reference_of(ground_truth)


def _reference_of(ground_truth: Any) -> str:
    """A ground truth without its tools, as JSON; "" for None."""
    known = _object(ground_truth)
    reference = {key: value for key, value in known.items() if key != "tools"} if known else ground_truth
    return "" if reference is None else _json(reference)


def conversation_text(messages: Any) -> str:
    """The prompt's messages (verl's raw_prompt), or a text as it is: `[role]` above each content.

    Of content in parts, the text is shown and the rest named: `(image)`.
    """
    messages = plain(messages)
    if messages is None:
        return ""
    if not isinstance(messages, list):
        return str(messages)
    return "\n".join(_message(message) for message in messages)


def _message(message: Any) -> str:
    if not isinstance(message, Mapping):
        return str(message)
    content = message.get("content")
    if isinstance(content, list):
        parts = (part if isinstance(part, Mapping) else {"text": part} for part in content)
        content = "\n".join(str(part.get("text") or f"({part.get('type', 'part')})") for part in parts)
    calls = f"\n{_json(message['tool_calls'])}" if message.get("tool_calls") else ""
    return f"[{message.get('role', '?')}]\n{content or ''}{calls}"


def _object(ground_truth: Any) -> Mapping[str, Any] | None:
    """As `as_object`; one that is broken is another form, for a user's own function may know what it means."""
    try:
        return as_object(ground_truth)
    except ValueError:
        return None


def _json(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(plain(value), ensure_ascii=False, default=str, skipkeys=True)
