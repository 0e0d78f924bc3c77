"""The tables of benchmarks/learning/README.md: success, rollouts needed, silent groups, and the goals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.learning import plan
from benchmarks.learning.results import Run, grouped, interval, needed_by_mean
from examples.demo.report import LEVELS

TARGETS = (0.1, 0.25, 0.4)


def all_tables(runs: list[Run]) -> str:
    """All tables, each under a heading."""
    return "\n\n".join(
        (
            "### Held-out success at the end",
            final_table(runs),
            "### Rollouts until the mean success on hard prompts reaches a target",
            needed_table(runs),
            "### Silent groups, and the share of them that reasoning rescues",
            silent_table(runs),
            "### The goals",
            goals(runs),
        )
    )


def final_table(runs: list[Run]) -> str:
    """Held-out success by level: the mean over seeds and its 95 % bootstrap interval."""

    def cells(group: list[Run]) -> list[str]:
        return [*(_mean([run.success[level][-1] for run in group]) for level in LEVELS), str(len(group))]

    return _by_place(runs, (*LEVELS, "seeds"), cells)


def needed_table(runs: list[Run]) -> str:
    """Rollouts that the mean curve of the seeds needs to reach each of TARGETS on hard prompts."""

    def cells(group: list[Run]) -> list[str]:
        spent = group[0].rollouts[-1]
        return [_rollouts(needed_by_mean(group, LEVELS[-1], target), spent) for target in TARGETS]

    return _by_place(runs, [f"{target:.2f}" for target in TARGETS], cells)


def silent_table(runs: list[Run]) -> str:
    """Share of silent groups in the first and the last quarter of the steps, and the rescued share of them."""

    def cells(group: list[Run]) -> list[str]:
        parts = (slice(None, 3), slice(-3, None))
        silent = [np.mean([np.mean(run.steps["awpo/dead_groups_frac"][part]) for run in group]) for part in parts]
        rescued = [value for run in group for value in run.steps.get("awpo/rescued_groups_frac", ())]
        shown = f"{np.mean(rescued):.2f}" if rescued and group[0].name.variant != "grpo" else "-"
        return [*(f"{share:.2f}" for share in silent), shown]

    return _by_place(runs, ("silent, first steps", "silent, last steps", "rescued, all steps"), cells)


def _by_place(runs: list[Run], columns: Sequence[str], cells: Callable[[list[Run]], list[str]]) -> str:
    """One table per start and training set, with a row per reward and variant."""
    places: dict[tuple[str, str], list[str]] = {}
    for (start, trained_on, reward, variant), group in grouped(runs).items():
        places.setdefault((start, trained_on), []).append(_row(reward, variant, *cells(group)))
    return "\n\n".join(
        f"Start `{start}`, trained on `{trained_on}`:\n\n" + "\n".join([*_header("reward", "variant", *columns), *rows])
        for (start, trained_on), rows in places.items()
    )


def goals(runs: list[Run]) -> str:
    """One table per goal, with rows for the default and the agreement gate. A goal without runs is left out."""
    found = grouped(runs)
    rows: dict[str, list[str]] = {condition: [] for condition in GOALS}
    for start, trained_on, condition, _ in plan.PLAN:
        grpo = found.get((start, trained_on, "outcome", "grpo"))
        naive = found.get((start, trained_on, condition, "naive_mix"))
        for variant in ("awpo", "agreement_gate"):
            ours = found.get((start, trained_on, condition, variant))
            if grpo and naive and ours:
                measured = GOALS[condition].measure(ours, grpo, naive)
                rows[condition] += [_row(start, trained_on, variant, *cells) for cells in measured]
    tables = [
        f"{goal.text}\n\n" + "\n".join([*_header("start", "trained on", "variant", *goal.columns), *rows[condition]])
        for condition, goal in GOALS.items()
        if rows[condition]
    ]
    return "\n\n".join(tables)


def _faithful(ours: list[Run], grpo: list[Run], naive: list[Run]) -> list[list[str]]:
    ends = float(np.mean([run.success[LEVELS[-1]][-1] for run in grpo]))
    target = max(ends, TARGETS[0])  # any run reaches 0 at once, so a target of 0 would say nothing
    spent = grpo[0].rollouts[-1]
    took = [_rollouts(needed_by_mean(group, LEVELS[-1], target), spent) for group in (ours, grpo)]
    return [[f"{ends:.2f}", f"{target:.2f}", *took]]


def _noisy(ours: list[Run], grpo: list[Run], naive: list[Run]) -> list[list[str]]:
    return [[_gain(ours, grpo, LEVELS[-1])]]


def _misaligned(ours: list[Run], grpo: list[Run], naive: list[Run]) -> list[list[str]]:
    return [[level, _gain(ours, grpo, level), _gain(naive, grpo, level)] for level in LEVELS[1:]]


@dataclass(frozen=True)
class Goal:
    """What a reward condition has to show: the text above its table, the table's columns, and the rows' cells."""

    text: str
    columns: tuple[str, ...]
    measure: Callable[[list[Run], list[Run], list[Run]], list[list[str]]]


GOALS = {  # by reward condition
    "faithful": Goal(
        "Faithful judge: GRPO's final success on hard prompts, in half of GRPO's rollouts.",
        ("GRPO ends at", "target", "rollouts to the target", "GRPO's rollouts"),
        _faithful,
    ),
    "noisy": Goal(
        "Noisy judge: not below GRPO on hard prompts. Final success minus GRPO's:",
        ("hard",),
        _noisy,
    ),
    "misaligned": Goal(
        "Misaligned judge: at most half of the naive mix's loss. Final success minus GRPO's:",
        ("prompts", "variant's", "naive mix's"),
        _misaligned,
    ),
}


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
    shown = [f"{value:,.0f}" if math.isfinite(value) else f"> {spent:,}" for value in needed]
    return shown[0] if len(set(shown)) == 1 else f"{shown[0]} ({shown[1]} to {shown[2]})"


def _header(*columns: str) -> list[str]:
    return [_row(*columns), "|" + "---|" * len(columns)]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
