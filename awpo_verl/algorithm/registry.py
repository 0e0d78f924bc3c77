"""From the name of a kind to its numbers: a function of ours, or `module:function` of the user's own.

The result of either is checked: one finite number for each group.

N = groups (prompts).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypeVar, cast

import torch
from torch import Tensor

from awpo_verl.algorithm.spread import Spread
from awpo_verl.config import SECTION, AWPOConfigError
from awpo_verl.config.import_path import is_import_path, load_object
from awpo_verl.config.kinds import Function, KindConfig, Kinds

Section = TypeVar("Section", bound=KindConfig)


def compute_kind(
    kinds: Kinds[Callable[[Spread, Section], Tensor]], name: str, spread: Spread, section: Section, highest: float
) -> Tensor:
    """The numbers that the chosen kind gives the groups.

    Args:
        kinds: the table of the section.
        name: "gate" or "difficulty", the section's name, for the message.
        spread: the statistics of N groups.
        section: the section, with its `kind`.
        highest: the largest number that is allowed.

    Returns:
        float64 [N], each in [0, highest].

    Raises:
        AWPOConfigError: the kind is unknown or cannot be imported.
        ValueError: the kind returns something else.
    """
    values = find_function(kinds, name, section.kind)(spread, section)
    return _check_values(f"{SECTION}.{name}.kind={section.kind}", values, spread.std_out, highest)


def find_function(kinds: Kinds[Function], name: str, kind: str) -> Function:
    """The function of a kind.

    Args:
        kinds: the table of the section.
        name: "gate" or "difficulty", the section's name, for the message.
        kind: a name in the table, or `module:function`, which is imported.

    Raises:
        AWPOConfigError: it is neither; names the key and what to use.
    """
    if kind in kinds:
        return kinds[kind].function
    given = f"{SECTION}.{name}.kind={kind} cannot be used:"
    if not is_import_path(kind):
        raise AWPOConfigError(f"{given} use one of {', '.join(kinds)}, or module:function of your own.")
    found = load_object(f"{name}.kind", kind)
    if not callable(found):
        raise AWPOConfigError(f"{given} it is a {type(found).__name__}, and must be a function.")
    try:
        inspect.signature(found).bind(None, None)
    except TypeError:
        raise AWPOConfigError(
            f"{given} it must take two arguments, (spread, config), and takes {inspect.signature(found)}."
        ) from None
    except ValueError:  # a function of C without a signature
        pass
    return cast(Function, found)


def _check_values(given: str, values: object, like: Tensor, highest: float) -> Tensor:
    """What a kind has returned, in the dtype of `like`, float64 [N]."""
    needed = f"{given} must return a tensor [{len(like)}] of numbers in [0, {highest:g}], one for each group;"
    if not isinstance(values, Tensor):
        raise ValueError(f"{needed} it returned a {type(values).__name__}.")
    if values.shape != like.shape:
        raise ValueError(f"{needed} it returned {tuple(values.shape)}.")
    values = values.to(like)
    wrong = ~(torch.isfinite(values) & (values >= 0) & (values <= highest))
    if wrong.any():
        raise ValueError(f"{needed} it returned {values[wrong][0].item():g} for a group.")
    return values
