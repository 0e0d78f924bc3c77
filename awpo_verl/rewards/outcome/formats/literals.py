r"""Read Python and JSON literals from a model, within bounds.

A literal is a string (on one line, with Python's escapes and the prefixes r and u; adjacent strings are joined), an
integer, a float, True/true, False/false, None/null, a list, a tuple (read as a list) or a dict with string keys. Names
and expressions (`x`, `1+2`) are not literals and raise BadCallError.

We do not use Python's own parser: on hostile text it can take exponential time or exhaust the C stack. This parser is
linear, and reads at most MAX_TOKENS tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from awpo_verl.rewards.bounded_json import MAX_DEPTH, read_float, read_integer
from awpo_verl.rewards.outcome.calls import BadCallError

MAX_TOKENS = 4_096

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
CONSTANTS: dict[str, Any] = {"True": True, "true": True, "False": False, "false": False, "None": None, "null": None}
_CLOSING = {"[": "]", "(": ")"}

Token = tuple[str | None, str]  # kind (string, number, name, mark; None at the end) and text


def read_literal(text: str) -> Any:
    """Read a literal that fills the whole text, apart from white space.

    Raises:
        BadCallError: the text is not a literal.
    """
    tokens = Tokens(tokenize(text))
    value = tokens.read_value(1)
    if not tokens.at_end():
        raise BadCallError("not a literal: text after it")
    return value


def tokenize(text: str, start: int = 0) -> list[Token]:
    """All tokens from `start` on.

    Raises:
        BadCallError: the text contains something that is not a token, or more than MAX_TOKENS tokens.
    """
    return [token for token, _ in _tokens(text, start)]


def tokenize_bracket(text: str, start: int = 0) -> tuple[list[Token], int]:
    """The tokens from the first bracket to the bracket that closes it, and the place where that one ends.

    Raises:
        BadCallError: see `tokenize`; or the text ends first.
    """
    tokens: list[Token] = []
    depth = 0
    for token, end in _tokens(text, start):
        tokens.append(token)
        kind, mark = token
        if kind == "mark":
            if mark in "[({":
                depth += 1
            elif mark in "])}":
                depth -= 1
                if not depth:
                    return tokens, end
    raise BadCallError("not a list of calls: cut off")


def _tokens(text: str, start: int) -> Iterator[tuple[Token, int]]:
    """Yield the tokens, each with the place where it ends."""
    # The pattern leaves no gaps: at every place but the end it matches a token or "other".
    for count, match in enumerate(_TOKEN.finditer(text, start), 1):
        kind = match.lastgroup
        token = match[kind or 0]
        if kind == "other":
            raise BadCallError(f"not a list of calls: {token!r} is not a literal")
        yield (kind, token), match.end()
        if count == MAX_TOKENS:
            raise BadCallError(f"more than {MAX_TOKENS} tokens")


class Tokens:
    """A stream of tokens. `kind` and `token` are the next one; kind is None at the end."""

    def __init__(self, tokens: list[Token]) -> None:
        self._rest = iter(tokens)
        self.kind: str | None = None
        self.token = ""
        self.next()

    def at_end(self) -> bool:
        return self.kind is None

    def next(self) -> Token:
        """Take a token. At the end, take an empty one."""
        taken = self.kind, self.token
        self.kind, self.token = next(self._rest, (None, ""))
        return taken

    def take(self, mark: str) -> bool:
        """Take this mark if it comes next. No other kind of token looks like a mark."""
        if self.token == mark:
            self.kind, self.token = next(self._rest, (None, ""))
            return True
        return False

    def need(self, mark: str) -> None:
        if not self.take(mark):
            raise BadCallError(f"not a list of calls: {mark!r} expected")

    def read_value(self, depth: int) -> Any:
        """Read the next literal, at this depth of nesting."""
        if depth > MAX_DEPTH:
            raise BadCallError(f"nested deeper than {MAX_DEPTH}")
        kind, token = self.next()
        if kind == "string":
            parts = [_string(token)]
            while self.kind == "string":
                parts.append(_string(self.next()[1]))
            return "".join(parts)
        if kind == "number":
            return _number(token)
        if kind == "name":
            if token not in CONSTANTS:
                raise BadCallError("a value that is not a literal")
            return CONSTANTS[token]
        if token in _CLOSING:
            return self._read_items(token, depth)
        if token == "{":
            return self._read_dict(depth)
        raise BadCallError("not a list of calls: a value expected")

    def _read_items(self, opening: str, depth: int) -> Any:
        """Read a list or a tuple. A single value in parentheses is that value."""
        closing = _CLOSING[opening]
        items: list[Any] = []
        comma = False
        while not self.take(closing):
            items.append(self.read_value(depth + 1))
            comma = self.take(",")
            if not comma:
                self.need(closing)
                break
        return items[0] if opening == "(" and len(items) == 1 and not comma else items

    def _read_dict(self, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not self.take("}"):
            key = self.read_value(depth + 1)
            if not isinstance(key, str) or key in result:
                raise BadCallError("a dict key that is not a string, or twice")
            self.need(":")
            result[key] = self.read_value(depth + 1)
            if not self.take(","):
                self.need("}")
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
        raise BadCallError("an escape that is not a character")
    return chr(code)
