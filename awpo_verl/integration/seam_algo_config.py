"""Seam of verl's algorithm dataclass (verl 0.9.1, trainer/config/algorithm.py): AlgoConfig accepts `awpo`.

verl makes an AlgoConfig of `config.algorithm`, where the section `awpo` would be an unknown argument. The section
becomes an attribute, which `AlgoConfig.get("awpo")` finds. Without the section nothing is set.
"""

from __future__ import annotations

from typing import Any

from awpo_verl.integration.keys import AWPO
from awpo_verl.integration.patching import wrap


def install(module: Any) -> None:
    """Wrap AlgoConfig.__init__."""
    wrap(module, "AlgoConfig.__init__", _initialize)


def _initialize(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
    if AWPO not in kwargs:
        return original(self, *args, **kwargs)
    section = kwargs.pop(AWPO)
    original(self, *args, **kwargs)
    object.__setattr__(self, AWPO, section)
    return None
