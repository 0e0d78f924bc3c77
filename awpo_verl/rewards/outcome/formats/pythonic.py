r"""Pythonic (Llama 3.2 and 4, ToolACE): `[f(a=1), g(b=[2])]`, with literals only.

The list is all of the text, but for white space, `<|python_start|>`, `<|python_end|>` and `<|python_tag|>` around it: a
list inside of prose is not executed by servers, so it is content. Values are Python or JSON literals: strings (prefixes
r, u and escapes as in Python; neighbours are joined; on one line), integers, floats, True/true, False/false, None/null,
lists, tuples (read as lists), dicts with string keys. Positional arguments take the schema's order of properties. Names
and expressions as values (`a=x`, `a=1+2`) are no literals: a problem.

Python's own parser is not used: on hostile text it can take exponential time or exhaust the C stack. This one is
linear, and reads at most MAX_TOKENS tokens of a response.
"""

from __future__ import annotations

import re
from typing import Any

from awpo_verl.rewards.outcome.bounded_json import MAX_DEPTH, read_float, read_integer
from awpo_verl.rewards.outcome.calls import BadCallError, Found, ToolCall
from awpo_verl.rewards.outcome.schema import Tools

MAX_TOKENS = 4_096
TAGS = ("<|python_start|>", "<|python_end|>", "<|python_tag|>")

