"""Read finished runs, keep them in results.json, and compute intervals and rollouts to a target.

Held-out success is verl's own validation, one sample a prompt at temperature 1. Intervals are 95 % bootstrap intervals
of the mean over seeds (scipy, percentile).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import bootstrap

from awpo_verl.workbench.files.output_files import written_whole
from awpo_verl.workbench.report.metrics import read_lines
from benchmarks.learning import plan, series
from examples.demo.report import LEVELS, heldout_success

KEPT = ("awpo/dead_groups_frac", "awpo/rescued_groups_frac", "awpo/gate/mean", "awpo/sign_conflict_frac")


@dataclass(frozen=True)
class Run:
    """One finished run.

    Attributes:
        rollouts: [P], rollouts spent at each validation, ascending.
        success: level -> [P], in [0, 1].
        steps: metric -> one value per training step that has it.
        fingerprint: of the settings that decide what it learns (series.Cell).
    """

    name: plan.Name
    rollouts: tuple[int, ...]
    success: dict[str, tuple[float, ...]]
    steps: dict[str, tuple[float, ...]]
    fingerprint: str = ""


def read(name: plan.Name, cell: series.Cell, a_step: int) -> Run:
    """Read a finished run. a_step: rollouts in a step."""
    records = read_lines(Path(cell.folder) / series.METRICS)
    tested = [r for r in records if heldout_success(r["data"], LEVELS[-1]) is not None]
    return Run(
        name,
        tuple(r["step"] * a_step for r in tested),
        {level: tuple(heldout_success(r["data"], level) or 0.0 for r in tested) for level in LEVELS},
        {key: tuple(round(r["data"][key], 4) for r in records if key in r["data"]) for key in KEPT},
        cell.fingerprint,
    )


def to_json(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """One small record per run."""
    return [vars(run) | {"name": vars(run.name)} for run in runs]


def from_json(records: Iterable[dict[str, Any]]) -> list[Run]:
    """The inverse of to_json."""

    def run(record: dict[str, Any]) -> Run:
        tuples = {key: {name: tuple(v) for name, v in record[key].items()} for key in ("success", "steps")}
        return Run(plan.Name(**record["name"]), tuple(record["rollouts"]), **tuples, fingerprint=record["fingerprint"])

    return [run(record) for record in records]


def load(path: Path) -> list[Run]:
    """The runs in results.json; empty if there is no file."""
    return from_json(json.loads(path.read_text())["runs"]) if path.exists() else []


def save(path: Path, starts: dict[str, Any], runs: Iterable[Run]) -> None:
    """Write results.json, whole or not at all. starts: settings that the runs of a start share."""
    with written_whole(path) as written:
        written.write(json.dumps({"starts": starts, "runs": to_json(runs)}) + "\n")


def with_start(runs: list[Run]) -> list[Run]:
    """Prepend the mean success at 0 rollouts of those runs of the start that validated it."""
    first: dict[str, list[Run]] = {}
    for run in runs:
        if run.rollouts and run.rollouts[0] == 0:
            first.setdefault(run.name.start, []).append(run)

    def begun(run: Run) -> Run:
        known = first.get(run.name.start)
        if not known:
            return run
        start = {level: sum(r.success[level][0] for r in known) / len(known) for level in LEVELS}
        skip = 1 if run.rollouts[0] == 0 else 0
        success = {level: (start[level], *run.success[level][skip:]) for level in LEVELS}
        return replace(run, rollouts=(0, *run.rollouts[skip:]), success=success)

    return [begun(run) for run in runs]


def interval(values: Sequence[float], statistic: Callable[..., Any] = np.mean) -> tuple[float, float]:
    """95 % bootstrap interval over seeds; (value, value) if all values are equal."""
    if len(set(values)) < 2:
        return values[0], values[0]
    found = bootstrap((values,), statistic, n_resamples=9999, method="percentile", rng=np.random.default_rng(0))
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def needed(rollouts: Sequence[float], curve: Sequence[float], target: float) -> float:
    """Rollouts until a curve reaches the target, on a straight line between validations; inf if it never does."""
    for i, value in enumerate(curve):
        if value >= target:
            if i == 0:
                return float(rollouts[0])
            share = (target - curve[i - 1]) / (value - curve[i - 1])
            return rollouts[i - 1] + share * (rollouts[i] - rollouts[i - 1])
    return math.inf


def needed_by_mean(runs: Sequence[Run], level: str, target: float) -> tuple[float, float, float]:
    """`needed` by the mean curve of the seeds, and its 95 % bootstrap interval over seeds."""
    rollouts = runs[0].rollouts
    curves = np.array([run.success[level] for run in runs])
    rng = np.random.default_rng(0)
    drawn = curves[rng.integers(len(runs), size=(2000, len(runs)))].mean(axis=1)
    crossed = [needed(rollouts, curve, target) for curve in drawn]
    # a quantile that lies between a number and infinity is infinite
    low, high = np.quantile(crossed, (0.025, 0.975), method="higher")
    return needed(rollouts, curves.mean(axis=0).tolist(), target), float(low), float(high)


def grouped(runs: list[Run]) -> dict[tuple[str, str, str, str], list[Run]]:
    """By (start, training set, condition, variant), in the order of the plan."""
    found: dict[tuple[str, str, str, str], list[Run]] = {}
    for run in runs:
        found.setdefault((run.name.start, run.name.trained_on, run.name.condition, run.name.variant), []).append(run)
    return found
