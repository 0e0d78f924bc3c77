"""The healthy range of each metric, and the rules that raise an alert. docs/metrics.md is derived from this table.

The ranges come from the method and from small runs on a CPU. No large run has been measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from awpo_verl.workbench.report import problems
from awpo_verl.workbench.report.detectors import (
    Detector,
    above,
    below,
    collapses,
    equals,
    falls,
    grows,
    in_unit_range,
    mean_outcome,
    never_changes,
    rises_while_falls,
    spikes,
    stalls,
    stays_above,
    stays_at,
    where,
)
from awpo_verl.workbench.report.problems import Problem

Severity = Literal["critical", "warning"]
Band = tuple[float | None, float | None]
HELDOUT = "val-core/*/mean@*"
MEAN_HELDOUT = "held-out success"  # the report computes it from HELDOUT; no log has it


@dataclass(frozen=True)
class AlertRule:
    """One condition that raises an alert.

    Attributes:
        condition: in words.
        detector: finds it in a curve; None where alerts.py finds it in another way.
    """

    condition: str
    problem: Problem
    detector: Detector | None
    severity: Severity = "critical"


@dataclass(frozen=True)
class HealthyRange:
    """What is known about one metric, or about a few that share a range.

    Attributes:
        label: the metric as the page and docs/metrics.md name it.
        patterns: names of the metrics; `*` stands for any text.
        healthy: the range in words.
        band: lowest and highest healthy value, to be shaded in the chart. None: no such end, or no band.
    """

    label: str
    patterns: tuple[str, ...]
    healthy: str
    band: Band | None
    rules: tuple[AlertRule, ...]

    def covers(self, metric: str) -> bool:
        return any(fnmatchcase(metric, pattern) for pattern in self.patterns)


def _metric(metric: str, healthy: str, band: Band | None, *rules: AlertRule) -> HealthyRange:
    """The range of one metric, labelled with its name."""
    return HealthyRange(f"`{metric}`", (metric,), healthy, band, rules)


NEVER_A_NUMBER = AlertRule("NaN, inf or null at every step", problems.NO_VALUE, None)
SOMETIMES_NO_NUMBER = AlertRule("NaN, inf or null at some step", problems.GAPS, None, "warning")
EVERY_METRIC = HealthyRange("every metric", (), "a number", None, (NEVER_A_NUMBER, SOMETIMES_NO_NUMBER))

HEALTHY_RANGES = (
    EVERY_METRIC,
    HealthyRange(
        "`val-core/*/acc/mean@1`, mean over data sources",
        (MEAN_HELDOUT,),
        "rises",
        None,
        (AlertRule("flat for 50 steps, or for a tenth of the run", problems.STALL, stalls(50, 0.1), "warning"),),
    ),
    HealthyRange(
        "`val-core/*/acc/mean@1`, of each",
        (HELDOUT,),
        "rises",
        None,
        (AlertRule("0.1 below its best", problems.FORGETTING, falls(0.1)),),
    ),
    _metric(
        "critic/score/mean",
        "between 0.1 and 0.9, rising",
        (0.1, 0.9),
        AlertRule("below 0.02", problems.ALL_FAIL, in_unit_range(below(0.02))),
        AlertRule("above 0.98", problems.ALL_SUCCEED, in_unit_range(above(0.98))),
    ),
    _metric(
        "critic/score/max",
        "above `critic/score/min`",
        None,
        AlertRule(
            "constant, and equal to the minimum, for 10 steps", problems.NOTHING_LEARNED, equals("critic/score/min", 10)
        ),
    ),
    _metric(
        "critic/advantages/max",
        "above 0",
        None,
        AlertRule("0 for 10 steps", problems.NOTHING_LEARNED, stays_at(0.0, 10)),
    ),
    _metric(
        "awpo/dead_groups_frac",
        "0.2 to 0.7, falling at first",
        (0.2, 0.7),
        AlertRule("above 0.9", problems.SILENT_GROUPS, above(0.9)),
    ),
    _metric(
        "awpo/rescued_groups_frac",
        "above 0.9",
        (0.9, 1.0),
        AlertRule(
            "below 0.5 while 0.2 of the groups are silent",
            problems.SAME_REASONING,
            where("awpo/dead_groups_frac", 0.2, below(0.5)),
        ),
    ),
    _metric(
        "awpo/gate/mean",
        "0.5 to 0.9, falls with silent groups",
        (0.5, 0.9),
        AlertRule("above 0.95 for 50 steps", problems.SILENT_GROUPS, stays_above(0.95, 50)),
    ),
    _metric("awpo/clip_scale", "0.85 to 0.92 with `shrink=0.2`", (0.85, 0.92)),
    _metric(
        "awpo/reasoning/mean",
        "rises with the outcome",
        None,
        AlertRule(
            "rises by 0.05 while the outcome falls by 0.05, in 50 steps",
            problems.GAMED,
            rises_while_falls(mean_outcome, 0.05, 50),
        ),
        AlertRule("constant for 10 steps", problems.SAME_REASONING, never_changes(10)),
    ),
    _metric(
        "awpo/outcome_reasoning_corr_in_groups",
        "above 0",
        (0.0, 1.0),
        AlertRule("below -0.1", problems.DISAGREEMENT, below(-0.1)),
    ),
    _metric(
        "awpo/outcome_reasoning_corr/*",
        "above 0",
        (0.0, 1.0),
        AlertRule("below -0.1 for one data source", problems.DISAGREEMENT, below(-0.1), "warning"),
    ),
    _metric(
        "awpo/sign_conflict_frac", "below 0.1", (None, 0.1), AlertRule("above 0.3", problems.OVERRULED, above(0.3))
    ),
    HealthyRange(
        "`awpo/reasoning_valid_frac`, `awpo/judge/valid_frac`",
        ("awpo/reasoning_valid_frac", "awpo/judge/valid_frac"),
        "1",
        (0.99, 1.0),
        (
            AlertRule("0 for 10 steps", problems.MISSING_REASONING, stays_at(0.0, 10)),
            AlertRule("below 0.8", problems.MISSING_REASONING, below(0.8)),
            AlertRule("below 0.99", problems.MISSING_REASONING, below(0.99), "warning"),
        ),
    ),
    _metric(
        "awpo/judge/no_thinking_frac", "near 0", (None, 0.1), AlertRule("above 0.5", problems.NO_THINKING, above(0.5))
    ),
    _metric(
        "awpo/judge/neutralized_frac",
        "0",
        (None, 0.01),
        AlertRule("above 0.01 and twice its start", problems.JUDGE_ATTACK, grows(2, beyond=0.01)),
    ),
    _metric(
        "awpo/reasoning_nonfinite",
        "0",
        (None, 0.0),
        AlertRule("above 0", problems.BROKEN_SCORER, above(0.0), "warning"),
    ),
    _metric(
        "awpo/outcome_out_of_range_frac",
        "0",
        (None, 0.0),
        AlertRule("above 0", problems.OUTCOME_RANGE, above(0.0), "warning"),
    ),
    _metric(
        "awpo/reasoning_out_of_range_frac",
        "0",
        (None, 0.0),
        AlertRule("above 0", problems.REASONING_RANGE, above(0.0), "warning"),
    ),
    _metric("awpo/rejected_frac", "below 0.1", (None, 0.1), AlertRule("above 0.5", problems.REJECTED, above(0.5))),
    _metric(
        "actor/grad_norm",
        "0.05 to 1",
        (0.05, 1.0),
        AlertRule("0 for 10 steps", problems.NOTHING_LEARNED, stays_at(0.0, 10)),
        AlertRule("10 times the usual, in one step", problems.LARGE_UPDATES, spikes(10), "warning"),
    ),
    _metric(
        "actor/ppo_kl",
        "below 0.01",
        (None, 0.01),
        AlertRule("above 0.01 and twice its start", problems.LARGE_UPDATES, grows(2, beyond=0.01)),
    ),
    _metric(
        "actor/pg_clipfrac",
        "0.001 to 0.1",
        (None, 0.1),
        AlertRule("above 0.1 and twice its start", problems.LARGE_UPDATES, grows(2, beyond=0.1)),
    ),
    _metric(
        "actor/entropy",
        "falls slowly",
        None,
        AlertRule("falls to a tenth in 20 steps", problems.COLLAPSE, collapses(0.1, 20)),
    ),
    _metric("response_length/mean", "steady", None, AlertRule("doubles", problems.PADDING, grows(2), "warning")),
    _metric(
        "response_length/clip_ratio", "below 0.1", (None, 0.1), AlertRule("above 0.1", problems.CUT_OFF, above(0.1))
    ),
    _metric(
        "training/rollout_probs_diff_mean",
        "below 0.02",
        (None, 0.02),
        AlertRule("above 0.1", problems.MISMATCH, above(0.1)),
    ),
)


def find_range(metric: str) -> HealthyRange | None:
    """The healthy range of a metric; None where none is documented."""
    return next((known for known in HEALTHY_RANGES if known.covers(metric)), None)
