"""Checks of single keys. Each message names the key, what was given, and what to use instead."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NoReturn, cast

SECTION = "algorithm.awpo"


class AWPOConfigError(ValueError):
    """A key of the config has a value that AWPO cannot work with. The message names the key and what to use."""


def refuse(key: str, given: object, wanted: str) -> NoReturn:
    raise AWPOConfigError(f"{SECTION}.{key}={given} is not usable: it must be {wanted}.")


def check_at_least(bound: float, key: str, given: float, why: str = "") -> None:
    if not (math.isfinite(given) and given >= bound):
        refuse(key, given, f"a finite number >= {bound:g}{why}")


def check_positive(key: str, given: float) -> None:
    if not (math.isfinite(given) and given > 0):
        refuse(key, given, "a finite number > 0")


def check_unit(key: str, given: float) -> None:
    if not 0.0 <= given <= 1.0:
        refuse(key, given, "a number in [0, 1]")


def check_interval(key: str, given: object, also: str = "") -> None:
    """Two finite numbers, the lower one first. `also` names what else the key accepts."""
    wanted = f"{also}two finite numbers [low, high] with low < high, for example [0.0, 1.0]"
    if isinstance(given, str) or not isinstance(given, Sequence):
        refuse(key, given, wanted)
    bounds = list(cast(Sequence[object], given))
    for i, bound in enumerate(bounds):
        if isinstance(bound, bool) or not isinstance(bound, int | float):
            refuse(f"{key}[{i}]", bound, "a finite number")
    numbers = [float(cast(float, bound)) for bound in bounds]
    if len(numbers) != 2 or not all(math.isfinite(number) for number in numbers) or numbers[0] >= numbers[1]:
        refuse(key, numbers, wanted)


def check_choice(allowed: Sequence[str], key: str, given: str) -> None:
    if given not in allowed:
        refuse(key, given, f"one of {', '.join(allowed)}")
