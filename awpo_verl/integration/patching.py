"""Putting our code around a function of an upstream module."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from awpo_verl.integration.seams import check, find, known
from awpo_verl.versions import SUPPORTED_VERL

FAILURES: list[str] = []  # of pieces that could not be hung on verl in this process
CHANGED: list[str] = []  # seams whose source is not the one that we know


def require_intact() -> None:
    """Raise if a piece is missing in this process: AWPO must not run half.

    Raises:
        RuntimeError: names the pieces and the verl version they are known in.
    """
    if FAILURES:
        raise RuntimeError(
            f"AWPO cannot run: {' '.join(FAILURES)} Install the verl it is written for: "
            f'pip install "verl{SUPPORTED_VERL}".'
        )


def wrap(module: Any, name: str, around: Callable[..., Any]) -> None:
    """Replace `module.name` (or `module.Class.name`) by `around(original, *args, **kwargs)`.

    The replacement is a plain function under the original's module and name, so that Ray can pickle what refers to it
    (a wrapt proxy it cannot).

    Raises:
        AttributeError: the module has no such function, or it does not take what AWPO passes; names the seam and the
            verl version it is known in.
    """
    verdict = check(known(module.__name__, name), module)
    if verdict.state == "broken":
        raise AttributeError(f"awpo_verl's seam {verdict.where}: {verdict.said}")
    if verdict.state == "changed":
        CHANGED.append(f"{verdict.where}: {verdict.said}")
    owner, attribute, original = find(module, name)

    @functools.wraps(original)
    def replacement(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    @functools.wraps(original)
    async def awaited_replacement(*args: Any, **kwargs: Any) -> Any:
        return await around(original, *args, **kwargs)

    # Ray awaits a method of an actor only if it is declared async
    setattr(owner, attribute, awaited_replacement if inspect.iscoroutinefunction(original) else replacement)
