"""The share of a real step that the advantage and the update took, from a run's metrics.jsonl (verl's timing_s/*)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

PARTS = ("adv", "update_actor", "step")


@dataclass(frozen=True)
class Share:
    """One run, named by its folder: mean seconds over `steps` steps, without the first, which warms up."""

    run: str
    steps: int
    adv: float
    update_actor: float
    step: float


def read(path: Path) -> Share:
    """Read the file of verl's file logger: a line per step, {"step": n, "data": {...}}.

    Raises:
        ValueError: fewer than two steps with timing_s/adv, timing_s/update_actor and timing_s/step.
    """
    lines = [json.loads(line)["data"] for line in path.read_text().splitlines() if line.strip()]
    wanted = [[data[f"timing_s/{part}"] for part in PARTS] for data in lines if f"timing_s/{PARTS[0]}" in data]
    if len(wanted) < 2:
        keys = ", ".join(f"timing_s/{part}" for part in PARTS)
        raise ValueError(f"{path} has {len(wanted)} steps with {keys}; at least two are needed, as the first warms up.")
    means = [sum(column) / len(column) for column in zip(*wanted[1:], strict=True)]
    return Share(path.parent.name, len(wanted) - 1, *means)
