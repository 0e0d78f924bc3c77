"""Read JSON from a model within bounds: the standard library's C scanner, with hooks that refuse hostile text.

It refuses with BadCallError: nesting over MAX_DEPTH, integers over MAX_DIGITS digits, NaN, Infinity and floats that
overflow, an object with a key twice (readers disagree on which one counts), more than MAX_CHARS characters.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from awpo_verl.rewards.json_values import Json
from awpo_verl.rewards.outcome.calls import BadCallError, ToolCall

MAX_CHARS = 65_536  # text of one call
MAX_DEPTH = 32  # nesting of one call
MAX_DIGITS = 100  # of an integer

_BLANKS = " \t\n\r"
_SPACE = re.compile(rf"[{_BLANKS}]*")


def read_value(text: str, start: int = 0) -> tuple[Any, int]:
    """Read the JSON value that begins at `start`, after white space: (value, where it ends).

    Raises:
        BadCallError: there is no JSON, or it is over a bound.
    """
    start = skip_space(text, start)
    try:
        value, end = _DECODER.raw_decode(text, start)
    except BadCallError:
        raise
    except RecursionError:
        raise BadCallError("nested too deeply") from None
    except ValueError as error:
        raise BadCallError(f"not JSON: {getattr(error, 'msg', 'bad number')}") from None
    if end - start > MAX_CHARS:
        raise BadCallError(f"a call of more than {MAX_CHARS} characters")
    # the cheap test first: so few brackets cannot nest too deeply
    if text.count("{", start, end) + text.count("[", start, end) > MAX_DEPTH:
        check_depth(value)
    return value, end


def read_all(text: str) -> Any:
    """Read a text that is one JSON value, with white space around it. Raises BadCallError."""
    text = text.strip(_BLANKS)
    value, end = read_value(text)
    if end != len(text):
        raise BadCallError("not JSON: text after the value")
    return value


def read_arguments(text: str) -> dict[str, Any]:
    """Read the arguments of a call: a text that is one JSON object. Raises BadCallError."""
    arguments: Json = read_all(text)
    if not isinstance(arguments, dict):
        raise BadCallError(f"arguments must be an object, got {json_type(arguments)}")
    return arguments


def skip_space(text: str, start: int) -> int:
    """The index of the first character from `start` on that is not JSON white space."""
    if text[start : start + 1] not in _BLANKS:  # the commonest case
        return start
    match = _SPACE.match(text, start)
    return match.end() if match else start


def check_depth(value: Json, limit: int = MAX_DEPTH) -> None:
    """Raise BadCallError if lists and objects nest deeper than `limit`."""
    if nests_deeper(value, limit):
        raise BadCallError(f"nested deeper than {limit}")


def nests_deeper(value: Json, limit: int) -> bool:
    """Whether lists and objects nest deeper than `limit` (at least 1). No recursion."""
    level: list[Json] = [value]
    for _ in range(limit):
        inner: list[Json] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        level = [item for item in inner if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def read_integer(digits: str) -> int:
    """Read an integer of at most MAX_DIGITS digits. Raises BadCallError."""
    if len(digits) > MAX_DIGITS:
        raise BadCallError(f"an integer of more than {MAX_DIGITS} digits")
    return int(digits)


def read_float(digits: str) -> float:
    """Read a finite float. Raises BadCallError."""
    value = float(digits)
    if not math.isfinite(value):
        raise BadCallError("a number too large for a float")
    return value


def as_call(value: Json, keys: tuple[str, ...] = ("arguments",)) -> ToolCall:
    """Read `{"name": str, "arguments": {...}}` as a ToolCall. It ignores other keys, as servers do.

    Args:
        value: JSON.
        keys: the keys that may hold the arguments; exactly one of them must be there.

    Raises:
        BadCallError: anything else.
    """
    if not isinstance(value, dict):
        raise BadCallError(f"a call must be a JSON object, got {json_type(value)}")
    name: Json = value.get("name")
    if not isinstance(name, str) or not name:
        raise BadCallError("a call without a name")
    given = [key for key in keys if key in value]
    if len(given) != 1:
        raise BadCallError(f"both {' and '.join(given)}" if given else f"a call without {' or '.join(keys)}")
    arguments: Json = value[given[0]]
    if not isinstance(arguments, dict):
        raise BadCallError(f"{given[0]} must be an object, got {json_type(arguments)}")
    return ToolCall(name, dict(arguments))


def as_call_of_data(value: Json) -> ToolCall:
    """Read a call as data sets and ToolRL's models write it. It accepts more than `as_call`.

    `parameters` may replace `arguments`. The arguments may be the JSON text of an object, and may be missing.

    Raises:
        BadCallError: anything else.
    """
    keys = ("arguments", "parameters")
    if not isinstance(value, dict):
        return as_call(value, keys)
    given = dict(value)
    for key in keys:
        if isinstance(given.get(key), str):
            given[key] = read_all(given[key])
    if not any(key in given for key in keys):
        given["arguments"] = {}
    return as_call(given, keys)


def json_type(value: object) -> str:
    """The name of a value's JSON type, for messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names: dict[type, str] = {
        str: "string",
        int: "integer",
        float: "number",
        list: "array",
        tuple: "array",
        dict: "object",
    }
    return names.get(type(value), type(value).__name__)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise BadCallError("a key twice in one object")
    return result


def _constant(name: str) -> Any:
    raise BadCallError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=read_integer, parse_float=read_float, parse_constant=_constant
)
