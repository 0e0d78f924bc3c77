"""Llama 3.1 and 3.2: bare JSON calls, `{"name": "f", "parameters": {"a": 1}}`, one after another, anywhere in the text.

An object is a call if it has a name, and parameters or arguments, in any order. Any other object is content. Reading
stops at a broken object that begins with a key of a call, because the rest of the text is ambiguous.
"""

from __future__ import annotations

import re

from awpo_verl.rewards.bounded_json import as_call, read_value
from awpo_verl.rewards.outcome.calls import BadCallError, Found
from awpo_verl.rewards.outcome.formats.call_format import CallFormat, Places
from awpo_verl.rewards.outcome.schema import ToolSchemas

TAG = "<|python_tag|>"
MAX_BROKEN = 8  # objects that are not JSON and look like prose; with more, the text is a call that does not parse
_OBJECT = re.compile(r'\{[ \t\n\r]*"')
_BEGIN = re.compile(r'\{[ \t\n\r]*"(?:name|type|id|function|parameters|arguments)"')


def read_calls(text: str, tools: ToolSchemas | None, found: Found) -> None:
    outside: list[str] = []
    position = broken = 0
    while begin := _OBJECT.search(text, position):
        if found.full():
            found.over()
            break
        try:
            value, end = read_value(text, begin.start())
            if "name" in value and ("parameters" in value or "arguments" in value):
                outside.append(text[position : begin.start()].rstrip().removesuffix(TAG))
                found.calls.append(as_call(value, ("arguments", "parameters")))
            else:
                outside.append(text[position:end])
            position = end
        except BadCallError as error:
            broken += 1
            if _BEGIN.match(text, begin.start()) or broken > MAX_BROKEN:
                found.problems.append(str(error))
                break
            outside.append(text[position : begin.end()])
            position = begin.end()
    else:
        outside.append(text[position:])
    content = "".join(outside)
    found.outside.append(content.strip(" \t\n\r;[],") if found.calls else content)  # drop the separators of calls


def _begin(text: str, position: int) -> int:
    begin = _BEGIN.search(text, position)
    return -1 if begin is None else begin.start()


def _end(text: str, start: int) -> int:
    try:
        return read_value(text, start)[1]
    except BadCallError:
        return len(text)


LLAMA3_JSON = CallFormat(
    name="llama3_json",
    read_calls=read_calls,
    places=Places(_begin, _end),
    marks=(TAG,),
    templates=((TAG,), ('"parameters":',)),
    tokens=(TAG,),
    servers="vLLM's llama3_json. It drops all calls where a brace stands in the text around them; verl has no parser "
    "for it.",
)
