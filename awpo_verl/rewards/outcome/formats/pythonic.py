r"""Pythonic (Llama 3.2 and 4, ToolACE): `[f(a=1), g(b=[2])]`, with literals only (literals.py).

The list must be the whole text, apart from white space, `<|python_start|>`, `<|python_end|>` and `<|python_tag|>`
around it. vLLM does not execute a list inside prose, so such a list is content. Positional arguments take the schema's
order of properties. Names and expressions as values (`a=x`, `a=1+2`) are not literals: they are problems.
"""

from __future__ import annotations

import re
from typing import Any

from awpo_verl.rewards.outcome.calls import BadCallError, Found, ToolCall
from awpo_verl.rewards.outcome.formats.call_format import CallFormat, Places
from awpo_verl.rewards.outcome.formats.literals import CONSTANTS, Tokens, tokenize_bracket
from awpo_verl.rewards.outcome.schema import ToolSchemas

TAGS = ("<|python_start|>", "<|python_end|>", "<|python_tag|>")

_NAME = r"[A-Za-z_][\w.]{0,1023}"
_BEGIN = re.compile(rf"\[[ \t\n\r]*{_NAME}[ \t]*\(")
_FIRST = re.compile(rf"(?:[ \t\n\r]|<\|python_(?:start|end|tag)\|>)*(?=\[[ \t\n\r]*{_NAME}[ \t]*\()")


def read_calls(text: str, tools: ToolSchemas | None, found: Found) -> None:
    text = _without_tags(text)
    if _BEGIN.match(text) is None:
        found.outside.append(text)
        return
    try:
        tokens, end = tokenize_bracket(text)
        _read_list(Tokens(tokens), tools, found)
        if end != len(text):
            raise BadCallError("not a list of calls: text after it")
    except BadCallError as error:
        found.problems.append(str(error))


def _without_tags(text: str) -> str:
    """The text without white space around it, and without up to two tags on either side."""
    text = text.strip()
    for _ in range(2):
        for tag in TAGS:
            text = text.removeprefix(tag).removesuffix(tag).strip()
    return text


def _begin(text: str, position: int) -> int:
    """The place of a list that the text from `position` on begins with, else -1. Elsewhere, a list is prose."""
    first = _FIRST.match(text, position)
    return -1 if first is None else first.end()


def _end(text: str, start: int) -> int:
    try:
        return tokenize_bracket(text, start)[1]
    except BadCallError:
        return len(text)


def _read_list(tokens: Tokens, tools: ToolSchemas | None, found: Found) -> None:
    tokens.need("[")
    while not tokens.take("]"):
        if found.full():
            raise BadCallError("more calls than are read")
        found.calls.append(read_call(tokens, tools))
        if not tokens.take(","):
            tokens.need("]")
            return


def read_call(tokens: Tokens, tools: ToolSchemas | None) -> ToolCall:
    """Read one call, such as `f(a=1)`.

    Raises:
        BadCallError: the tokens are not a call.
    """
    kind, name = tokens.next()
    if kind != "name":
        raise BadCallError("not a list of calls: a function name expected")
    tokens.need("(")
    positional: list[Any] = []
    arguments: dict[str, Any] = {}
    while not tokens.take(")"):
        if tokens.kind == "name" and tokens.token not in CONSTANTS:
            key = tokens.next()[1]
            tokens.need("=")
            if key in arguments:
                raise BadCallError("an argument twice")
            arguments[key] = tokens.read_value(1)
        elif arguments:
            raise BadCallError("a positional argument after a named one")
        else:
            positional.append(tokens.read_value(1))
        if not tokens.take(","):
            tokens.need(")")
            break
    if positional:
        named = _named(name, positional, tools)
        if named.keys() & arguments.keys():
            raise BadCallError("an argument twice")
        arguments = named | arguments
    return ToolCall(name, arguments)


def _named(name: str, positional: list[Any], tools: ToolSchemas | None) -> dict[str, Any]:
    tool = tools.get(name) if tools else None
    if tool is None:
        raise BadCallError("positional arguments of a tool without a schema")
    if len(positional) > len(tool.order):
        raise BadCallError("more positional arguments than the tool has")
    return dict(zip(tool.order, positional, strict=False))


PYTHONIC = CallFormat(
    name="pythonic",
    read_calls=read_calls,
    places=Places(_begin, _end, at_front=True),
    templates=(("[func_name1(",), ("[func1(",)),
    tokens=TAGS,
    servers="vLLM's pythonic and llama4_pythonic. They drop names with points, positional arguments, a list with white "
    "space in front of it or of its first call, and all calls of a list in which one is broken. SGLang's allows white "
    "space, as we do, and reads a list inside of prose. verl has no parser for it.",
)
