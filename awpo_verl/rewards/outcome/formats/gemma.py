"""Gemma 4 and FunctionGemma: a name and an object in their own notation, with marks as quotes.

Gemma 4:        <|tool_call>call:f{a:1,b:[<|"|>x<|"|>],c:{d:true}}<tool_call|>
FunctionGemma:  <start_function_call>call:f{a:1,b:<escape>x<escape>}<end_function_call>

A value is a quoted string, an object, a list, a number, true, false or null. Any other bare text is a string. Keys are
bare or quoted.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from awpo_verl.rewards.bounded_json import MAX_CHARS, MAX_DEPTH, read_all
from awpo_verl.rewards.outcome.calls import BadCallError, Found, ToolCall
from awpo_verl.rewards.outcome.formats.call_format import CallFormat, Places, Thinking
from awpo_verl.rewards.outcome.schema import ToolSchemas

_NAME = re.compile(r"call:([\w.\-]{1,256})\{")
_BARE = re.compile(r"[^,\]\}\[\{]*")
_KEY = re.compile(r"[^:,\[\]{}<>\s]{1,256}")
_SPACE = re.compile(r"[ \t\n\r]*")
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "none": None}


def read_calls(text: str, tools: ToolSchemas | None, found: Found, *, opening: str, closing: str, quote: str) -> None:
    position = 0
    while (start := text.find(opening, position)) >= 0:
        found.outside.append(text[position:start])
        if found.full():
            found.over()
            return
        end = _end(text, start + len(opening), closing, quote)
        if end < 0:
            found.problems.append("a call that is never closed")
            return
        try:
            found.calls.append(_CallReader(text[start + len(opening) : end], quote).read_call())
        except BadCallError as error:
            found.problems.append(str(error))
        position = end + len(closing)
    found.outside.append(text[position:])


def _end(text: str, start: int, closing: str, quote: str) -> int:
    """The place of a call's closing mark outside its strings; -1 if there is none."""
    end = text.find(closing, start)
    while end >= 0 and text.count(quote, start, end) % 2:
        start = text.find(quote, end)  # the string that holds the mark ends here
        if start < 0:
            return -1
        start += len(quote)
        end = text.find(closing, start)
    return end


class _CallReader:
    """Reads the text of one call, between its marks."""

    def __init__(self, text: str, quote: str) -> None:
        if len(text) > MAX_CHARS:
            raise BadCallError(f"a call of more than {MAX_CHARS} characters")
        self.text, self.quote, self.position = text, quote, 0

    def read_call(self) -> ToolCall:
        name = _NAME.match(self.text.lstrip())
        if name is None:
            raise BadCallError("a call that is not call:NAME{...}")
        self.position = len(self.text) - len(self.text.lstrip()) + name.end()
        arguments = self.read_members(1)
        if self.text[self.position :].strip():
            raise BadCallError("text after the call")
        return ToolCall(name[1], arguments)

    def read_members(self, depth: int) -> dict[str, Any]:
        """Read the members of an object, up to its closing brace."""
        result: dict[str, Any] = {}
        while not self.take("}"):
            key = self.read_key()
            if not self.take(":"):
                raise BadCallError("a key without a value")
            if key in result:
                raise BadCallError("a key twice in one object")
            result[key] = self.read_value(depth + 1)
            if not self.take(","):
                self.need("}")
                break
        return result

    def read_items(self, depth: int) -> list[Any]:
        """Read the items of a list, up to its closing bracket."""
        result: list[Any] = []
        while not self.take("]"):
            result.append(self.read_value(depth + 1))
            if not self.take(","):
                self.need("]")
                break
        return result

    def read_key(self) -> str:
        if self.take(self.quote):
            return self.read_quoted()
        self.skip_space()
        bare = _KEY.match(self.text, self.position)
        if bare is None:
            raise BadCallError("a key that cannot be read")
        self.position = bare.end()
        return bare[0]

    def read_value(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise BadCallError(f"nested deeper than {MAX_DEPTH}")
        if self.take(self.quote):
            return self.read_quoted()
        if self.take("{"):
            return self.read_members(depth)
        if self.take("["):
            return self.read_items(depth)
        bare = _BARE.match(self.text, self.position)
        written = bare[0].strip() if bare else ""
        if not written:
            raise BadCallError("an argument without a value")
        self.position += len(bare[0]) if bare else 0
        return _bare_value(written)

    def read_quoted(self) -> str:
        """Read a string whose opening quote is taken."""
        end = self.text.find(self.quote, self.position)
        if end < 0:
            raise BadCallError("a string that is never closed")
        value = self.text[self.position : end]
        self.position = end + len(self.quote)
        return value

    def take(self, mark: str) -> bool:
        """Skip white space, then take this mark if it comes next."""
        self.skip_space()
        if not self.text.startswith(mark, self.position):
            return False
        self.position += len(mark)
        return True

    def skip_space(self) -> None:
        space = _SPACE.match(self.text, self.position)
        self.position = space.end() if space else self.position

    def need(self, mark: str) -> None:
        if not self.take(mark):
            raise BadCallError(f"{mark!r} expected")


def _bare_value(written: str) -> Any:
    word = written.lower()
    if word in _WORDS:
        return _WORDS[word]
    if word[0] in "-0123456789":
        try:
            return read_all(written)
        except BadCallError:
            return written
    return written


def _format(
    name: str, opening: str, closing: str, quote: str, tokens: tuple[str, ...], thinking: Thinking, servers: str
) -> CallFormat:
    marks = {"opening": opening, "closing": closing, "quote": quote}

    def end(text: str, start: int) -> int:
        place = _end(text, start + len(opening), closing, quote)
        return len(text) if place < 0 else place + len(closing)

    return CallFormat(
        name=name,
        read_calls=partial(read_calls, **marks),
        places=Places(lambda text, position: text.find(opening, position), end),
        marks=(opening,),
        templates=((opening,),),
        tokens=(opening, closing, quote, *tokens),
        thinking=thinking,
        servers=servers,
    )


GEMMA4 = _format(
    "gemma4",
    "<|tool_call>",
    "<tool_call|>",
    '<|"|>',
    ("<|channel>", "<channel|>"),
    Thinking("<|channel>", "<channel|>", "thought"),
    "vLLM's gemma4. It also runs a call that is not closed, ends one at a mark in a string, reads a quoted number as a "
    "number where the schema wants one, and keeps a bare number as text where no schema types it. verl's reads flat "
    "arguments on one line only (a list or an object is torn), and names without points and hyphens.",
)
FUNCTIONGEMMA = _format(
    "functiongemma",
    "<start_function_call>",
    "<end_function_call>",
    "<escape>",
    (),
    Thinking(),
    "The model's template. vLLM's functiongemma drops values without <escape>, reads quoted numbers as numbers, and "
    "runs a call that is not closed; verl has no parser for it.",
)
