"""ToolRL's set (rlla_4k and rlla_sft of github.com/qiancheng0/ToolRL, arXiv 2504.13958).

    {"prompt": [{"role": "system", ...}, {"role": "user", ...}], "reward_model": {"ground_truth": "<think>...", ...}}
    {"instruction": "...", "input": "...", "output": "<think>...</think> <tool_call> {...} </tool_call>"}     (rlla_sft)

The system text lists the tools ("1. Name: ... Description: ... Parameters: {...}", one per line, in Python's types; it
does not say which parameters are required, so none is). The user's text holds the whole conversation, as <user>,
<think>, <tool_call>, <obs> and <response>. Instead of thinking, ground truths have one of two sentences, which are
removed; rlla_sft has real thinking. About one answer in fourteen is broken: lists split into several arguments, texts
cut off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from awpo_verl.rewards.bounded_json import as_call_of_data, read_value
from awpo_verl.rewards.outcome.calls import BadCallError
from awpo_verl.rewards.outcome.parse import parse_response
from awpo_verl.workbench.data.python_types import build_json_schema
from awpo_verl.workbench.data.sample import (
    BrokenRowError,
    Dropped,
    Sample,
    call_as_dict,
    require_list,
    require_mapping,
    require_text,
    show_value,
)
from awpo_verl.workbench.data.tools import drop_repeated_names, make_openai_tool, parse_json_value

UNREADABLE = "a call that cannot be read"
PLACEHOLDERS = (
    "I should use the appropriate tool with proper parameters to respond to the user's need.",
    "I should directly respond to the user's need.",
)
HISTORY = "**Dialogue Records History**"

_TAG = re.compile(r"\s*<(user|think|tool_call|obs|response)>")
_TOOL = re.compile(r"^\d{1,4}\. Name: ", re.MULTILINE)
_PARAMETERS = re.compile(r"^Parameters: ", re.MULTILINE)


def read_samples(row: Mapping[str, Any], where: str) -> Iterator[Sample | Dropped]:
    """Read the sample of a row. Raises BrokenRowError."""
    if "instruction" in row:
        system, user, answer = require_text(row, "instruction"), require_text(row, "input"), require_text(row, "output")
    else:
        system, user = _prompt(require_list(row, "prompt"))
        answer = require_text(require_mapping(row.get("reward_model"), "reward_model"), "ground_truth", "reward_model.")
    response = parse_response(answer, "toolrl")
    if response.problems or response.unclosed or not (response.calls or response.content):
        detail = response.problems[0] if response.problems else "neither a call nor a response"
        yield Dropped(where, UNREADABLE, f"{detail}: {answer[-200:]}")
        return
    thinking = (response.thinking or "").strip()
    yield Sample(
        where=where,
        id=where,
        data_source="toolrl",
        messages=tuple(parse_turns(user)),
        tools=_tools(system),
        calls=tuple(map(call_as_dict, response.calls)),
        reasoning="" if thinking in PLACEHOLDERS else thinking,
        source_prompt=({"role": "system", "content": system}, {"role": "user", "content": user}),
    )


def parse_turns(text: str) -> list[dict[str, Any]]:
    """Parse the conversation in a user's text, without its thinking. Raises BrokenRowError."""
    rest = text.strip().removeprefix(HISTORY)
    messages: list[dict[str, Any]] = []
    place = 0
    while match := _TAG.match(rest, place):
        tag = match[1]
        end = rest.find(f"</{tag}>", match.end())
        if end < 0:
            raise BrokenRowError("prompt", f"has a <{tag}> that is not closed: {show_value(rest[match.start() :])}")
        content = rest[match.end() : end].strip()
        place = end + len(f"</{tag}>")
        if tag == "tool_call":
            messages.append({"role": "assistant", "content": "", "tool_calls": _calls(content)})
        elif tag == "response":
            if messages and messages[-1].get("tool_calls") and not messages[-1]["content"]:
                messages[-1]["content"] = content  # a text beside the calls, before their results
            else:
                messages.append({"role": "assistant", "content": content})
        elif tag != "think":
            messages.append({"role": "tool" if tag == "obs" else "user", "content": content})
    if rest[place:].strip() or not any(message["role"] == "user" for message in messages):
        raise BrokenRowError("prompt", f"has, outside of <user>, <obs>, ...: {show_value(rest[place:].strip())}")
    return messages


def _prompt(prompt: list[Any]) -> tuple[str, str]:
    messages = [require_mapping(item, f"prompt[{index}]") for index, item in enumerate(prompt)]
    if [message.get("role") for message in messages] != ["system", "user"]:
        raise BrokenRowError("prompt", f"has roles {[m.get('role') for m in messages]}; expected a system and a user")
    return require_text(messages[0], "content", "prompt[0]."), require_text(messages[1], "content", "prompt[1].")


def _calls(text: str) -> list[dict[str, Any]]:
    """The calls of an earlier turn: JSON objects, one after another. Raises BrokenRowError."""
    calls: list[dict[str, Any]] = []
    place = 0
    try:
        while place < len(text.rstrip()):
            value, place = read_value(text, place)
            calls.append(call_as_dict(as_call_of_data(value)))
    except BadCallError as error:
        raise BrokenRowError(
            "prompt", f"has an earlier <tool_call> that cannot be read ({error}): {show_value(text)}"
        ) from None
    return calls


def _tools(system: str) -> tuple[dict[str, Any], ...]:
    """The tools that the system text lists. Raises BrokenRowError."""
    listed = system.partition("**Available Tools**")[2].partition("**Steps for Each Turn**")[0]
    if not listed:
        raise BrokenRowError("prompt[0].content", f"has no **Available Tools**: {show_value(system)}")
    tools: list[dict[str, Any]] = []
    for index, text in enumerate(_TOOL.split(listed)[1:]):
        field = f"tool {index + 1} of the system text"
        name, _, rest = text.partition("\n")
        parts = _PARAMETERS.split(rest, maxsplit=1)
        description = parts[0].strip().removeprefix("Description:").strip()
        parameters: Any = parse_json_value(parts[1].strip(), f"{field}: Parameters") if len(parts) == 2 else {}
        schema = build_json_schema(require_mapping(parameters, f"{field}: Parameters"), field, required=False)
        tools.append(make_openai_tool(name.strip(), description, schema, field, made=True))
    return drop_repeated_names(tools)
