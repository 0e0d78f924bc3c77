"""Blocks of `<invoke name="f">` with `<parameter name="a">` inside: DeepSeek V3.2 and V4, and MiniMax M2.

<BLOCK>
<invoke name="f">
<parameter name="a">1</parameter>
</invoke>
</BLOCK>

Problems are: a block, an invoke or a parameter that is not closed, and text between them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from awpo_verl.rewards.bounded_json import MAX_CHARS
from awpo_verl.rewards.outcome.calls import BadCallError, Found, ToolCall

# (text of a value, further attributes of its tag, tool name, argument name) -> the value
ReadValue = Callable[[str, str, str, str], Any]


@dataclass(frozen=True)
class TaggedParameters:
    """The marks of one format.

    Attributes:
        opening, closing: the marks of a block.
        prefix: the text before `invoke` and `parameter` in their tags: "" or DeepSeek's mark.
        attributes: a pattern for the text after a parameter's name.
    """

    opening: str
    closing: str
    prefix: str = ""
    attributes: str = ""

    def read_calls(self, text: str, found: Found, read_value: ReadValue) -> None:
        """Add the calls of a text, its problems and the text outside the blocks to `found`."""
        position = 0
        while (start := text.find(self.opening, position)) >= 0:
            self._add_outside(text[position:start], found)
            begin = start + len(self.opening)
            end = text.find(self.closing, begin)
            if end < 0:
                found.problems.append("a call that is never closed")
                return
            try:
                self._read_block(text[begin:end], found, read_value)
            except BadCallError as error:
                found.problems.append(str(error))
            position = end + len(self.closing)
        self._add_outside(text[position:], found)

    def _read_block(self, block: str, found: Found, read_value: ReadValue) -> None:
        before, *calls = block.split(f"<{self.prefix}invoke")
        if before.strip() or not calls:
            raise BadCallError("text between the calls" if calls else "a block without calls")
        for body in calls:
            if found.full():
                found.over()
                return
            try:
                if len(body) > MAX_CHARS:
                    raise BadCallError(f"a call of more than {MAX_CHARS} characters")
                found.calls.append(self._read_call(body, read_value))
            except BadCallError as error:
                found.problems.append(str(error))

    def _read_call(self, body: str, read_value: ReadValue) -> ToolCall:
        written, closed, after = body.partition(f"</{self.prefix}invoke>")
        name = self._name.match(written)
        if not closed or after.strip():
            raise BadCallError("text between the calls" if closed else "a call that is never closed")
        if name is None:
            raise BadCallError("a call without a name")
        arguments: dict[str, Any] = {}
        position = name.end()
        while (tag := self._parameter.match(written, position)) is not None:
            end = written.find(f"</{self.prefix}parameter>", tag.end())
            value = written[tag.end() : end]
            if end < 0 or self._inner_mark.search(value):
                raise BadCallError("a parameter that is never closed")
            if tag["name"] in arguments:
                raise BadCallError("a parameter twice")
            arguments[tag["name"]] = read_value(value, tag["attributes"] or "", name["name"], tag["name"])
            position = end + len(f"</{self.prefix}parameter>")
        if written[position:].strip():
            raise BadCallError("text between the parameters")
        return ToolCall(name["name"], arguments)

    def _add_outside(self, text: str, found: Found) -> None:
        if f"<{self.prefix}invoke" in text:
            found.problems.append("a call outside of its block")
        found.outside.append(text)

    @property
    def _name(self) -> re.Pattern[str]:
        return re.compile(r' name="(?P<name>[^"<>]{1,256})">')

    @property
    def _parameter(self) -> re.Pattern[str]:
        return re.compile(
            rf'\s*<{self.prefix}parameter\s{{1,64}}name="(?P<name>[^"<>]{{1,256}})"(?P<attributes>{self.attributes})>'
        )

    @property
    def _inner_mark(self) -> re.Pattern[str]:
        return re.compile(rf"</?{self.prefix}(?:parameter|invoke)\b")
