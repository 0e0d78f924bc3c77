"""docs/results.md's tables of the learning benchmark, and how its goals stand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchmarks.learning import plan
from benchmarks.learning.results import Run, grouped, interval, needed_by_mean
from examples.demo.report import LEVELS

TARGETS = (0.1, 0.25, 0.4)


def all_tables(runs: list[Run]) -> str:
    """Everything, under headings."""
    return "\n\n".join(
        (
            "### Held-out success at the end",
            final_table(runs),
            "### Rollouts until the mean success on hard prompts is ...",
            needed_table(runs),
            "### Dead groups, and those of them that reasoning tells apart",
            dead_table(runs),
            "### The goals",
            goals(runs),
        )
    )


def final_table(runs: list[Run]) -> str:
    """By level; mean over seeds and 95 % bootstrap interval."""
    lines = _header(*LEVELS, "seeds")
    for key, group in grouped(runs).items():
        cells = [_mean([run.success[level][-1] for run in group]) for level in LEVELS]
        lines.append(_row(*key, *cells, str(len(group))))
    return "\n".join(lines)


def needed_table(runs: list[Run]) -> str:
    """Rollouts to set levels on hard prompts, by the mean curve of the seeds."""
    lines = _header(*(f"{target:.2f}" for target in TARGETS))
    for key, group in grouped(runs).items():
        spent = group[0].rollouts[-1]
        lines.append(_row(*key, *(_rollouts(needed_by_mean(group, LEVELS[-1], t), spent) for t in TARGETS)))
    return "\n".join(lines)


def dead_table(runs: list[Run]) -> str:
    """Share of dead groups, in the first and the last quarter of the steps; of those, what was rescued."""
    lines = _header("dead, first steps", "dead, last steps", "rescued of the dead, all steps")
    for key, group in grouped(runs).items():
        cells = []
        for part in (slice(None, 3), slice(-3, None)):
            dead = [float(np.mean(run.steps["awpo/dead_groups_frac"][part])) for run in group]
            cells.append(f"{np.mean(dead):.2f}")
        rescued = [value for run in group for value in run.steps.get("awpo/rescued_groups_frac", ())]
        lines.append(_row(*key, *cells, f"{np.mean(rescued):.2f}" if rescued and key[3] != "grpo" else "-"))
    return "\n".join(lines)


def goals(runs: list[Run]) -> str:
    """The goals, each for the default and for the gate that asks whether reasoning agrees with the outcome."""
    found = grouped(runs)
    measures = {
        "faithful": ("GRPO's final success on hard prompts in half of its rollouts", _faithful),
        "noisy": ("not below GRPO on hard prompts", _noisy),
        "misaligned": ("loses at most half of what the naive mix loses", _misaligned),
    }
    lines = ["| reward | goal | start | trained on | variant | measured |", "|---|---|---|---|---|---|"]
    for start, trained_on, condition, _ in plan.PLAN:
        goal, measure = measures[condition]
        grpo = found.get((start, trained_on, "outcome", "grpo"))
        naive = found.get((start, trained_on, condition, "naive_mix"))
        for variant in ("awpo", "agreement_gate"):
            ours = found.get((start, trained_on, condition, variant))
            if grpo and naive and ours:
                lines.append(_row(condition, goal, start, trained_on, variant, measure(ours, grpo, naive)))
    return "\n".join(lines)


def _faithful(ours: list[Run], grpo: list[Run], naive: list[Run]) -> str:
    ends = float(np.mean([run.success[LEVELS[-1]][-1] for run in grpo]))
    target = max(ends, TARGETS[0])  # where GRPO has learned nothing, any run is there at once
    spent = grpo[0].rollouts[-1]
    took = [_rollouts(needed_by_mean(group, LEVELS[-1], target), spent) for group in (ours, grpo)]
    return f"to {target:.2f} (GRPO ends at {ends:.2f}): {took[0]} rollouts, GRPO {took[1]}"


def _noisy(ours: list[Run], grpo: list[Run], naive: list[Run]) -> str:
    return f"{_gain(ours, grpo, LEVELS[-1])} at the end"


def _misaligned(ours: list[Run], grpo: list[Run], naive: list[Run]) -> str:
    lost = [f"{level}: {_gain(ours, grpo, level)}, naive mix {_gain(naive, grpo, level)}" for level in LEVELS[1:]]
    return "; ".join(lost)


def _gain(ours: Sequence[Run], other: Sequence[Run], level: str) -> str:
    """Difference of the mean final success, paired by seed, with its interval."""
    of_seed = {run.name.seed: run.success[level][-1] for run in other}
    gains = [run.success[level][-1] - of_seed[run.name.seed] for run in ours if run.name.seed in of_seed]
    low, high = interval(gains)
    return f"{np.mean(gains):+.2f} ({low:+.2f} to {high:+.2f})"


def _mean(values: Sequence[float]) -> str:
    low, high = interval(values)
    return f"{np.mean(values):.2f} ({low:.2f} to {high:.2f})"


def _rollouts(needed: tuple[float, float, float], spent: int) -> str:
    said = [f"{value:,.0f}" if math.isfinite(value) else f"> {spent:,}" for value in needed]
    return said[0] if len(set(said)) == 1 else f"{said[0]} ({said[1]} to {said[2]})"


def _header(*columns: str) -> list[str]:
    first = ("start", "trained on", "reward", "variant")
    return [_row(*first, *columns), "|" + "---|" * (len(first) + len(columns))]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
