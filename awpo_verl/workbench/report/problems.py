"""What can go wrong in a run, and what to do about it: the advice that stands behind an alert.

docs/metrics.md is derived from this text. Backticks are code, on the page and in Markdown. Words in capitals (`LR`)
are settings of the recipes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A problem in a few words, and what to do: a few sentences."""

    title: str
    advice: str


NO_VALUE = Problem(
    "A metric never has a value",
    "The run computes it from rows that it does not have: no response token counts (`response_mask`), or no row has "
    "the key. Read the rollouts: `awpo-verl score OUT/rollouts`.",
)
GAPS = Problem(
    "A metric has gaps",
    "In `actor/grad_norm` or `actor/loss`, the update was lost. Read the rollouts of that step. Lower `LR`.",
)
NOTHING_LEARNED = Problem(
    "Nothing is learned",
    "All rewards of a group are equal. Read the rollouts: `awpo-verl score OUT/rollouts`. Usual causes: the reward "
    "function reads keys that your data do not have; prompts are too easy or too hard.",
)
ALL_FAIL = Problem(
    "Every rollout fails",
    "Score the rollouts: `awpo-verl score OUT/rollouts`. Usual causes: the call format, and responses that are cut "
    "off.",
)
ALL_SUCCEED = Problem("Every rollout succeeds", "The prompts are learned. Use harder data.")
STALL = Problem(
    "Held-out success stalls",
    "Look at `critic/score/mean`. If it rises, held-out data differ from training data, often in their format: "
    "`awpo-verl score OUT/validation`. If it does not, read the other alerts.",
)
FORGETTING = Problem(
    "Held-out success falls",
    "The model forgets what it knew. Keep the checkpoint of the best step. Lower `LR`, or train on more prompts of "
    "that kind.",
)
SILENT_GROUPS = Problem(
    "Most groups are silent",
    "The outcome does not tell rollouts apart. Use `match=graded`, easier data or more `ROLLOUTS`. If "
    "`critic/score/mean` is near 1, use harder data.",
)
SAME_REASONING = Problem(
    "All reasoning rewards are equal",
    "AWPO learns from the outcome alone. Usual causes: the model writes no `<think>` (`awpo/judge/no_thinking_frac`); "
    "no row has the key; the judge is coarse; every response meets the whole rubric.",
)
MISSING_REASONING = Problem(
    "Reasoning rewards are missing",
    "Does your reward function return `algorithm.awpo.reasoning_key`? Does the judge answer? The log and "
    "`awpo/judge/failed_total/*` show how it fails; see docs/judge.md.",
)
BROKEN_SCORER = Problem("The scorer returns NaN or inf", "These scores count as missing. Correct the reasoning scorer.")
NO_THINKING = Problem(
    "The model writes no thinking",
    "Check whether it writes `<think>` at all: its chat template, its thinking mode, and `RESPONSE_TOKENS`.",
)
DISAGREEMENT = Problem(
    "Reasoning works against the outcome",
    "The policy is rewarded for failing well. Set `reasoning_weight=0` or `gate.kind=hard` now, then read the rollouts "
    "where both rewards disagree. If it is one data source, return `reasoning: None` for that source.",
)
OVERRULED = Problem("Reasoning overrules the outcome", "Lower `reasoning_weight`.")
GAMED = Problem(
    "The policy games the reasoning reward",
    "Read rollouts with high reasoning and outcome 0. Lower `reasoning_weight`, or use `gate.kind=hard` or another "
    "judge.",
)
JUDGE_ATTACK = Problem(
    "The policy attacks its judge",
    "Read the rollouts with `judge_neutralized` above 0. Use `gate.kind=hard`.",
)
PADDING = Problem(
    "Responses get longer",
    "The reasoning reward may favour padding. Look at `padding` of the rubric, or at the judge's reasons.",
)
OUTCOME_RANGE = Problem(
    "Outcomes leave their range",
    "Set `algorithm.awpo.outcome_range` to the range of your outcome. With `auto`, these steps had outliers or widened "
    "the range; the log names both.",
)
REASONING_RANGE = Problem(
    "Reasoning rewards leave their range",
    "They are clipped. Set `algorithm.awpo.reasoning_range` to both ends of your scorer's scale.",
)
REJECTED = Problem(
    "Most rollouts are rejected",
    "This is verl's rejection sampling: `algorithm.rollout_correction`. Look at `training/rollout_probs_diff_mean`.",
)
LARGE_UPDATES = Problem(
    "Updates are too large",
    "Lower `LR`, or raise `UPDATE_PROMPTS`. After a spike, look for broken rows in the rollouts of that step.",
)
COLLAPSE = Problem("The policy collapses", "Lower `LR`. Set `temperature` back to 1.")
CUT_OFF = Problem("Responses are cut off", "A response that is cut off fails. Raise `RESPONSE_TOKENS`.")
MISMATCH = Problem("vLLM and the trainer disagree", "Compare their dtype and their attention kernels.")
