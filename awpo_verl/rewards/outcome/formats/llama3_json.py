"""Llama 3.1 and 3.2: bare JSON calls, `{"name": "f", "parameters": {"a": 1}}`, several separated by `;` or lines.

A call begins at the start of a line, or after `;`, `<|python_tag|>` or another call. JSON there without a name is
content (at most MAX_CALLS of it). Where JSON is begun and broken, reading ends: the rest cannot be told apart.
"""

from __future__ import annotations

import re

from awpo_verl.rewards.outcome.bounded_json import as_call, read_value, skip_space
from awpo_verl.rewards.outcome.calls import MAX_CALLS, BadCallError, Found
from awpo_verl.rewards.outcome.schema import Tools

TAG = "<|python_tag|>"
_BEGIN = re.compile(r"(?:^|;|<\|python_tag\|>)[ \t]*(?=\{)", re.MULTILINE)


def read(text: str, tools: Tools | None) -> Found:
    found = Found.nothing()
    position, start, others = 0, _next(text, 0), 0
    while start >= 0:
        if found.full() or others == MAX_CALLS:
            found.over()
            break
        found.outside.append(text[position:start])
        try:
            value, end = read_value(text, start)
            if isinstance(value, dict) and "name" in value:
                found.calls.append(as_call(value))
            else:
                others += 1
                found.outside.append(text[start:end])
        except BadCallError as error:
            found.problems.append(str(error))
            return found
        position, after = end, skip_space(text, end)
        start = after if text.startswith("{", after) else _next(text, end)
    found.outside.append(text[position:])
    found.outside = ["".join(found.outside).replace(TAG, "").strip(" \t\n\r;")]
    return found


def _next(text: str, position: int) -> int:
    begin = _BEGIN.search(text, position)
    return begin.end() if begin else -1
