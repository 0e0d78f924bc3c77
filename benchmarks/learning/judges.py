"""The reward function of the learning benchmark: one outcome and three reasoning rewards for the same thinking.

- `faithful`: the rubric's score, the share of the expected steps that are written and right.
- `noisy`: a judge that is right 70 % of the time; otherwise the score is reversed, 1 - faithful. The same text for the
  same prompt gets the same score, as from a judge at temperature 0.
- `misaligned`: a judge that prefers short thinking: each line costs its share of the expected steps. Empty thinking
  scores 0. A policy that guesses gets the most.

All three are in every rollout's reward parts. `algorithm.awpo.reasoning_key` names the one that a run learns from.
"""

from __future__ import annotations

import hashlib
from typing import Any

from awpo_verl.config import OutcomeConfig
from awpo_verl.rewards.outcome import check_outcome
from awpo_verl.rewards.reasoning import make_task, rubric_score
from awpo_verl.rewards.row import read_row

CONDITIONS = ("faithful", "noisy", "misaligned")
RIGHT = 0.7


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any] | None = None, **_: Any
) -> dict[str, float]:
    """verl calls this for each rollout. Returns outcome, 0 or 1, and the three reasoning rewards, each in [0, 1]."""
    row = read_row(ground_truth, extra_info=extra_info)
    outcome_check = check_outcome(solution_str, row.target, OutcomeConfig())
    response, steps = outcome_check.response, row.expected_steps
    faithful = rubric_score(response, make_task(outcome_check, row)).value or 0.0
    written = [line for line in (response.thinking or "").splitlines() if line.strip()]
    brief = 1.0 - min(len(written), len(steps)) / max(len(steps), 1)
    return {
        "outcome": outcome_check.exact,
        "faithful": faithful,
        "noisy": faithful if _share(ground_truth, solution_str) < RIGHT else 1.0 - faithful,
        "misaligned": brief if response.has_thinking else 0.0,
    }


def _share(*texts: str) -> float:
    """A number in [0, 1), evenly spread and determined by the texts."""
    digest = hashlib.sha256("\0".join(texts).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
