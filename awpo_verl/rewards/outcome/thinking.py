"""Split the thinking of a turn from the rest, with calls in mind.

- A call inside the thinking is a thought, not a call. But verl's tool loop reads the whole turn and runs it, so in an
  answered turn it is a problem (parse.py).
- A mark of thinking inside a whole call is part of the call, in the thinking too: `{"text": "a </think> b"}` is a
  value.
- Thinking begins where the prompt has opened it, or with its opening mark at the start of a line. Elsewhere the mark
  is text.
- If thinking is never closed, the output was cut off, and nothing after its opening counts.

The work is linear in the text: each place is searched once.
"""

from __future__ import annotations

import re
from functools import lru_cache

from awpo_verl.rewards.outcome.calls import MAX_CALLS, Found
from awpo_verl.rewards.outcome.formats.call_format import CallFormat, Split, Thinking


def split_thinking(text: str, format: CallFormat, opened: bool | None) -> Split:
    """Split the thinking of one turn from the rest.

    Args:
        text: what the model wrote in this turn.
        opened: whether the prompt has opened the thinking. None = unknown: then it has if there is a closing mark
            outside of all calls, and no opening mark before it.
    """
    if format.split is not None or format.thinking is None:
        return format.split(text) if format.split is not None else Split(None, False, [text])
    marks = format.thinking
    if opened is not True and marks.opening not in text and marks.closing not in text:
        return Split(None, False, [text])
    return _Splitter(text, marks, format).split(opened)


@lru_cache(maxsize=64)
def _at_line_start(opening: str) -> re.Pattern[str]:
    return re.compile(rf"^[ \t]*{re.escape(opening)}", re.MULTILINE)


class _Splitter:
    """Splits one text. `find_call` and `find_opening` remember their last result, so no place is searched twice."""

    def __init__(self, text: str, marks: Thinking, format: CallFormat) -> None:
        self.text, self.marks, self.format, self.places = text, marks, format, format.places
        self.tries = MAX_CALLS  # how many calls may be read to see whether they are whole
        self.call_from, self.call = -1, -1  # `call` is where the first call from `call_from` on begins, -1 without one
        self.opening: re.Match[str] | None = None
        self.opening_from = -1  # `opening` is the first one from here on

    def find_call(self, position: int) -> int:
        none = self.call < 0 and not self.places.at_front
        known = self.call_from >= 0 and (none or self.call >= position)
        if not known:
            self.call_from, self.call = position, self.places.begin(self.text, position)
        return self.call

    def find_opening(self, position: int) -> re.Match[str] | None:
        known = self.opening_from >= 0 and (self.opening is None or self.opening.start() >= position)
        if not known:
            self.opening = _at_line_start(self.marks.opening).search(self.text, position)
            self.opening_from = position
        return self.opening

    def split(self, opened: bool | None) -> Split:
        text, closing = self.text, self.marks.closing
        thoughts: list[str] = []
        outside: list[str] = []
        position = 0
        end = self._find_closing(0) if opened else self._closed_without_opening() if opened is None else -1
        if opened and end < 0:
            return Split(None, True, [])
        if end >= 0:
            thoughts.append(self._thought(0, end))
            position = end + len(closing)
        while (start := self._next_thinking(position)) is not None:
            outside.append(text[position : start.start()])
            end = self._find_closing(start.end())
            if end < 0:
                return Split("\n".join(thoughts) if thoughts else None, True, outside)
            thoughts.append(self._thought(start.end(), end))
            position = end + len(closing)
        outside.append(text[position:])
        return Split("\n".join(thoughts) if thoughts else None, False, outside)

    def _next_thinking(self, position: int) -> re.Match[str] | None:
        """The next opening mark at the start of a line that is not part of a call."""
        while (start := self.find_opening(position)) is not None:
            call = self.find_call(position)
            if not 0 <= call <= start.start():
                return start
            position = max(self.places.end(self.text, call), call + 1)
        return None

    def _closed_without_opening(self) -> int:
        """Where the thinking ends that the prompt has opened; -1 = the prompt has not opened any."""
        end = self._find_closing(0)
        self.call_from = -1  # the next search begins at the front again
        opening = self._next_thinking(0) if end >= 0 else None
        self.call_from = self.opening_from = -1
        return -1 if opening is not None and opening.start() < end else end

    def _find_closing(self, position: int) -> int:
        """The next closing mark that is not part of a whole call; -1 = there is none."""
        end = self.text.find(self.marks.closing, position)
        while end >= 0:
            call = self.find_call(position)
            if not 0 <= call < end:
                break
            stop = self.places.end(self.text, call)
            position = max(stop, call + 1)
            if stop > end:
                if not self._is_call(call, stop):  # a thought that begins a call and does not finish it can be closed
                    break
                end = self.text.find(self.marks.closing, position)
        return end

    def _is_call(self, begin: int, end: int) -> bool:
        """Whether the text between two places is a call that parses."""
        self.tries -= 1
        if self.tries < 0:
            return False
        found = Found()
        self.format.read_calls(self.text[begin:end], None, found)
        return bool(found.calls) and not found.problems

    def _thought(self, start: int, end: int) -> str:
        """The thinking between two places, without the rest of its opening mark."""
        thought = self.text[start:end]
        opening, header = self.marks.opening, self.marks.header
        if start == 0 and thought.lstrip().startswith(
            opening
        ):  # the prompt has opened it, and the model has repeated the mark
            thought = thought.lstrip().removeprefix(opening)
        if header and thought.startswith(header):
            thought = thought.removeprefix(header)
        return thought
