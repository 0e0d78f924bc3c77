"""A row's ground truth, read: the one place that knows its JSON text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

OURS = ("tool_calls", "trajectory")  # a ground truth with one of these keys is checked here; others are somebody else's


def as_object(ground_truth: Any) -> Mapping[str, Any] | None:
    """The ground truth as an object; None for another form (a number, a text of somebody's own).

    Args:
        ground_truth: an object, or its JSON text (cached, for the rollouts of a prompt share it: not to be changed).

    Raises:
        ValueError: a text that mentions a key of ours and begins like an object is broken, or has a key twice.
    """
    if isinstance(ground_truth, str):
        return _read(ground_truth)
    return ground_truth if isinstance(ground_truth, Mapping) else None


@lru_cache(maxsize=256)
def _read(text: str) -> Mapping[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        return json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        if any(f'"{key}"' in text for key in OURS):
            raise ValueError(f"a ground truth with our keys is broken JSON: {error}: {text[:200]!r}.") from None
        return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return result
