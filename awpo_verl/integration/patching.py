"""Putting our code around a function of an upstream module."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def wrap(module: Any, name: str, around: Callable[..., Any]) -> None:
    """Replace `module.name` (or `module.Class.name`) by `around(original, *args, **kwargs)`.

    The replacement is a plain function under the original's module and name, so that Ray can pickle what refers to it
    (a wrapt proxy it cannot).

    Raises:
        AttributeError: the module has no such function; names it.
    """
    owner_name, _, attribute = name.rpartition(".")
    owner = getattr(module, owner_name) if owner_name else module
    original = getattr(owner, attribute)

    @functools.wraps(original)
    def replacement(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    setattr(owner, attribute, replacement)
