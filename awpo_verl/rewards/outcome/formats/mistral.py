"""Mistral: `[TOOL_CALLS]` before the calls, in one of two forms.

up to v7:  [TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}}, {"name": "g", "arguments": {}}]
from v11:  [TOOL_CALLS]f[ARGS]{"a": 1}[TOOL_CALLS]g[CALL_ID]abc[ARGS]{}      ([ARGS] may be missing)

Only white space may follow the calls of a mark. Other text there is a problem and ends the reading. A second mark
beside a list is a problem too: the older tokenizers write one list, and vLLM fails on two.
"""

from __future__ import annotations

import re

from awpo_verl.rewards.bounded_json import as_call, read_value, skip_space
from awpo_verl.rewards.outcome.calls import BadCallError, Found
from awpo_verl.rewards.outcome.formats.call_format import CallFormat, Places, Thinking
from awpo_verl.rewards.outcome.schema import ToolSchemas

MARK = "[TOOL_CALLS]"
_NAME = re.compile(r"([^\s\[\]{}]{1,256})(?:\[CALL_ID\][^\s\[\]{}]{1,256})?(?:\[ARGS\])?[ \t\n\r]*(?=\{)")


def read_calls(text: str, tools: ToolSchemas | None, found: Found) -> None:
    before, *parts = text.split(MARK)
    found.outside.append(before)
    for i, part in enumerate(parts):
        if found.full():
            found.over()
            break
        try:
            if i and (_is_list(parts[0]) or _is_list(part)):
                raise BadCallError("calls beside a list of calls")
            _read_part(part, found)
        except BadCallError as error:
            found.problems.append(str(error))
            break


def _end(text: str, start: int) -> int:
    """The place where the JSON after the mark ends."""
    body = start + len(MARK)
    name = _NAME.match(text, skip_space(text, body))
    try:
        return read_value(text, name.end() if name is not None else body)[1]
    except BadCallError:
        return len(text)


def _is_list(part: str) -> bool:
    return part.startswith("[", skip_space(part, 0))


def _read_part(part: str, found: Found) -> None:
    """Read the calls between one mark and the next."""
    start = skip_space(part, 0)
    if _is_list(part):
        values, end = read_value(part, start)
        if not values:
            raise BadCallError("an empty list of calls")
    else:
        name = _NAME.match(part, start)
        if name is None:
            raise BadCallError("neither a list of calls nor a name with arguments")
        arguments, end = read_value(part, name.end())
        values = [{"name": name[1], "arguments": arguments}]
    for value in values:
        if found.full():
            found.over()
            return
        found.calls.append(as_call(value))
    if skip_space(part, end) != len(part):
        raise BadCallError("text after the calls")


MISTRAL = CallFormat(
    name="mistral",
    read_calls=read_calls,
    places=Places(lambda text, position: text.find(MARK, position), _end),
    marks=(MARK,),
    templates=((MARK,),),
    tokens=(MARK, "[ARGS]", "[CALL_ID]", "[THINK]", "[/THINK]"),
    thinking=Thinking("[THINK]", "[/THINK]"),
    servers="vLLM's mistral. It takes [CALL_ID] for a part of the name, runs a call of a list without `arguments`, and "
    "hands broken calls on; verl has no parser for it.",
)
