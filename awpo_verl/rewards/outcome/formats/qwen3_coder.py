"""Qwen3-Coder and Qwen3.5: XML-like calls, whose values are text that the tool's schema types.

<tool_call>
<function=f>
<parameter=a>
1
</parameter>
</function>
</tool_call>

A call is a `<function=...>` that is closed, with the tags around it or, as servers accept it too, without. One line
end is dropped on either side of a value. A value stays text if its schema allows a string (but for `null`, where that
is allowed too), or none is known; otherwise it is read as its type says, and stays text if it cannot be: the schema
check says so.
"""

from __future__ import annotations

from typing import Any

from awpo_verl.rewards.outcome.bounded_json import MAX_CHARS, read_all, read_integer
from awpo_verl.rewards.outcome.calls import BadCallError, Found, ToolCall
from awpo_verl.rewards.outcome.schema import Tools, types_of

OPEN, CLOSE = "<tool_call>", "</tool_call>"
FUNCTION, FUNCTION_END = "<function=", "</function>"
PARAMETER, PARAMETER_END = "<parameter=", "</parameter>"
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "none": None}


def read(text: str, tools: Tools | None, found: Found) -> None:
    outside: list[str] = []
    position = begun = 0
    while (start := text.find(FUNCTION, position)) >= 0:
        if found.full():
            found.over()
            break
        outside.append(text[position:start])
        end = text.find(FUNCTION_END, start)
        if end < 0:
            found.problems.append("a call that is never closed")
            break
        begun += 1
        try:
            found.calls.append(_read_call(text[start:end], tools))
        except BadCallError as error:
            found.problems.append(str(error))
        position = end + len(FUNCTION_END)
    else:
        outside.append(text[position:])
        if sum(part.count(OPEN) for part in outside) > begun:
            found.problems.append("a call without <function=...>")
    found.outside += [part.replace(OPEN, "").replace(CLOSE, "") for part in outside]


def _read_call(block: str, tools: Tools | None) -> ToolCall:
    if len(block) > MAX_CHARS:
        raise BadCallError(f"a call of more than {MAX_CHARS} characters")
    name, closed, body = block[len(FUNCTION) :].partition(">")
    if not closed or not name.strip():
        raise BadCallError("a call without a name")
    name = name.strip()
    tool = tools.get(name) if tools else None
    arguments: dict[str, Any] = {}
    position = 0
    while (start := body.find(PARAMETER, position)) >= 0:
        if body[position:start].strip():
            raise BadCallError("text between the parameters")
        key_end = body.find(">", start)
        end = body.find(PARAMETER_END, start)
        if key_end < 0 or end < key_end:
            raise BadCallError("a parameter that is never closed")
        key = body[start + len(PARAMETER) : key_end].strip()
        if not key or key in arguments:
            raise BadCallError("a parameter without a name, or twice")
        value = body[key_end + 1 : end].removeprefix("\n").removesuffix("\n")
        arguments[key] = _typed(value, tool.property(key) if tool else None)
        position = end + len(PARAMETER_END)
    if body[position:].strip():
        raise BadCallError("text between the parameters")
    return ToolCall(name, arguments)


def _typed(value: str, schema: Any) -> Any:
    types = types_of(schema)
    word = value.strip().lower()
    if "null" in types and word == "null":
        return None
    if not types or "string" in types:
        return value
    if word in _WORDS:
        return _WORDS[word]
    try:
        if types <= {"integer", "number"} and word.lstrip("+-").isdigit():
            return read_integer(word)
        return read_all(value)
    except (BadCallError, ValueError):
        return value
