"""The judge's metrics of a train batch, `awpo/judge/*`, from the rows' judge_* keys (docs/judge.md explains them).

verl reduces the metrics of several updates in one step by words in their names, so every count ends in `_total`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from awpo_verl.config import SECTION, JudgeConfig
from awpo_verl.rewards.reasoning.judge.scorer import CACHED, FAILURES, NO_THINKING, OK, STATUS

NO_THINKING_FRAC, VALID_FRAC = "awpo/judge/no_thinking_frac", "awpo/judge/valid_frac"
MAX_WITHOUT_THINKING = 0.5  # of a step's rollouts; a larger share is a warning


class JudgeFailedError(RuntimeError):
    """The judge is required, and scored too few rollouts of a step."""


def judge_metrics(parts: Mapping[str, Sequence[Any]]) -> dict[str, float]:
    """`awpo/judge/*` of B rows; empty if no judge was asked.

    Args:
        parts: columns of reward_extra_info, B values each. With a judge, judge_status is one of them.
    """
    statuses = _statuses(parts)
    asked = sum(statuses[status] for status in (OK, CACHED, *FAILURES))
    if not asked + statuses[NO_THINKING]:
        return {}
    without = {NO_THINKING_FRAC: statuses[NO_THINKING] / (asked + statuses[NO_THINKING])}
    if not asked:
        return without
    seconds = _column(parts, "judge_seconds")[_column(parts, "judge_requests") > 0]
    metrics = without | {
        VALID_FRAC: (statuses[OK] + statuses[CACHED]) / asked,
        "awpo/judge/requests_total": _column(parts, "judge_requests").sum(),
        "awpo/judge/retries_total": _column(parts, "judge_retries").sum(),
        "awpo/judge/cache_hits_total": statuses[CACHED],
        "awpo/judge/tokens_in_total": _column(parts, "judge_tokens_in").sum(),
        "awpo/judge/tokens_out_total": _column(parts, "judge_tokens_out").sum(),
        "awpo/judge/neutralized_frac": (_column(parts, "judge_neutralized") > 0).sum() / asked,
        **{f"awpo/judge/failed_total/{kind}": statuses[kind] for kind in FAILURES},
    }
    if len(seconds):
        metrics |= {f"awpo/judge/latency_p{q}": np.percentile(seconds, q) for q in (50, 99)}
    return {name: float(value) for name, value in metrics.items()}


class Watch:
    """Warns once when the judge scores too few rollouts, and logs once when it has recovered; or stops the run."""

    def __init__(self) -> None:
        self.low = self.no_thinking = False

    def look(self, metrics: Mapping[str, float], parts: Mapping[str, Sequence[Any]], config: JudgeConfig) -> None:
        """Look at the rows of one step.

        Args:
            metrics: from `judge_metrics`.
            parts: columns of reward_extra_info, B values each.

        Raises:
            JudgeFailedError: judge.required=True, and the judge scored a smaller share than judge.min_valid.
        """
        self._look_for_thinking(metrics.get(NO_THINKING_FRAC, 0.0), config)
        valid = metrics.get(VALID_FRAC)
        if valid is None:
            return
        low = valid < config.min_valid
        if low and config.required:
            raise JudgeFailedError(
                f"{_describe(parts, valid, config)} {SECTION}.judge.required=True stops the run here. Repair the judge "
                "(each reward worker's log has its first failure of each kind) and resume from the last checkpoint. Or "
                "set required=False: a missing reasoning reward then counts as the mean of its group."
            )
        if low != self.low:
            text = f"warning: {_describe(parts, valid, config)}" if low else f"judge: recovered, {valid:.0%} judged."
            print(f"[awpo] {text}", flush=True)
        self.low = low

    def _look_for_thinking(self, without: float, config: JudgeConfig) -> None:
        text = (
            f"{without:.0%} of this step's rollouts have no closed <think>...</think>. They score 0 and are not judged"
        )
        if without == 1.0 and config.required:
            raise JudgeFailedError(f"{text}. {SECTION}.judge.required=True stops the run here.")
        if without > MAX_WITHOUT_THINKING and not self.no_thinking:
            print(f"[awpo] warning: {text}.", flush=True)
        self.no_thinking = without > MAX_WITHOUT_THINKING


def _describe(parts: Mapping[str, Sequence[Any]], valid: float, config: JudgeConfig) -> str:
    """How many rollouts the judge scored, and why others are missing."""
    statuses = _statuses(parts)
    kinds = ", ".join(f"{kind} {count}" for kind, count in statuses.most_common() if kind in FAILURES)
    return (
        f"the judge answered for {valid:.0%} of the rollouts that it was asked about, fewer than "
        f"{SECTION}.judge.min_valid={config.min_valid:g}; missing by kind: {kinds}."
    )


def _statuses(parts: Mapping[str, Sequence[Any]]) -> Counter[str]:
    return Counter(status for status in parts.get(STATUS, ()) if isinstance(status, str))


def _column(parts: Mapping[str, Sequence[Any]], name: str) -> np.ndarray:
    return np.array([float(value or 0.0) for value in parts.get(name, ())])
