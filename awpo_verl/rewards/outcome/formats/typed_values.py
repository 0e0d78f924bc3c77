"""Values that a format writes as plain text, read by the type that the tool's schema gives them.

A value stays text if its schema allows a string (but for `null`, where that is allowed too). Otherwise it is read as
its type says: JSON, or, where the server that runs the calls reads that too, a Python literal of a list or a dict. It
stays text if it cannot be read so: the schema check then says what is wrong.
"""

from __future__ import annotations

import re
from typing import Any

from awpo_verl.rewards.bounded_json import MAX_CHARS, read_all, read_float, read_integer
from awpo_verl.rewards.outcome.calls import BadCallError
from awpo_verl.rewards.outcome.formats.literals import read_literal
from awpo_verl.rewards.outcome.schema import ToolSchema, types_of

_POINT = re.compile(r"[-+]?(?:[0-9]{1,100}\.|\.[0-9]{1,100})")  # `5.` and `.5`, which JSON lacks
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "none": None}


def typed_value(value: str, tool: ToolSchema | None, key: str) -> Any:
    """The value of one argument as JSON; text where no type is known."""
    types = types_of(tool.property(key)) if tool is not None else set[str]()
    if not types:
        return value
    word = value.strip().lower()
    if "null" in types and word == "null":
        return None
    if "string" in types:
        return value
    if word in _WORDS:
        return _WORDS[word]
    try:
        if types <= {"integer", "number"} and word.lstrip("+-").isdigit():
            return read_integer(word)
        if "number" in types and types <= {"integer", "number"} and _POINT.fullmatch(word):  # servers use float()
            return read_float(word)
        return read_all(value)
    except (BadCallError, ValueError):
        return value


def typed_or_python_value(value: str, tool: ToolSchema | None, key: str) -> Any:
    """As `typed_value`; a list or a dict may be written as Python does, as verl's tool loop reads qwen3_coder's."""
    read = typed_value(value, tool, key)
    types = types_of(tool.property(key)) if tool is not None else set[str]()
    literal = isinstance(read, str) and types & {"array", "object"} and "string" not in types
    return _python_literal(value) if literal else read


def typed_or_json_value(value: str, tool: ToolSchema | None, key: str) -> Any:
    """As `typed_value`; where no type is known, JSON if the value is JSON, as verl's tool loop reads it."""
    if tool is not None and types_of(tool.property(key)):
        return typed_value(value, tool, key)
    try:
        return read_all(value)
    except BadCallError:
        return value


def _python_literal(value: str) -> Any:
    """A list or a dict, written as Python does; the text where it is neither."""
    if len(value) > MAX_CHARS:
        return value
    try:
        read = read_literal(value)
    except BadCallError:
        return value
    return read if isinstance(read, list | dict) else value