_BEGIN = re.compile(r"\[[ \t\n\r]*[A-Za-z_][\w.]*[ \t]*\(")
_TOKEN = re.compile(
    r"""[ \t\n\r]*(?:
      (?P<string>[rRuU]?(?:"[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'))
    | (?P<number>[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)(?!\w)
    | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    | (?P<mark>[\[\](){},=:])
    | (?P<other>\S)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{1,3}|\n|.)", re.DOTALL)
_ESCAPES = {"\n": "", "\\": "\\", "'": "'", '"': '"'} | dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_CONSTANTS: dict[str, Any] = {"True": True, "true": True, "False": False, "false": False, "None": None, "null": None}
_CLOSING = {"[": "]", "(": ")"}


def read(text: str, tools: Tools | None, found: Found) -> None:
    for tag in TAGS:
        text = text.replace(tag, "")
    text = text.strip()
    if _BEGIN.match(text) is None:
        found.outside.append(text)
        return
    try:
        tokens, end = _tokenize(text)
        _read_calls(_Tokens(tokens), tools, found)
        if end != len(text):
            raise BadCallError("not a list of calls: text after it")
    except BadCallError as error:
        found.problems.append(str(error))


def _tokenize(text: str) -> tuple[list[tuple[str | None, str]], int]:
    """The tokens, as (kind, text), from the first bracket to the one that closes it, and where that is.

    Raises:
        BadCallError: the text ends first, there is something that is no token, or MAX_TOKENS are not enough.
    """
    tokens: list[tuple[str | None, str]] = []
    depth = 0
    for match in _TOKEN.finditer(text):  # without gaps: a token, or "other", is anywhere but at the end
        kind = match.lastgroup
        token = match[kind or 0]
        tokens.append((kind, token))
        if kind == "mark":
            if token in "[({":
                depth += 1
            elif token in "])}":
                depth -= 1
                if not depth:
                    return tokens, match.end()
        elif kind == "other":
            raise BadCallError(f"not a list of calls: {token!r} is no literal")
        if len(tokens) == MAX_TOKENS:
            raise BadCallError(f"more than {MAX_TOKENS} tokens")
    raise BadCallError("not a list of calls: cut off")


class _Tokens:
    """Tokens, taken one by one."""

    def __init__(self, tokens: list[tuple[str | None, str]]) -> None:
        self._rest = iter(tokens)
        self.kind: str | None = None
        self.token = ""
        self.next()

    def next(self) -> tuple[str | None, str]:
        """Take a token; at the end there are only empty ones."""
        taken = self.kind, self.token
        self.kind, self.token = next(self._rest, (None, ""))
        return taken

    def take(self, mark: str) -> bool:
        """Take this mark if it comes next (no other kind of token looks like one)."""
        if self.token == mark:
            self.kind, self.token = next(self._rest, (None, ""))
            return True
        return False

    def need(self, mark: str) -> None:
        if not self.take(mark):
            raise BadCallError(f"not a list of calls: {mark!r} expected")


def _read_calls(tokens: _Tokens, tools: Tools | None, found: Found) -> None:
    tokens.need("[")
    while not tokens.take("]"):
        if found.full():
            raise BadCallError("more calls than are read")
        found.calls.append(_read_call(tokens, tools))
        if not tokens.take(","):
            tokens.need("]")
            return


def _read_call(tokens: _Tokens, tools: Tools | None) -> ToolCall:
    kind, name = tokens.next()
    if kind != "name":
        raise BadCallError("not a list of calls: a function name expected")
    tokens.need("(")
    positional: list[Any] = []
    arguments: dict[str, Any] = {}
    while not tokens.take(")"):
        if tokens.kind == "name" and tokens.token not in _CONSTANTS:
            key = tokens.next()[1]
            tokens.need("=")
            if key in arguments:
                raise BadCallError("an argument twice")
            arguments[key] = _read_value(tokens, 1)
        elif arguments:
            raise BadCallError("a positional argument after a named one")
        else:
            positional.append(_read_value(tokens, 1))
        if not tokens.take(","):
            tokens.need(")")
            break
    if positional:
        named = _named(name, positional, tools)
        if named.keys() & arguments.keys():
            raise BadCallError("an argument twice")
        arguments = named | arguments
    return ToolCall(name, arguments)


def _named(name: str, positional: list[Any], tools: Tools | None) -> dict[str, Any]:
    tool = tools.get(name) if tools else None
    if tool is None:
        raise BadCallError("positional arguments of a tool without a schema")
    if len(positional) > len(tool.order):
        raise BadCallError("more positional arguments than the tool has")
    return dict(zip(tool.order, positional, strict=False))


def _read_value(tokens: _Tokens, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise BadCallError(f"nested deeper than {MAX_DEPTH}")
    kind, token = tokens.next()
    if kind == "string":
        parts = [_string(token)]
        while tokens.kind == "string":
            parts.append(_string(tokens.next()[1]))
        return "".join(parts)
    if kind == "number":
        return _number(token)
    if kind == "name":
        if token not in _CONSTANTS:
            raise BadCallError("a value that is no literal")
        return _CONSTANTS[token]
    if token in _CLOSING:
        return _read_items(tokens, token, depth)
    if token == "{":
        return _read_dict(tokens, depth)
    raise BadCallError("not a list of calls: a value expected")


def _read_items(tokens: _Tokens, opening: str, depth: int) -> Any:
    """A list or a tuple; a single value in parentheses is the value."""
    closing = _CLOSING[opening]
    items: list[Any] = []
    comma = False
    while not tokens.take(closing):
        items.append(_read_value(tokens, depth + 1))
        comma = tokens.take(",")
        if not comma:
            tokens.need(closing)
            break
    return items[0] if opening == "(" and len(items) == 1 and not comma else items


def _read_dict(tokens: _Tokens, depth: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    while not tokens.take("}"):
        key = _read_value(tokens, depth + 1)
        if not isinstance(key, str) or key in result:
            raise BadCallError("a dict key that is no string, or twice")
        tokens.need(":")
        result[key] = _read_value(tokens, depth + 1)
        if not tokens.take(","):
            tokens.need("}")
            break
    return result


def _number(token: str) -> int | float:
    digits = token.lstrip("+-")
    if digits.isdigit():
        if digits[0] == "0" and digits.strip("0"):
            raise BadCallError("an integer with a leading zero")
        return read_integer(token)
    return read_float(token)


def _string(token: str) -> str:
    raw = token[0] in "rR"
    body = token.lstrip("rRuU")[1:-1]
    return body if raw or "\\" not in body else _ESCAPE.sub(_unescape, body)


def _unescape(match: re.Match[str]) -> str:
    escape = match[1]
    if escape[0] in "xuU" and len(escape) > 1:
        code = int(escape[1:], 16)
    elif escape[0] in "01234567":
        code = int(escape, 8)
    else:
        return _ESCAPES.get(escape, match[0])
    if code > 0x10FFFF:
        raise BadCallError("an escape that is no character")
    return chr(code)
