"""JSON values: their type, and how values that are nearly JSON become JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

# One level is checked by type; what lies deeper is JSON too.
Json: TypeAlias = "dict[str, Any] | list[Any] | str | int | float | bool | None"


def to_plain(value: Any) -> Json:
    """Replace arrays and numpy scalars, which parquet makes of lists and numbers, by plain Python values."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return {key: to_plain(item) for key, item in fields.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in cast("Sequence[Any]", value)]
    return value


def show_json(value: Any) -> str:
    """A value as JSON, for a reader; a text unchanged.

    A value that JSON cannot hold is shown by `str`, and a key that JSON cannot hold is left out.
    """
    if isinstance(value, str):
        return value
    return json.dumps(to_plain(value), ensure_ascii=False, default=str, skipkeys=True)


def has_null(value: Json) -> bool:
    """Whether an object holds a null, at any depth."""
    if isinstance(value, dict):
        return any(item is None or has_null(item) for item in value.values())
    return isinstance(value, list) and any(has_null(item) for item in value)
