"""The sweeps: each knob of `algorithm.awpo` around its default, in two worlds and under three reasoning rewards.

A point is one configuration in one world, trained with every seed. Its figure is the mean over training of the
held-out success on medium and hard prompts, in [0, 1]. It counts how fast and how far a run learns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from awpo_verl.config import parse
from benchmarks.learning.results import interval
from benchmarks.methods import resolved
from benchmarks.simulator.training import Training, train
from benchmarks.simulator.world import CONDITIONS, LEVELS, World

WORLDS = {
    "silent": World(),  # easy and hard prompts: nearly every group has one outcome
    "live": World(levels=("medium", "hard")),  # half of the groups have both
}
NONE = {"difficulty": {"kind": "none"}, "clip": {"shrink": 0.0}}
METHODS: dict[str, dict[str, Any]] = {
    "grpo": {"gate": {"kind": "none"}, **NONE},
    "naive_mix": {"gate": {"kind": "fixed", "value": 1.0}, **NONE},
    "awpo": {},
    "high_d_min": {"difficulty": {"d_min": 0.5}},
    "agreement_gate": {"gate": {"kind": "agreement"}},
}
GATES: dict[str, dict[str, Any]] = {
    "variance_ratio": {},
    "agreement": {"kind": "agreement"},
    "hard": {"kind": "hard"},
    "none": {"kind": "none"},
    **{f"fixed {value}": {"kind": "fixed", "value": value} for value in (0.25, 0.5, 0.75, 1.0)},
}
SILENT = World(levels=("hard",))
FINE = 0.02  # jitter of a fine-grained judge, which the std floor is for


@dataclass(frozen=True)
class Point:
    """One configuration. sweep: the knob. x: its value or name. config: keys of `algorithm.awpo`."""

    sweep: str
    x: str | float
    world_name: str
    world: World
    config: dict[str, Any]

    def key(self, training: Training, seeds: int) -> dict[str, Any]:
        """All settings that decide the result."""
        return asdict(self) | {"config": resolved(self.config), "training": asdict(training), "seeds": seeds}


def points() -> Iterator[Point]:
    """All points of all sweeps."""
    for name, base in WORLDS.items():
        for condition in CONDITIONS:
            world = replace(base, condition=condition)
            for method, config in METHODS.items():
                yield Point("method", method, name, world, config)
            for kind, gate in GATES.items():
                yield Point("gate.kind", kind, name, world, {"gate": gate})
            for weight in (0.1, 0.25, 0.5, 1.0, 2.0, 4.0):
                yield Point("reasoning_weight", weight, name, world, {"reasoning_weight": weight})
            for d_min in (0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5):
                yield Point("difficulty.d_min", d_min, name, world, {"difficulty": {"d_min": d_min}})
            for d_max in (0.2, 0.5, 1.0, 1.5, 3.0, 5.0):
                yield Point("difficulty.d_max", d_max, name, world, {"difficulty": {"d_max": d_max}})
            for shrink in (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0):
                yield Point("clip.shrink", shrink, name, world, {"clip": {"shrink": shrink}})
            for floor in (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5):
                fine = replace(world, jitter=FINE)
                yield Point("reasoning_std_floor", floor, name, fine, {"reasoning_std_floor": floor})
        for method, config in METHODS.items():
            for accuracy in (0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9, 1.0):
                world = replace(base, condition="noisy", accuracy=accuracy)
                yield Point(f"judge accuracy, {method}", accuracy, name, world, config)
            for rollouts in (2, 4, 8, 16, 32):
                world = replace(base, rollouts=rollouts, prompts=base.prompts * base.rollouts // rollouts)
                yield Point(f"group size, {method}", rollouts, name, world, config)
    for method, config in METHODS.items():
        for complete in (0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001, 0.00003):
            yield Point(f"start, {method}", complete, "hard", replace(SILENT, complete=complete), config)


def measure(point: Point, training: Training, seeds: int) -> dict[str, Any]:
    """Train the point. Returns the figure, its 95 % bootstrap interval over seeds, and the final success by level."""
    curve = train(point.world, parse(point.config), training, seeds)
    figure = _figure(curve).tolist()
    low, high = interval(figure)
    final = {level: round(float(curve[-1, :, i].mean()), 4) for i, level in enumerate(LEVELS)}
    mean = sum(figure) / len(figure)
    return {"mean": round(mean, 4), "low": round(low, 4), "high": round(high, 4), "final": final}


def _figure(curve: Tensor) -> Tensor:
    """The figure of each run. curve: [steps + 1, S, levels]. Returns [S]."""
    harder = [i for i, level in enumerate(LEVELS) if level != "easy"]
    return torch.mean(curve[:, :, harder], dim=(0, 2))
