"""Qwen3-Coder, Qwen3.5 and Seed-OSS: calls in XML-like tags. The tool's schema gives the types of the values.

<tool_call>                 Seed-OSS: <seed:tool_call>
<function=f>
<parameter=a>
1
</parameter>
</function>
</tool_call>

A call is a closed `<function=...>` in a block; verl's tool loop runs none outside a block. A block of Qwen's may hold
several calls and may lack its closing tag. A block of Seed's holds one call and must be closed. One line end is dropped
on either side of a value, and typed_values.py reads the value. A value that contains another mark of a parameter or a
function belongs to a parameter that was not closed: vLLM ends the value there, and verl's tool loop takes the rest as
its value. Neither is what the model meant, so it is a problem.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from awpo_verl.rewards.bounded_json import MAX_CHARS
from awpo_verl.rewards.outcome.calls import BadCallError, Found, ToolCall
from awpo_verl.rewards.outcome.formats.call_format import CallFormat, Places, Thinking, between, skip_white_space
from awpo_verl.rewards.outcome.formats.typed_values import ReadTyped, typed_or_json_value, typed_or_python_value
from awpo_verl.rewards.outcome.schema import ToolSchemas

OPEN, CLOSE = "<tool_call>", "</tool_call>"
SEED_OPEN, SEED_CLOSE = "<seed:tool_call>", "</seed:tool_call>"
FUNCTION, FUNCTION_END = "<function=", "</function>"
PARAMETER, PARAMETER_END = "<parameter=", "</parameter>"
_INNER_MARK = re.compile(r"<[ ]?/?[ ]?(?:parameter|function)\b")


def read_calls(text: str, tools: ToolSchemas | None, found: Found, *, seed: bool = False) -> None:
    opening = SEED_OPEN if seed else OPEN
    position = 0
    while (start := text.find(opening, position)) >= 0:
        _add_outside(text[position:start], found, seed)
        position = _read_block(text, start + len(opening), tools, found, seed)
    _add_outside(text[position:], found, seed)


def _add_outside(text: str, found: Found, seed: bool) -> None:
    """Add the text outside the blocks. A function there is a problem, because verl's tool loop does not run it."""
    opening, closing = (SEED_OPEN, SEED_CLOSE) if seed else (OPEN, CLOSE)
    position = 0
    while (start := text.find(FUNCTION, position)) >= 0 and not found.full():
        found.problems.append(f"a call without {opening}")
        found.outside.append(text[position:start])
        end = text.find(FUNCTION_END, start)
        position = skip_white_space(text, len(text) if end < 0 else end + len(FUNCTION_END))
        position += len(closing) if text.startswith(closing, position) else 0
    found.outside.append(text[position:])


def _read_block(text: str, position: int, tools: ToolSchemas | None, found: Found, seed: bool) -> int:
    """Read the functions of a block, from the end of its tag on. Returns the place where the block ends."""
    closing = SEED_CLOSE if seed else CLOSE
    functions = 0
    while text.startswith(FUNCTION, position := skip_white_space(text, position)):
        if found.full():
            found.over()
            return len(text)
        end = text.find(FUNCTION_END, position)
        if end < 0:
            found.problems.append("a call that is never closed")
            return len(text)
        functions += 1
        try:
            if seed and functions > 1:
                raise BadCallError(f"a call without {SEED_OPEN}")  # verl runs only the first of a block
            if seed and text.find(closing, end) < 0:
                raise BadCallError(f"a call without {closing}")
            read_typed = typed_or_json_value if seed else typed_or_python_value
            found.calls.append(_read_call(text[position:end], tools, read_typed))
        except BadCallError as error:
            found.problems.append(str(error))
        position = end + len(FUNCTION_END)
    if not functions:
        found.problems.append("a call without <function=...>")
        end = text.find(closing, position)
        end = len(text) if end < 0 else end
        found.outside.append(text[position:end])
        return min(end + len(closing), len(text))
    return position + len(closing) if text.startswith(closing, position) else position


def _begin(text: str, position: int) -> int:
    """The place of the next function, or of the tag before it: the tag distinguishes it from other formats' calls."""
    start = text.find(FUNCTION, position)
    tag = text.rfind(OPEN, max(position, start - 64), max(start, 0))
    return tag if tag >= 0 and not text[tag + len(OPEN) : start].strip() else start


def _read_call(block: str, tools: ToolSchemas | None, read_typed: ReadTyped) -> ToolCall:
    if len(block) > MAX_CHARS:
        raise BadCallError(f"a call of more than {MAX_CHARS} characters")
    name, closed, body = block[len(FUNCTION) :].partition(">")
    if not closed or not name.strip():
        raise BadCallError("a call without a name")
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
        key = body[start + len(PARAMETER) : key_end]
        if not key.strip() or key in arguments:
            raise BadCallError("a parameter without a name, or twice")
        value = body[key_end + 1 : end].removeprefix("\n").removesuffix("\n")
        if _INNER_MARK.search(value):
            raise BadCallError("a parameter that is never closed")
        arguments[key] = read_typed(value, tool, key)
        position = end + len(PARAMETER_END)
    if body[position:].strip():
        raise BadCallError("text between the parameters")
    return ToolCall(name, arguments)


def _seed_end(text: str, start: int) -> int:
    """The end of a block. A value may hold the block's closing tag, but not the function's."""
    function_end = text.find(FUNCTION_END, start)
    place = text.find(SEED_CLOSE, function_end) if function_end >= 0 else -1
    return len(text) if place < 0 else place + len(SEED_CLOSE)


QWEN3_CODER = CallFormat(
    name="qwen3_coder",
    read_calls=read_calls,
    places=Places(_begin, between(re.escape(FUNCTION), FUNCTION_END).end),
    marks=(FUNCTION,),
    templates=((FUNCTION,),),
    tokens=(OPEN, CLOSE),
    servers="verl's qwen3_coder. It reads `null` as null for a string too, drops a text behind the last parameter, "
    "takes the last of two parameters of one name, and runs a function that is not closed; vLLM's also runs a function "
    "without <tool_call>, and reads no Python literals.",
)

SEED = CallFormat(
    name="seed",
    read_calls=partial(read_calls, seed=True),
    places=Places(between(r"<seed:tool_call>\s{0,64}<function=", "").begin, _seed_end),
    marks=(SEED_OPEN,),
    templates=((SEED_OPEN,),),
    tokens=(SEED_OPEN, SEED_CLOSE, "<seed:think>", "</seed:think>"),
    thinking=Thinking("<seed:think>", "</seed:think>", "<seed:cot_budget_reflect>"),
    servers="verl's seed. It needs the block's closing tag, and reads a value that is JSON as JSON even for a string, "
    "and strips it; vLLM's goes by the schema, as we do, and also runs a function that is not closed, a second one in "
    "a block, or one without the tags.",
)
