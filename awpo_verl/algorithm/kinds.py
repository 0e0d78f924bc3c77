"""A gate or a difficulty weight by its name: one of ours, or `module:function` of your own."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TypeVar, cast

import torch
from torch import Tensor

from awpo_verl.config import SECTION, AWPOConfigError

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
    module, _, name = kind.partition(":")
    given = f"{SECTION}.{key}={kind} cannot be used:"
    if not name:
        raise AWPOConfigError(f"{given} use one of {', '.join(ours)}, or module:function of your own.")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # a user's module may raise anything while it is imported
        raise AWPOConfigError(
            f"{given} {type(error).__name__}: {error}. Every worker must be able to import it: install the module, or "
            "put its folder on PYTHONPATH before Ray starts."
        ) from error
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
