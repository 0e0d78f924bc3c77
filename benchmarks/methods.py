"""What tells one method from another, for benchmarks that keep their results by it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from awpo_verl.config import parse


def resolved(section: Any) -> dict[str, Any]:
    """The keys of `algorithm.awpo` that make advantages and clip scale, defaults filled in.

    With another default it is another method, and what was measured of the old one is not taken for it.
    """
    config = asdict(parse(section))
    return {key: config[key] for key in ("reasoning_weight", "reasoning_std_floor", "gate", "difficulty", "clip")}
