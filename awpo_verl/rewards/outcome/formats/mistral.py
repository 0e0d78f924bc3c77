"""Mistral: `[TOOL_CALLS]` before the calls, in either of the two forms of its tokenizers.

up to v7:  [TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}}, {"name": "g", "arguments": {}}]
from v11:  [TOOL_CALLS]f[ARGS]{"a": 1}[TOOL_CALLS]g[CALL_ID]abc[ARGS]{}      ([ARGS] may be missing)
"""

from __future__ import annotations

from awpo_verl.rewards.outcome.bounded_json import as_call, read_value, skip_space
from awpo_verl.rewards.outcome.calls import BadCallError, Found, ToolCall
from awpo_verl.rewards.outcome.schema import Tools

MARK, ARGS, CALL_ID = "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"
MAX_NAME = 256


def read(text: str, tools: Tools | None) -> Found:
    found = Found.nothing()
    position = 0
    while (start := text.find(MARK, position)) >= 0:
        found.outside.append(text[position:start])
        try:
            position = _read_after_mark(text, start + len(MARK), found)
        except BadCallError as error:
            found.problems.append(str(error))
            return found
        if found.full() and MARK in text[position:]:
            found.over()
            return found
    found.outside.append(text[position:])
    return found


def _read_after_mark(text: str, start: int, found: Found) -> int:
    start = skip_space(text, start)
    if text.startswith("[", start):
        values, end = read_value(text, start)
        for value in values:
            if found.full():
                found.over()
                break
            found.calls.append(as_call(value))
        return end
    brace = text.find("{", start, start + 2 * MAX_NAME)
    if brace < 0:
        raise BadCallError("a call without arguments")
    name = text[start:brace].strip().removesuffix(ARGS).partition(CALL_ID)[0].strip()
    if not name or len(name) > MAX_NAME:
        raise BadCallError("a call without a name")
    arguments, end = read_value(text, brace)
    found.calls.append(ToolCall(name, arguments))
    return end
