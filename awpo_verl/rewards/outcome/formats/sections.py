"""Calls in a section, each between two marks: Kimi, and DeepSeek up to V3.1.

The section may end with the text, because servers need only its opening mark. Problems are: a call outside a section, a
call that is not closed, a section without calls, and text between the calls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from awpo_verl.rewards.bounded_json import MAX_CHARS
from awpo_verl.rewards.outcome.calls import BadCallError, Found, ToolCall


@dataclass(frozen=True, slots=True)
class Section:
    """The marks of a section (opening, closing) and of a call in it (call, call_end)."""

    opening: str
    closing: str
    call: str
    call_end: str

    def read_calls(self, text: str, found: Found, read_call: Callable[[str], ToolCall]) -> None:
        """Add the calls of a text, its problems and the text outside the sections to `found`.

        Args:
            read_call: reads the text between the marks of a call, and raises BadCallError.
        """
        position = 0
        while (start := text.find(self.opening, position)) >= 0:
            self._add_outside(text[position:start], found)
            begin = start + len(self.opening)
            end = text.find(self.closing, begin)
            end = len(text) if end < 0 else end
            try:
                self._read_section(text[begin:end], found, read_call)
            except BadCallError as error:
                found.problems.append(str(error))
            position = end + len(self.closing)
        self._add_outside(text[position:], found)

    def _read_section(self, text: str, found: Found, read_call: Callable[[str], ToolCall]) -> None:
        before, *calls = text.split(self.call)
        if before.strip() or not calls:
            raise BadCallError("a section without calls" if not calls else "text between the calls")
        for body in calls:
            if found.full():
                found.over()
                return
            written, closed, after = body.partition(self.call_end)
            try:
                if not closed:
                    raise BadCallError("a call that is never closed")
                if after.strip():
                    raise BadCallError("text between the calls")
                if len(written) > MAX_CHARS:
                    raise BadCallError(f"a call of more than {MAX_CHARS} characters")
                found.calls.append(read_call(written))
            except BadCallError as error:
                found.problems.append(str(error))

    def _add_outside(self, text: str, found: Found) -> None:
        if self.call in text:
            found.problems.append("a call outside of its section")
        found.outside.append(text)
