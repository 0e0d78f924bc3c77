"""Identify a method by its resolved config keys, for benchmarks that keep results by method."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from awpo_verl.config import parse


def resolved(section: Any) -> dict[str, Any]:
    """The keys of `algorithm.awpo` that determine advantages and clip scale, with defaults filled in.

    After a change of a default, results of the old method do not match the new one.
    """
    config = asdict(parse(section))
    return {key: config[key] for key in ("reasoning_weight", "reasoning_std_floor", "gate", "difficulty", "clip")}
