"""ToolACE (Team-ACE/ToolACE, arXiv 2409.00920): synthetic conversations with many APIs, with calls in Python's form.

    {"system": "... Here is a list of functions in JSON format that you can invoke:\n[{...}, ...].\n Should you ...",
     "conversations": [{"from": "user", "value": "..."}, {"from": "assistant", "value": "[Func Name(arg=\\"x\\")]"},
                       {"from": "tool", "value": "[{\\"name\\": ..., \\"results\\": ...}]"}, ...]}

Each turn of the assistant is a sample: the turns before it are the prompt. A turn in prose expects no call. A turn with
a call inside prose is ambiguous and is dropped. The system text keeps what is neither the list of tools nor the
instructions for calls, such as a date or a role.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from awpo_verl.rewards.outcome.calls import BadCallError
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
from awpo_verl.workbench.data.toolace_calls import looks_like_calls, mentions_calls, read_calls
from awpo_verl.workbench.data.tools import make_openai_tools, tool_names

UNREADABLE = "a call that cannot be read"
IN_PROSE = "a call inside prose"
EARLIER = "an earlier call cannot be read"
EMPTY = "an empty reply"

_ROLES = {"user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant", "tool": "tool"}
_ANCHOR = re.compile(r"Here is a list of functions in JSON format that you can invoke[:.]?\s*", re.IGNORECASE)
_LIST = re.compile(r"\[\s*\{")
_SENTENCES = (  # patterns; a blank matches any white space
    r"You are an expert in composing functions\.",
    r"You are given a question and a set of possible functions\.",
    r"Based on the question, you will need to make one or more function/tool calls to achieve the purpose\.",
    r"If none of the functions? can be used, point it out\.",
    r"If the given question lacks the parameters required by the function, also point it out\.",
    r"You should only return the function calls? in (the )?tools? calls? sections?\.",
    r"Should you decide to return the function call\(s\)[.,]?",
    r"Put it in the format of \[func1\([^\n]{0,200}?\)\]",
    r"NO other text MUST be included\.?",
)
_BOILERPLATE = re.compile("|".join(sentence.replace(" ", r"\s+") for sentence in _SENTENCES), re.IGNORECASE)


def read_samples(row: Mapping[str, Any], where: str) -> Iterator[Sample | Dropped]:
    """Read the samples of a conversation. Raises BrokenRowError."""
    system = require_text(row, "system")
    tools, system_text = _tools(system)
    names = tool_names(tools)
    parameters = {tool["function"]["name"]: list(tool["function"]["parameters"]["properties"]) for tool in tools}
    turns = [_turn(item, index) for index, item in enumerate(require_list(row, "conversations"))]
    if not any(role == "user" for role, _ in turns):
        raise BrokenRowError("conversations", "have no turn of the user")
    identity = str(row["id"]) if row.get("id") is not None else where
    messages: list[dict[str, Any]] = [{"role": "system", "content": system_text}] if system_text else []
    source: list[dict[str, str]] = [{"role": "system", "content": system}]
    readable = True
    for index, (role, text) in enumerate(turns):
        message: dict[str, Any] = {"role": role, "content": text}
        if role == "assistant":
            calls: list[dict[str, Any]] = []
            problem = _problem_of_prose(text, names)
            if looks_like_calls(text, names):
                try:
                    calls = [call_as_dict(call) for call in read_calls(text, parameters)]
                    message = {"role": role, "content": "", "tool_calls": calls}
                    problem = None
                except BadCallError as error:
                    problem = (UNREADABLE, f"{error}: {text}")
            if not readable:
                yield Dropped(f"{where}#{index}", EARLIER)
            elif problem is not None:
                yield Dropped(f"{where}#{index}", problem[0], problem[1][:300])
            elif any(item["role"] == "user" for item in messages):
                yield Sample(
                    where=f"{where}#{index}",
                    id=f"{identity}#{index}",
                    data_source="toolace",
                    messages=tuple(messages),
                    tools=tools,
                    calls=tuple(calls),
                    source_prompt=tuple(source),
                )
            readable = readable and (problem is None or problem[0] == EMPTY)
        messages.append(message)
        source.append({"role": role, "content": text})


def _problem_of_prose(text: str, names: list[str]) -> tuple[str, str] | None:
    """Why a turn without a list of calls is not a sample; None if it is a sample that expects no call."""
    if not text.strip():
        return EMPTY, ""
    return (IN_PROSE, text) if mentions_calls(text, names) else None


def _turn(item: Any, index: int) -> tuple[str, str]:
    """The role and the text of a turn. Raises BrokenRowError."""
    field = f"conversations[{index}]"
    turn = require_mapping(item, field)
    role = turn.get("from")
    if role not in _ROLES:
        raise BrokenRowError(f"{field}.from", f"is {show_value(role)}; expected user, assistant or tool")
    return _ROLES[role], require_text(turn, "value", f"{field}.")


def _tools(system: str) -> tuple[tuple[dict[str, Any], ...], str]:
    """The tools that the system text lists, and the rest of the text. Raises BrokenRowError."""
    anchor = _ANCHOR.search(system)
    begin = _LIST.search(system, anchor.end() if anchor else 0)
    if begin is None:
        raise BrokenRowError("system", "has no JSON list of functions; expected '... that you can invoke:' and a list")
    try:
        given, end = json.JSONDecoder().raw_decode(system, begin.start())
    except (ValueError, RecursionError) as error:
        raise BrokenRowError("system", f"has a list of functions that is not JSON: {str(error)[:80]}") from None
    before = system[: anchor.start()] if anchor else system[: begin.start()]
    rest = _BOILERPLATE.sub("", f"{before}\n{system[end:].lstrip('. ')}")
    lines = [line.strip() for line in rest.split("\n")]
    return make_openai_tools(given, "system"), "\n".join(line for line in lines if line.strip(" ."))
