"""Draw docs/learning_*.png: held-out success over rollouts, the mean of the seeds with its 95 % bootstrap interval."""

from __future__ import annotations

from pathlib import Path

from benchmarks.learning import plan
from benchmarks.learning.results import Run, grouped, interval
from benchmarks.plots import Panel, Series, save
from examples.demo.report import LEVELS

TITLES = {
    ("never", "hard", "faithful"): "faithful judge",
    ("never", "hard", "noisy"): "noisy judge",
    ("never", "easy+hard", "misaligned"): "misaligned judge, easy+hard",
    ("rare", "hard", "faithful"): "faithful judge, rare start",
    ("rare", "hard", "misaligned"): "misaligned judge, rare start",
}
ABLATIONS = ("awpo", "no_gate", "no_difficulty", "high_d_min", "no_clip_shrink")
ABLATED = (("never", "hard", "faithful"), ("never", "hard", "noisy"), ("rare", "hard", "misaligned"))


def draw(runs: list[Run], folder: Path) -> None:
    """Write learning_methods.png and learning_ablations.png from the runs that exist."""
    methods = [panel for place in TITLES for panel in _place(runs, place, plan.METHODS)]
    ablations = [panel for place in ABLATED for panel in _place(runs, place, ABLATIONS)]
    for name, panels in {"methods": methods, "ablations": ablations}.items():
        if panels:
            save(folder / f"learning_{name}.png", panels, len(LEVELS) - 1)


def _place(runs: list[Run], place: tuple[str, str, str], variants: tuple[str, ...]) -> list[Panel]:
    """Panels of medium and hard prompts for one training set and judge; empty if nothing ran."""
    start, trained_on, condition = place
    found = grouped(runs)
    lines = {}
    for variant in variants:
        group = found.get((start, trained_on, "outcome" if variant == "grpo" else condition, variant))
        if group:
            lines[variant] = group
    return [
        Panel(
            f"{TITLES[place]}: {level} prompts",
            [_series(group, variant, level, plan.MAIN.index(variant)) for variant, group in lines.items()],
            x_label="rollouts",
            y_label="held-out success",
            limits=(-0.02, 1.02),
        )
        for level in LEVELS[1:]
        if lines
    ]


def _series(group: list[Run], label: str, level: str, look: int) -> Series:
    columns = list(zip(*(run.success[level] for run in group), strict=True))
    mean = [sum(values) / len(values) for values in columns]
    low, high = zip(*(interval(values) for values in columns), strict=True)
    return Series(label, group[0].rollouts, mean, low, high, look)
