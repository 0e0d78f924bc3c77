"""Draw the sweeps as pictures and print them as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from awpo_verl.config import AWPOConfig
from benchmarks.plots import Panel, Series, save
from benchmarks.simulator.sweeps import METHODS, WORLDS
from benchmarks.simulator.world import CONDITIONS

Record = dict[str, Any]
FIGURE = "mean success in training"
DEFAULT = AWPOConfig()
KNOBS: dict[str, float | str] = {  # knob -> its default
    "gate.kind": DEFAULT.gate.kind,
    "reasoning_weight": DEFAULT.reasoning_weight,
    "difficulty.d_min": DEFAULT.difficulty.d_min,
    "difficulty.d_max": DEFAULT.difficulty.d_max,
    "clip.shrink": DEFAULT.clip.shrink,
    "reasoning_std_floor": DEFAULT.reasoning_std_floor,
}
LIMITS = {  # panels: world, sweep, what x is, its scale
    "silent: judge accuracy": ("silent", "judge accuracy", "share of right verdicts", "linear"),
    "live: judge accuracy": ("live", "judge accuracy", "share of right verdicts", "linear"),
    "silent: group size": ("silent", "group size", "rollouts of a prompt (96 a step)", "symlog"),
    "live: group size": ("live", "group size", "rollouts of a prompt (96 a step)", "symlog"),
    "hard prompts only: how silent": ("hard", "start", "all steps are written at first", "log"),
}


def tables(records: Sequence[Record]) -> str:
    """One table for each sweep (the methods, then each knob) and each world."""
    swept = [sweep for sweep in ("method", *KNOBS) if _of(records, sweep)]
    return "\n\n".join(_table(records, sweep, world) for sweep in swept for world in WORLDS)


def _table(records: Sequence[Record], sweep: str, world: str) -> str:
    rows: dict[str | float, dict[str, str]] = {}
    for record in _of(records, sweep):
        point, result = record["point"], record["result"]
        if point["world_name"] == world:
            cell = f"{result['mean']:.3f} ({result['low']:.3f} to {result['high']:.3f})"
            rows.setdefault(point["x"], {})[point["world"]["condition"]] = cell
    lines = [f"| {sweep}, {world} world | {' | '.join(CONDITIONS)} |", f"|---|{'---|' * len(CONDITIONS)}"]
    for x, cells in rows.items():
        name = f"**{x}**" if x == KNOBS.get(sweep) else str(x)
        lines.append(f"| {name} | {' | '.join(cells.get(condition, '') for condition in CONDITIONS)} |")
    return "\n".join(lines)


def draw(records: Sequence[Record], folder: Path) -> None:
    """Write simulator_knobs.png and simulator_limits.png, if their sweeps have been run."""
    knobs = [_knob(records, world, knob) for world in WORLDS for knob in KNOBS]
    if all(panel.series for panel in knobs):
        save(folder / "simulator_knobs.png", knobs, 3)
    limits = [_limit(records, title) for title in LIMITS]
    if all(panel.series for panel in limits):
        save(folder / "simulator_limits.png", limits, 3)


def _knob(records: Sequence[Record], world: str, knob: str) -> Panel:
    here = [r for r in records if r["point"]["world_name"] == world]
    series = [
        _series(condition, [r for r in _of(here, knob) if r["point"]["world"]["condition"] == condition], look)
        for look, condition in enumerate(CONDITIONS)
    ]
    grpo = [r["result"]["mean"] for r in _of(here, "method") if r["point"]["x"] == "grpo"]
    return Panel(
        f"{world}: {knob}",
        [s for s in series if s.x],
        y_label=FIGURE,
        x_scale="symlog",
        limits=(0.0, 1.0),
        marked=KNOBS[knob],
        level=(grpo[0], "GRPO") if grpo else None,
    )


def _limit(records: Sequence[Record], title: str) -> Panel:
    world, sweep, x_label, x_scale = LIMITS[title]
    here = [r for r in records if r["point"]["world_name"] == world]
    series = [_series(method, _of(here, f"{sweep}, {method}"), look) for look, method in enumerate(METHODS)]
    return Panel(title, [s for s in series if s.x], x_label=x_label, y_label=FIGURE, x_scale=x_scale, limits=(0.0, 1.0))


def _of(records: Iterable[Record], sweep: str) -> list[Record]:
    return [r for r in records if r["point"]["sweep"] == sweep]


def _series(label: str, records: Sequence[Record], look: int) -> Series:
    results = [r["result"] for r in records]
    y, low, high = ([result[key] for result in results] for key in ("mean", "low", "high"))
    return Series(label, [r["point"]["x"] for r in records], y, low, high, look)
