"""A gate or a difficulty weight by its name: one of ours, or `module:function` of your own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, cast

import torch
from torch import Tensor

from awpo_verl.config import SECTION, AWPOConfigError
from awpo_verl.config.import_path import is_own, load_own

Kind = TypeVar("Kind")


def find(ours: Mapping[str, Kind], key: str, kind: str) -> Kind:
    """The function of this name.

    Args:
        ours: those of the package, by name.
        key: of the config, for the error.
        kind: one of `ours`, or `module:function`, which is imported.

    Raises:
        AWPOConfigError: it is neither; names the key and what to use.
    """
    if kind in ours:
        return ours[kind]
    given = f"{SECTION}.{key}={kind} cannot be used:"
    if not is_own(kind):
        raise AWPOConfigError(f"{given} use one of {', '.join(ours)}, or module:function of your own.")
    found = load_own(key, kind)
    if not callable(found):
        raise AWPOConfigError(f"{given} it is a {type(found).__name__}, and must be a function.")
    return cast(Kind, found)


def within(key: str, kind: str, values: object, like: Tensor, high: float) -> Tensor:
    """What a kind has returned, checked: one finite number in [0, high] for each group, in the dtype of `like`.

    Raises:
        ValueError: it is something else; names the key, the kind and the first wrong number.
    """
    told = f"{SECTION}.{key}={kind} must return a tensor [{len(like)}] of numbers in [0, {high:g}], one for each group;"
    if not isinstance(values, Tensor):
        raise ValueError(f"{told} it returned a {type(values).__name__}.")
    if values.shape != like.shape:
        raise ValueError(f"{told} it returned {tuple(values.shape)}.")
    values = values.to(like)
    wrong = ~(torch.isfinite(values) & (values >= 0) & (values <= high))
    if wrong.any():
        raise ValueError(f"{told} it returned {values[wrong][0].item():g} for a group.")
    return values
