"""Calls as ToolACE writes them: `[Market Trends API(trend_type="A", region.id=1), getTime()]`.

This is Python's form except for the names: tool names have blanks, dots, slashes and brackets, argument names have dots
and hyphens. Each name is replaced by a plain name, the list is read like any pythonic list (formats/pythonic.py), and
the names are put back. Arguments without a name take the names of the tool's schema, in its order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from awpo_verl.rewards.outcome.calls import BadCallError, Found, ToolCall
from awpo_verl.rewards.outcome.formats import pythonic
from awpo_verl.rewards.outcome.schema import ToolSchema

MAX_CHARS = 65_536
MAX_NAME_CHARS = 200

_STRING = re.compile(r""""[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'""", re.DOTALL)
_NAME = re.compile(r"[^\[\](){}=,\"'\n]{1,200}")
_KEY = re.compile(rf"\s*([^\[\](){{}}=,\"'\s][^\[\](){{}}=,\"'\n]{{0,{MAX_NAME_CHARS}}}?)\s*=(?!=)")
_BLANKS = re.compile(r"\s*")


def looks_like_calls(text: str, names: Sequence[str]) -> bool:
    """Whether a turn begins like a list of calls."""
    text = text.lstrip()
    if not text.startswith("["):
        return False
    inner = text[1 : MAX_NAME_CHARS + 3].lstrip()
    if any(inner.startswith(f"{name}(") for name in names):
        return True
    match = _NAME.match(inner)
    return match is not None and inner[match.end() : match.end() + 1] == "("


def mentions_calls(text: str, names: Sequence[str]) -> bool:
    """Whether a text contains a call of one of the tools."""
    return any(f"[{name}(" in text or f"\n{name}(" in text for name in names)


def read_calls(text: str, parameters: Mapping[str, Sequence[str]]) -> list[ToolCall]:
    """Read the calls of a turn.

    Args:
        parameters: tool name -> its parameters in the schema's order. These tool names may have brackets; other names
            end at the first bracket.

    Raises:
        BadCallError: the text is not a list of calls, or exceeds a bound.
    """
    text = text.strip()
    if len(text) > MAX_CHARS:
        raise BadCallError(f"a turn of more than {MAX_CHARS} characters")
    plain, tool_names, keys = _with_plain_names(text, sorted(parameters, key=len, reverse=True))
    found = Found()
    tools = {t: _tool(parameters[name]) for t, name in tool_names.items() if name in parameters}
    pythonic.read_calls(plain, tools, found)
    if found.problems or found.outside or not found.calls:
        raise BadCallError(found.problems[0] if found.problems else "not a list of calls")
    calls: list[ToolCall] = []
    for call in found.calls:
        if call.name not in tool_names:
            raise BadCallError(f"a name of more than {MAX_NAME_CHARS} characters")
        name = tool_names[call.name]
        names = keys | {f"p{index}": parameter for index, parameter in enumerate(parameters.get(name, ()))}
        if too_long := call.arguments.keys() - names.keys():
            raise BadCallError(f"an argument's name cannot be read: {min(too_long)[:40]}")
        arguments = {names[key]: value for key, value in call.arguments.items()}
        if len(arguments) != len(call.arguments):
            raise BadCallError("an argument twice")
        calls.append(ToolCall(name, arguments))
    return calls


def _tool(parameters: Sequence[str]) -> ToolSchema:
    """A tool with parameters `p0`, `p1`, ..., which differ from the plain names of arguments (`k0`, `k1`, ...)."""
    return ToolSchema("", {"properties": {f"p{index}": {} for index in range(len(parameters))}})


def _with_plain_names(text: str, names: Sequence[str]) -> tuple[str, dict[str, str], dict[str, str]]:
    """Replace tool names by `t0`, `t1`, ... and argument names by `k0`, `k1`, ...

    Returns:
        The text, the tool names by plain name, and the argument names by plain name. Each occurrence has its own.
    """
    out: list[str] = []
    tools: dict[str, str] = {}
    keys: dict[str, str] = {}
    closing: list[str] = []
    place = 0
    while place < len(text):
        character = text[place]
        if character in "\"'":
            string = _STRING.match(text, place)
            if string is None:  # give up here: trying each later quote would be slow
                raise BadCallError("not a list of calls: a text that is not closed")
            out.append(string[0])
            place = string.end()
            continue
        out.append(character)
        place += 1
        if character in "[({":
            closing.append({"[": "]", "(": ")", "{": "}"}[character])
        elif character in "])}":
            if not closing or closing.pop() != character:
                raise BadCallError("not a list of calls: brackets that do not match")
        elif character != ",":
            continue
        if closing == ["]"] and character in "[,":
            name, place = _tool_name(text, place, names)
            if name:
                tools[f"t{len(tools)}"] = name
                out.append(f"t{len(tools) - 1}")
        elif closing == ["]", ")"] and character in "(,":
            match = _KEY.match(text, place)
            if match:
                keys[f"k{len(keys)}"] = match[1]
                out.append(f"k{len(keys) - 1}=")
                place = match.end()
    return "".join(out), tools, keys


def _tool_name(text: str, place: int, names: Sequence[str]) -> tuple[str, int]:
    """The name of a tool from `place` to its bracket, and the bracket's place; "" if there is no name."""
    blanks = _BLANKS.match(text, place)
    begin = blanks.end() if blanks else place
    for name in names:
        if text.startswith(name, begin):
            after = _BLANKS.match(text, begin + len(name))
            end = after.end() if after else begin + len(name)
            if text[end : end + 1] == "(":
                return name, end
    match = _NAME.match(text, begin)
    if match and text[match.end() : match.end() + 1] == "(":
        return match[0].strip(), match.end()
    return "", place
