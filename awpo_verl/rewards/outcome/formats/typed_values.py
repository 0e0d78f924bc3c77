"""Read values that a format writes as plain text, by the type in the tool's schema.

A value stays text if its schema allows a string; only `null` becomes null where the schema allows that too. Otherwise
the value is read as JSON, or as a Python list or dict if the server reads those too. A value that cannot be read stays
text, and the schema check then reports the problem.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from awpo_verl.rewards.bounded_json import MAX_CHARS, read_all, read_float, read_integer
from awpo_verl.rewards.outcome.calls import BadCallError
from awpo_verl.rewards.outcome.formats.literals import read_literal
from awpo_verl.rewards.outcome.schema import ToolSchema, types_of

# (text of a value, tool, argument name) -> the value
ReadTyped = Callable[[str, ToolSchema | None, str], Any]

_POINT = re.compile(r"[-+]?(?:[0-9]{1,100}\.|\.[0-9]{1,100})")  # `5.` and `.5`, which are not JSON
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "none": None}


def typed_value(value: str, tool: ToolSchema | None, key: str) -> Any:
    """The value of one argument as JSON; text if its type is unknown."""
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
    """Like `typed_value`, but also reads a list or a dict in Python's notation, as verl does for qwen3_coder."""
    typed = typed_value(value, tool, key)
    types = types_of(tool.property(key)) if tool is not None else set[str]()
    try_literal = isinstance(typed, str) and types & {"array", "object"} and "string" not in types
    return _python_literal(value) if try_literal else typed


def typed_or_json_value(value: str, tool: ToolSchema | None, key: str) -> Any:
    """Like `typed_value`, but a value of unknown type is read as JSON if it is JSON, as in verl's tool loop."""
    if tool is not None and types_of(tool.property(key)):
        return typed_value(value, tool, key)
    try:
        return read_all(value)
    except BadCallError:
        return value


def _python_literal(value: str) -> Any:
    """A list or a dict in Python's notation; the text if it is neither."""
    if len(value) > MAX_CHARS:
        return value
    try:
        literal = read_literal(value)
    except BadCallError:
        return value
    return literal if type(literal) in (list, dict) else value
