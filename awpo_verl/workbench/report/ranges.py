"""Healthy and sick: the one table of it. docs/metrics.md shows the same, and a test keeps them together.

The ranges are what the method and our CPU runs suggest, not law. Backticks are code, for the page and the README.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from awpo_verl.workbench.report import rules
from awpo_verl.workbench.report.rules import Rule

Level = Literal["sick", "look"]
HELDOUT = "val-core/*/mean@*"
MEAN = "held-out success"  # their mean, which no log has
LR, RESPONSE = "lower `LR`", "`RESPONSE_TOKENS`"
CONSTANT = (
    "Read the rollouts: `awpo-verl score OUT/rollouts`; a key that no row has, prompts that are too easy or too hard"
)


@dataclass(frozen=True)
class Sick:
    """One way to be sick: in words, what to do, and the rule that finds it. `look` is worth a look, no more."""

    says: str
    do: str
    rule: Rule | None = None
    level: Level = "sick"


@dataclass(frozen=True)
class Range:
    """What is known of a curve.

    Attributes:
        curve: as docs/metrics.md names it.
        metrics: the metrics' names, `*` for anything.
        band: lowest and highest healthy value, where there are such; None for no end.
    """

    curve: str
    metrics: tuple[str, ...]
    healthy: str
    sick: tuple[Sick, ...]
    band: tuple[float | None, float | None] | None = None

    def holds_for(self, metric: str) -> bool:
        return any(fnmatchcase(metric, pattern) for pattern in self.metrics)


RANGES = (
    Range(
        "`val-core/*/acc/mean@1`, mean over data sources",
        (MEAN,),
        "rises",
        (
            Sick(
                "flat for 50 steps, or for a tenth of the run",
                "look at `critic/score/mean`: if that rises, held-out data differ (formats? `awpo-verl score "
                "OUT/validation`); if not, read on",
                rules.flat(50, 0.1),
                "look",
            ),
        ),
    ),
    Range(
        "`val-core/*/acc/mean@1`, of each",
        (HELDOUT,),
        "rises",
        (
            Sick(
                "0.1 below its best",
                "what was known is being forgotten: keep the checkpoint of the best step; " + LR + ", or train on "
                "more prompts of that kind",
                rules.falls(0.1),
            ),
        ),
    ),
    Range(
        "`critic/score/mean` (the outcome)",
        ("critic/score/mean",),
        "between 0.1 and 0.9, rising",
        (
            Sick(
                "below 0.02",
                "nothing is ever right: score the rollouts (`awpo-verl score OUT/rollouts`); the commonest failure is "
                "the format or a cut-off response",
                rules.in_unit_range(rules.below(0.02)),
            ),
            Sick("above 0.98", "the prompts are learned: harder data", rules.in_unit_range(rules.above(0.98))),
        ),
        (0.1, 0.9),
    ),
    Range(
        "`critic/score/max`",
        ("critic/score/max",),
        "above `critic/score/min`",
        (
            Sick(
                "equal to `critic/score/min`, and the same, for 10 steps",
                "every rollout gets the same reward, so nothing is learned: does your reward function read the keys "
                "that your data have? `awpo-verl score OUT/rollouts`",
                rules.equals("critic/score/min", 10),
            ),
        ),
    ),
    Range(
        "`critic/advantages/max`",
        ("critic/advantages/max",),
        "above 0",
        (
            Sick(
                "0 for 10 steps",
                "nothing is learned: in each group all rewards are equal. " + CONSTANT,
                rules.stays_at(0.0, 10),
            ),
        ),
    ),
    Range(
        "`awpo/dead_groups_frac`",
        ("awpo/dead_groups_frac",),
        "0.2 to 0.7, falling at first",
        (
            Sick(
                "above 0.9",
                "the outcome is silent: `match=graded`, easier data, more `ROLLOUTS`; where `critic/score/mean` is "
                "near 1, harder data",
                rules.above(0.9),
            ),
        ),
        (0.2, 0.7),
    ),
    Range(
        "`awpo/rescued_groups_frac`",
        ("awpo/rescued_groups_frac",),
        "above 0.9",
        (
            Sick(
                "below 0.5 where 0.2 of the groups are dead",
                "the scorer says the same of every rollout: no `<think>` in the model's text "
                "(`awpo/judge/no_thinking_frac`), a coarse judge, a rubric that is fully met",
                rules.where("awpo/dead_groups_frac", 0.2, rules.below(0.5)),
            ),
        ),
        (0.9, 1.0),
    ),
    Range(
        "`awpo/gate/mean`",
        ("awpo/gate/mean",),
        "0.5 to 0.9, falls as dead groups do",
        (Sick("above 0.95 for 50 steps", "the outcome never speaks; as for dead groups", rules.stays_above(0.95, 50)),),
        (0.5, 0.9),
    ),
    Range(
        "`awpo/clip_scale`",
        ("awpo/clip_scale",),
        "0.85 to 0.92 with `shrink=0.2`",
        (Sick("", "it follows the gate, nothing to do"),),
        (0.85, 0.92),
    ),
    Range(
        "`awpo/reasoning/mean`",
        ("awpo/reasoning/mean",),
        "rises with the outcome",
        (
            Sick(
                "rises by 0.05 and the outcome falls by 0.05, in 50 steps",
                "the scorer is being gamed. Read rollouts of high reasoning and outcome 0; lower `reasoning_weight`, "
                "`gate.kind=hard`, another judge",
                rules.rises_while_falls(rules.outcome, 0.05, 50),
            ),
            Sick(
                "the same for 10 steps",
                "the scorer gives every rollout the same: no `<think>` in the model's text, or a key that no row has; "
                "AWPO learns from the outcome alone",
                rules.never_changes(10),
            ),
        ),
    ),
    Range(
        "`awpo/outcome_reasoning_corr_in_groups`",
        ("awpo/outcome_reasoning_corr_in_groups",),
        "above 0",
        (
            Sick(
                "below -0.1",
                "the policy is paid for failing well: `reasoning_weight=0` or `gate.kind=hard` now; then read where "
                "the two rewards disagree",
                rules.below(-0.1),
            ),
        ),
        (0.0, 1.0),
    ),
    Range(
        "`awpo/outcome_reasoning_corr/*`",
        ("awpo/outcome_reasoning_corr/*",),
        "above 0",
        (
            Sick(
                "below -0.1 for one data source",
                "leave the others alone; let the reward function return `reasoning: None` for that one",
                rules.below(-0.1),
                "look",
            ),
        ),
        (0.0, 1.0),
    ),
    Range(
        "`awpo/sign_conflict_frac`",
        ("awpo/sign_conflict_frac",),
        "below 0.1",
        (
            Sick(
                "above 0.3",
                "reasoning overrules the outcome where that speaks: lower `reasoning_weight`",
                rules.above(0.3),
            ),
        ),
        (None, 0.1),
    ),
    Range(
        "`awpo/reasoning_valid_frac`, `awpo/judge/valid_frac`",
        ("awpo/reasoning_valid_frac", "awpo/judge/valid_frac"),
        "1",
        (
            Sick(
                "0 for 10 steps",
                "no rollout has a reasoning reward: does your function return `algorithm.awpo.reasoning_key`? Does the "
                "judge answer?",
                rules.stays_at(0.0, 10),
            ),
            Sick(
                "below 0.8",
                "the judge fails; the log and `awpo/judge/failed_total/*` say how (docs/judge.md)",
                rules.below(0.8),
            ),
            Sick("below 0.99", "it fails now and then: as above, without the hurry", rules.below(0.99), "look"),
        ),
        (0.99, 1.0),
    ),
    Range(
        "`awpo/judge/no_thinking_frac`",
        ("awpo/judge/no_thinking_frac",),
        "near 0",
        (
            Sick(
                "above 0.5",
                "does the model write `<think>` at all? Its chat template, thinking mode, and " + RESPONSE,
                rules.above(0.5),
            ),
        ),
        (None, 0.1),
    ),
    Range(
        "`awpo/judge/neutralized_frac`",
        ("awpo/judge/neutralized_frac",),
        "0",
        (
            Sick(
                "above 0.01 and twice what it was",
                "the policy attacks its judge: read the rollouts with `judge_neutralized` above 0; `gate.kind=hard`",
                rules.grows(2, beyond=0.01),
            ),
        ),
        (None, 0.01),
    ),
    Range(
        "`awpo/reasoning_nonfinite`",
        ("awpo/reasoning_nonfinite",),
        "0",
        (Sick("above 0", "your scorer returns NaN or inf; such scores count as missing", rules.above(0.0), "look"),),
        (None, 0.0),
    ),
    Range(
        "`awpo/outcome_out_of_range_frac`",
        ("awpo/outcome_out_of_range_frac",),
        "0",
        (
            Sick(
                "above 0",
                "set `algorithm.awpo.outcome_range` to your outcome's; with `auto` these steps widened a range or had "
                "outliers, and the log names both",
                rules.above(0.0),
                "look",
            ),
        ),
        (None, 0.0),
    ),
    Range(
        "`awpo/reasoning_out_of_range_frac`",
        ("awpo/reasoning_out_of_range_frac",),
        "0",
        (
            Sick(
                "above 0",
                "such scores are clipped: set `algorithm.awpo.reasoning_range` to both ends of your scorer's scale",
                rules.above(0.0),
                "look",
            ),
        ),
        (None, 0.0),
    ),
    Range(
        "`awpo/rejected_frac`",
        ("awpo/rejected_frac",),
        "below 0.1",
        (
            Sick(
                "above 0.5",
                "verl's rejection sampling throws most rollouts away: `algorithm.rollout_correction`, and "
                "`training/rollout_probs_diff_mean`",
                rules.above(0.5),
            ),
        ),
        (None, 0.5),
    ),
    Range(
        "`actor/grad_norm`",
        ("actor/grad_norm",),
        "0.05 to 1",
        (
            Sick("0 for 10 steps", "no gradient, so nothing is learned. " + CONSTANT, rules.stays_at(0.0, 10)),
            Sick("spikes of 10 times", LR + "; look for broken rows in that step's rollouts", rules.spikes(10), "look"),
        ),
        (0.05, 1.0),
    ),
    Range(
        "`actor/ppo_kl`",
        ("actor/ppo_kl",),
        "below 0.01",
        (Sick("above 0.01 and twice what it was", LR + ", or raise `UPDATE_PROMPTS`", rules.grows(2, 0.01)),),
        (None, 0.01),
    ),
    Range(
        "`actor/pg_clipfrac`",
        ("actor/pg_clipfrac",),
        "0.001 to 0.1",
        (Sick("above 0.1 and twice what it was", LR + ", or raise `UPDATE_PROMPTS`", rules.grows(2, 0.1)),),
        (None, 0.1),
    ),
    Range(
        "`actor/entropy`",
        ("actor/entropy",),
        "falls slowly",
        (
            Sick(
                "falls to a tenth in 20 steps",
                "the policy has collapsed: " + LR + ", `temperature` back to 1",
                rules.collapses(0.1, 20),
            ),
        ),
    ),
    Range(
        "`response_length/mean`",
        ("response_length/mean",),
        "steady",
        (
            Sick(
                "doubles",
                "padding is paid for: look at the rubric's `padding`, or the judge's reasons",
                rules.grows(2),
                "look",
            ),
        ),
    ),
    Range(
        "`response_length/clip_ratio`",
        ("response_length/clip_ratio",),
        "below 0.1",
        (Sick("above 0.1", "a response that is cut off fails: raise " + RESPONSE, rules.above(0.1)),),
        (None, 0.1),
    ),
    Range(
        "`training/rollout_probs_diff_mean`",
        ("training/rollout_probs_diff_mean",),
        "below 0.02",
        (Sick("above 0.1", "vLLM and the trainer disagree: dtype, attention kernels", rules.above(0.1)),),
        (None, 0.02),
    ),
)


def range_of(metric: str) -> Range | None:
    """The range of a metric, None where none is documented."""
    return next((known for known in RANGES if known.holds_for(metric)), None)


def table_rows() -> list[str]:
    """The table's rows as docs/metrics.md has them, in Markdown."""
    rows: list[str] = []
    for known in RANGES:
        for number, sick in enumerate(known.sick):
            cells = [known.curve, known.healthy] if number == 0 else ["", ""]
            rows.append("| " + " | ".join([*cells, sick.says, sick.do]) + " |")
    return rows
