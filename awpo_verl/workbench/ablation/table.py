"""The table of an ablation: each variant's metrics at the end, over the seeds, and the difference to the first variant.

The interval of a mean over n seeds is Student's t with n - 1 degrees of freedom. Differences are taken seed by seed,
because runs with the same seed see their prompts in the same order. One seed has no interval.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from awpo_verl.workbench.report.metrics import read_jsonl

Curve = list[tuple[int, float]]


@dataclass
class AblationResults:
    """The logged metrics: variant -> seed -> metric -> its curve over training steps."""

    runs: dict[str, dict[int, dict[str, Curve]]] = field(default_factory=dict[str, dict[int, dict[str, Curve]]])

    def last(self, variant: str, metric: str) -> dict[int, float]:
        """The metric's last value, by seed."""
        seeds = self.runs.get(variant, {})
        return {seed: curves[metric][-1][1] for seed, curves in seeds.items() if curves.get(metric)}


def collect_results(runs: Sequence[tuple[str, int, Path]]) -> AblationResults:
    """Read the metrics of each (variant, seed, metrics.jsonl). A step that a resumed run repeated counts once."""
    found = AblationResults()
    for variant, seed, path in runs:
        curves = {metric: curve.points() for metric, curve in read_jsonl(path).curves.items() if len(curve)}
        found.runs.setdefault(variant, {})[seed] = curves
    return found


def render_table(found: AblationResults, patterns: Sequence[str], first: str) -> str:
    """A Markdown table of the last values of the metrics that match a pattern.

    Args:
        first: the variant to compare the others with. If it has no finished run, there is no comparison.
    """
    logged = {metric for seeds in found.runs.values() for curves in seeds.values() for metric in curves}
    metrics = sorted(metric for metric in logged if any(fnmatch(metric, pattern) for pattern in patterns))
    if not metrics:
        return f"No finished run has logged a metric like {' '.join(patterns)}.\n"
    lines = [f"| metric | variant | seeds | at the end | 95 % interval | against {first} | 95 % interval |"]
    lines.append("|---|---|---:|---:|---|---:|---|")
    for metric in metrics:
        reference = found.last(first, metric)
        for variant in found.runs:
            values = found.last(variant, metric)
            if not values:
                continue
            common = sorted(values.keys() & reference.keys())
            differences = [values[seed] - reference[seed] for seed in common] if variant != first else []
            cells = [metric, variant, str(len(values)), *_cells(list(values.values())), *_cells(differences, "+")]
            lines.append(f"| {' | '.join(cells)} |")
    missing = "" if first in found.runs else f"\nNo run of {first} has finished: there is nothing to compare with.\n"
    return "\n".join(lines) + "\n" + missing


def _cells(values: Sequence[float], sign: str = "") -> tuple[str, str]:
    if not values:
        return "", ""
    mean, low, high = mean_interval(values)
    return f"{mean:{sign}.3f}", "" if math.isnan(low) else f"{low:{sign}.3f} to {high:{sign}.3f}"


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean and its 95 % interval by Student's t; the interval of one value is NaN."""
    from scipy.stats import t

    mean = statistics.mean(values)
    if len(values) < 2:
        return mean, math.nan, math.nan
    half = float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def results_as_json(found: AblationResults) -> dict[str, Any]:
    """All curves, for your own plots."""
    return {variant: {str(seed): curves for seed, curves in seeds.items()} for variant, seeds in found.runs.items()}
