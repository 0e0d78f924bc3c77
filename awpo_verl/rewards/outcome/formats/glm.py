"""GLM 4.5 to 4.7: a name, then pairs of keys and values.

<tool_call>f
<arg_key>a</arg_key>
<arg_value>1</arg_value>
</tool_call>

White space around names, keys and tags is free. A value is the text between its tags, read by typed_values.py.
"""

from __future__ import annotations

import re

from awpo_verl.rewards.outcome.calls import BadCallError, Found, ToolCall
from awpo_verl.rewards.outcome.formats.call_format import CallFormat, between, skip_white_space
from awpo_verl.rewards.outcome.formats.hermes import CLOSE, OPEN, blocks
from awpo_verl.rewards.outcome.formats.typed_values import typed_or_json_value
from awpo_verl.rewards.outcome.schema import ToolSchemas

KEY, KEY_END = "<arg_key>", "</arg_key>"
VALUE, VALUE_END = "<arg_value>", "</arg_value>"
_NAME = re.compile(r"[^\s<>{}\[\]\"]{1,256}")
_INNER_MARK = re.compile(r"</?arg_(?:key|value)\b")


def read_calls(text: str, tools: ToolSchemas | None, found: Found) -> None:
    for block in blocks(text, found):
        try:
            found.calls.append(_read_call(block, tools))
        except BadCallError as error:
            found.problems.append(str(error))


def _read_call(block: str, tools: ToolSchemas | None) -> ToolCall:
    name, first, rest = block.partition(KEY)
    name, rest = name.strip(), first + rest
    if not _NAME.fullmatch(name):
        raise BadCallError("a call without a name")
    tool = tools.get(name) if tools else None
    arguments: dict[str, object] = {}
    position = 0
    while rest.startswith(KEY, position):
        key, position = _tagged(rest, position, KEY, KEY_END)
        value, position = _tagged(rest, skip_white_space(rest, position), VALUE, VALUE_END)
        key = key.strip()
        if not key or key in arguments:
            raise BadCallError("an argument without a name, or twice")
        arguments[key] = typed_or_json_value(value, tool, key)
        position = skip_white_space(rest, position)
    if position != len(rest):
        raise BadCallError("text between the arguments")
    return ToolCall(name, arguments)


def _tagged(text: str, start: int, opening: str, closing: str) -> tuple[str, int]:
    """The text between two tags, and the place where the second tag ends. The first tag is at `start`."""
    begin = start + len(opening)
    end = text.find(closing, begin)
    if not text.startswith(opening, start) or end < 0:
        raise BadCallError("an argument that is never closed")
    if _INNER_MARK.search(text, begin, end):
        raise BadCallError("an argument that is never closed")
    return text[begin:end], end + len(closing)


GLM = CallFormat(
    name="glm",
    read_calls=read_calls,
    places=between(r"<tool_call>\s{0,64}[^\s<>{}\[\]\"]{1,256}\s{0,64}<", CLOSE),
    marks=(KEY,),
    templates=((KEY,),),
    tokens=(OPEN, CLOSE, KEY, KEY_END, VALUE, VALUE_END, "<think>", "</think>"),
    servers="verl's glm. It reads a value that is JSON as JSON even for a string, and strips it; vLLM's goes by the "
    "schema and keeps white space, as we do, drops calls of tools that are not offered, and runs a call that is not "
    "closed. Both run a call without the arguments that are not closed. SGLang's also reads Python literals.",
)
