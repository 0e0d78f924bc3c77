"""Your own set, in plain JSONL or parquet:

    {"messages": [{"role": "user", "content": "..."}], "tools": [...], "tool_calls": [{"name": "f", "arguments": {}}]}

    the prompt    messages, prompt or question: messages, or the text of one question
    the tools     tools, or in the ground truth: OpenAI's form or the inner part, a list or its JSON text
    the answer    tool_calls ([] expects no call), ground_truth ({"tool_calls": [...]}, may hold `$any`), or, without
                  either, the assistant's message at the end, as in sets for fine-tuning
    optional      id, data_source, difficulty, reasoning, reasoning_steps (a list of texts)

A call is {"name", "arguments"}, or OpenAI's {"type": "function", "function": {...}}; arguments may be JSON text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from awpo_verl.rewards.bounded_json import as_call_of_data
from awpo_verl.rewards.outcome.calls import BadCallError
from awpo_verl.workbench.data.sample import (
    ROLES,
    BrokenRowError,
    Dropped,
    Sample,
    call_as_dict,
    require_mapping,
    require_text,
    show_value,
)
from awpo_verl.workbench.data.tools import make_openai_tools, parse_json_value

PROMPTS = ("messages", "prompt", "question")


def read_samples(row: Mapping[str, Any], where: str) -> Iterator[Sample | Dropped]:
    """Read the sample of a row. Raises BrokenRowError."""
    messages = _messages(row)
    truth: Any = row.get("ground_truth")
    if truth is not None:
        truth = require_mapping(parse_json_value(truth, "ground_truth"), "ground_truth")
    calls = _answer(row, truth, messages)
    if not any(message["role"] == "user" for message in messages):
        raise BrokenRowError("messages", "have no message of the user")
    tools = row.get("tools") if row.get("tools") is not None else (truth or {}).get("tools")
    if tools is None:
        raise BrokenRowError("tools", "is missing; expected a list of tools ([] where none is offered)")
    steps = row.get("reasoning_steps")
    if steps is not None and not (isinstance(steps, list) and all(isinstance(step, str) for step in steps)):
        raise BrokenRowError("reasoning_steps", f"is {show_value(steps)}; expected a list of texts")
    yield Sample(
        where=where,
        id=str(row["id"]) if row.get("id") is not None else where,
        data_source=str(row.get("data_source") or "jsonl"),
        messages=tuple(messages),
        tools=make_openai_tools(tools, "tools"),
        calls=calls,
        reasoning=str(row.get("reasoning") or ""),
        steps=None if steps is None else tuple(steps),
        difficulty=str(row.get("difficulty") or ""),
        source_prompt=tuple({"role": m["role"], "content": m["content"]} for m in messages),
    )


def parse_message(item: Any, field: str) -> dict[str, Any]:
    """Parse a message of OpenAI's form: role, text, and calls if it has some. Raises BrokenRowError."""
    message = require_mapping(item, field)
    role = message.get("role")
    if role not in ROLES:
        raise BrokenRowError(f"{field}.role", f"is {show_value(role)}; expected one of {', '.join(ROLES)}")
    given = message.get("tool_calls")
    if not given:
        return {"role": role, "content": require_text(message, "content", f"{field}.")}
    calls = list(parse_calls(given, f"{field}.tool_calls"))
    content = message.get("content")
    return {"role": role, "content": content if isinstance(content, str) else "", "tool_calls": calls}


def parse_calls(given: Any, field: str) -> tuple[dict[str, Any], ...]:
    """Parse a list of calls, or its JSON text. Raises BrokenRowError."""
    given = parse_json_value(given, field)
    if not isinstance(given, list):
        raise BrokenRowError(field, f"is {show_value(given)}; expected a list of calls")
    calls: list[dict[str, Any]] = []
    for index, item in enumerate(given):
        inner = item.get("function", item) if isinstance(item, Mapping) else item
        try:
            calls.append(call_as_dict(as_call_of_data(inner)))
        except BadCallError as error:
            raise BrokenRowError(f"{field}[{index}]", f"is not a call ({error}): {show_value(item)}") from None
    return tuple(calls)


def parse_expected(ground_truth: Any) -> tuple[dict[str, Any], ...]:
    """Parse the calls of our ground truth, a mapping or its JSON text. Raises BrokenRowError."""
    truth = require_mapping(parse_json_value(ground_truth, "ground_truth"), "ground_truth")
    return parse_calls(truth.get("tool_calls"), "ground_truth.tool_calls")


def _messages(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    key = next((key for key in PROMPTS if row.get(key) is not None), None)
    if key is None:
        raise BrokenRowError("", f"has none of {', '.join(PROMPTS)}; it has {', '.join(sorted(row))}"[:300])
    given = row[key]
    if isinstance(given, str) and not given.lstrip().startswith("[{"):
        return [{"role": "user", "content": given}]
    given = parse_json_value(given, key)
    if not isinstance(given, list) or not given:
        raise BrokenRowError(key, f"is {show_value(given)}; expected messages, or a text")
    return [parse_message(item, f"{key}[{index}]") for index, item in enumerate(given)]


def _answer(row: Mapping[str, Any], truth: Any, messages: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The expected calls. Removes an assistant's message from the end: it is the answer, or shows it."""
    reply = messages.pop() if messages[-1]["role"] == "assistant" else None
    if row.get("tool_calls") is not None:
        return parse_calls(row["tool_calls"], "tool_calls")
    if truth is not None:
        return parse_expected(truth)
    if reply is not None:
        return tuple(reply.get("tool_calls", ()))
    raise BrokenRowError("tool_calls", "is missing, and so is ground_truth; expected a list of calls ([]: no call)")
