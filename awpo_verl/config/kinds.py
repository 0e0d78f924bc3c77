"""Kinds: the functions among which a key such as `gate.kind` chooses.

Each mechanism has one table of its kinds, beside their functions (awpo_verl/algorithm/gate.py, difficulty.py). What the
config accepts, which keys a kind reads, the messages and docs/configuration.md come from that table.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Generic, TypeVar

from awpo_verl.config.bounds import SECTION, AWPOConfigError, refuse
from awpo_verl.config.import_path import is_import_path

Function = TypeVar("Function", bound=Callable[..., object], covariant=True)


@dataclass
class KindConfig:
    """A section that chooses a kind. Its other keys are numbers that some of the kinds read."""

    kind: str


@dataclass(frozen=True)
class Kind(Generic[Function]):
    """One kind: its function, and the keys of its section that the function reads."""

    function: Function
    reads: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """The first paragraph of the function's docstring, on one line."""
        return " ".join(inspect.cleandoc(self.function.__doc__ or "").partition("\n\n")[0].split())


Kinds = Mapping[str, Kind[Function]]


def check_kind(kinds: Kinds[Callable[..., object]], section: str, given: KindConfig) -> None:
    """Check the name of the kind, and that it reads each key that differs from its default.

    A function of the user's own (`module:function`) may read every key. It is imported where it is used.

    Args:
        kinds: the table of the section.
        section: "gate" or "difficulty", for the message.
        given: the section.

    Raises:
        AWPOConfigError: the name is unknown, or a key has no effect with this kind.
    """
    if is_import_path(given.kind):
        return
    if given.kind not in kinds:
        refuse(f"{section}.kind", given.kind, f"one of {', '.join(kinds)}, or module:function of your own")
    for key, value in changed_keys(given).items():
        if key not in kinds[given.kind].reads:
            readers = " or ".join(name for name, kind in kinds.items() if key in kind.reads)
            default = getattr(type(given), key)
            raise AWPOConfigError(
                f"{SECTION}.{section}.{key}={value} has no effect with {SECTION}.{section}.kind={given.kind}: "
                f"set {SECTION}.{section}.kind={readers} too, or leave {section}.{key} at its default ({default})."
            )


def show_kind(kinds: Kinds[Callable[..., object]], given: KindConfig) -> str:
    """The kind with the values that it reads, for logs: `fixed(value=0.5)`. A user's own function by its name alone."""
    reads = kinds[given.kind].reads if given.kind in kinds else ()
    values = ", ".join(f"{key}={getattr(given, key):g}" for key in reads)
    return f"{given.kind}({values})" if values else given.kind


def changed_keys(given: KindConfig) -> dict[str, object]:
    """The keys beside `kind` that differ from their defaults, with their values."""
    keys = [field.name for field in fields(given) if field.name != "kind"]
    return {key: getattr(given, key) for key in keys if getattr(given, key) != getattr(type(given), key)}
