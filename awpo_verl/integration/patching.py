"""Wrap or replace a function of an upstream module. Only what stands in the table of seams (seams.py)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from awpo_verl.integration.check_seams import find_function, find_signature_problem
from awpo_verl.integration.seams import get_seam
from awpo_verl.versions import SUPPORTED_VERL

FAILURES: list[str] = []  # the seams that could not be put in place in this process


def require_all_seams() -> None:
    """AWPO must not run without a part of itself.

    Raises:
        RuntimeError: a seam could not be put in place in this process; names it and the verl version to install.
    """
    if FAILURES:
        raise RuntimeError(
            f"AWPO cannot run: {' '.join(FAILURES)} Install the verl it is written for: "
            f'pip install "verl{SUPPORTED_VERL}".'
        )


def wrap(module: Any, name: str, around: Callable[..., Any]) -> None:
    """Replace `module.name` (or `module.Class.name`) by `around(original, *args, **kwargs)`.

    The replacement is a plain function with the module and the name of the original, because Ray must be able to pickle
    what refers to it. (It cannot pickle a wrapt proxy.)

    Raises:
        LookupError: the function is not in SEAMS.
        AttributeError: the function does not exist, or does not take what AWPO passes.
    """
    _require_signature(module, name)
    owner, attribute, original = find_function(module, name)

    @functools.wraps(original)
    def replacement(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    @functools.wraps(original)
    async def awaited_replacement(*args: Any, **kwargs: Any) -> Any:
        return await around(original, *args, **kwargs)

    # Ray awaits a method of an actor only if it is declared async
    setattr(owner, attribute, awaited_replacement if inspect.iscoroutinefunction(original) else replacement)


def replace(module: Any, name: str, value: Any) -> None:
    """Set `module.name` to a value of ours. Raises as `wrap`."""
    _require_signature(module, name)
    setattr(module, name, value)


def bind_arguments(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> inspect.BoundArguments:
    """A call's arguments by name. Change `.arguments`, then call with `*.args, **.kwargs`.

    Without defaults: Ray gives the methods of its actors a parameter in their signature that they do not take.

    Raises:
        TypeError: the function cannot be called like this.
    """
    return inspect.signature(function).bind(*args, **kwargs)


def read_arguments(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call by the names of the function's parameters, with its defaults.

    Raises:
        TypeError: the function cannot be called like this.

    >>> read_arguments(lambda data, gamma=1.0: None, ["rows"], {})
    {'data': 'rows', 'gamma': 1.0}
    """
    bound = bind_arguments(function, args, kwargs)
    bound.apply_defaults()
    return bound.arguments


def _require_signature(module: Any, name: str) -> None:
    seam = get_seam(module.__name__, name)
    problem = find_signature_problem(seam, module)
    if problem:
        raise AttributeError(f"awpo_verl's seam {seam.full_name}: {problem}")
