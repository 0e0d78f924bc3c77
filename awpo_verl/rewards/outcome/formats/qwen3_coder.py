"""Qwen3-Coder and Qwen3.5: XML-like calls, whose values are text that the tool's schema types.

<tool_call>
<function=f>
<parameter=a>
1
</parameter>
</function>
</tool_call>

One line end is dropped on either side of a value. A value stays text if its schema allows a string, or none is
known; otherwise it is read as JSON (`True`, `False` and `None` too), and stays text if it is no JSON: the schema
check will say so.
"""

from __future__ import annotations

from typing import Any

from awpo_verl.rewards.outcome.bounded_json import read_all
from awpo_verl.rewards.outcome.calls import BadCallError, Found, ToolCall
from awpo_verl.rewards.outcome.formats.tool_call_tags import blocks
from awpo_verl.rewards.outcome.schema import Tools, allows

FUNCTION, FUNCTION_END = "<function=", "</function>"
PARAMETER, PARAMETER_END = "<parameter=", "</parameter>"
_PYTHON_WORDS: dict[str, Any] = {"True": True, "False": False, "None": None}


def read(text: str, tools: Tools | None) -> Found:
    found = Found.nothing()
    for block in blocks(text, found):
        try:
            found.calls.append(_read_call(block, tools))
        except BadCallError as error:
            found.problems.append(str(error))
    return found


def _read_call(block: str, tools: Tools | None) -> ToolCall:
    block = block.strip()
    if not block.startswith(FUNCTION) or not block.endswith(FUNCTION_END):
        raise BadCallError("a call must be one <function=...> ... </function>")
    name, closed, body = block[len(FUNCTION) : -len(FUNCTION_END)].partition(">")
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
    if schema is None or allows(schema, "string"):
        return value
    word = value.strip()
    if word in _PYTHON_WORDS:
        return _PYTHON_WORDS[word]
    try:
        return read_all(value)
    except BadCallError:
        return value
