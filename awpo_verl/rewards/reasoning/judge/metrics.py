"""How the judge did in a train batch: `awpo/judge/*`, from the rows' judge_* keys (docs/judge.md: how to read them).

verl reduces the metrics of several updates in one step by the words in their names: what is counted ends in `_total`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from awpo_verl.config import SECTION, JudgeConfig
from awpo_verl.rewards.reasoning.judge.judge import CACHED, FAILURES, NO_THINKING, OK

STATUS = "judge_status"
MAX_WITHOUT_THINKING = 0.5  # of a step's rollouts; more are warned about


class JudgeFailedError(RuntimeError):
    """The judge is required, and has judged too few rollouts of a step."""


def judge_metrics(parts: Mapping[str, Sequence[Any]]) -> dict[str, float]:
    """`awpo/judge/*` of B rows; empty where no judge was asked.

    Args:
        parts: columns of reward_extra_info, B values each; judge_status among them where a judge is in use.
    """
    statuses = _statuses(parts)
    asked = sum(statuses[status] for status in (OK, CACHED, *FAILURES))
    if not asked + statuses[NO_THINKING]:
        return {}
    silent = {"awpo/judge/no_thinking_frac": statuses[NO_THINKING] / (asked + statuses[NO_THINKING])}
    if not asked:
        return silent
    seconds = _column(parts, "judge_seconds")[_column(parts, "judge_requests") > 0]
    metrics = silent | {
        "awpo/judge/valid_frac": (statuses[OK] + statuses[CACHED]) / asked,
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
    """Says it once when too few rollouts are judged, and once when it is well again; or stops the run."""

    def __init__(self) -> None:
        self.low = self.silent = False

    def look(self, parts: Mapping[str, Sequence[Any]], config: JudgeConfig) -> None:
        """At one step's rows.

        Raises:
            JudgeFailedError: judge.required=True, and a smaller share than judge.min_valid was judged.
        """
        metrics = judge_metrics(parts)
        self._look_for_thinking(metrics.get("awpo/judge/no_thinking_frac", 0.0), config)
        valid = metrics.get("awpo/judge/valid_frac")
        if valid is None:
            return
        low = valid < config.min_valid
        if low and config.required:
            raise JudgeFailedError(
                f"{_told(parts, valid, config)} {SECTION}.judge.required=True stops the run here. Mend the judge (each "
                "reward worker's log has its first failure of each kind) and resume from the last checkpoint; or set "
                "required=False, and AWPO goes on with the outcome where the reasoning reward is missing."
            )
        if low != self.low:
            text = f"warning: {_told(parts, valid, config)}" if low else f"judge: well again, {valid:.0%} judged."
            print(f"[awpo] {text}", flush=True)
        self.low = low

    def _look_for_thinking(self, without: float, config: JudgeConfig) -> None:
        text = (
            f"{without:.0%} of this step's rollouts have no closed <think>...</think>: they score 0, and are not judged"
        )
        if without == 1.0 and config.required:
            raise JudgeFailedError(f"{text}. {SECTION}.judge.required=True stops the run here.")
        if without > MAX_WITHOUT_THINKING and not self.silent:
            print(f"[awpo] warning: {text}.", flush=True)
        self.silent = without > MAX_WITHOUT_THINKING


def without_thinking(parts: Mapping[str, Sequence[Any]], n_rows: int) -> list[bool]:
    """Which rows score 0 because there was nothing to judge: they say nothing of the judge."""
    statuses = parts.get(STATUS)
    return [False] * n_rows if statuses is None else [status == NO_THINKING for status in statuses]


def _told(parts: Mapping[str, Sequence[Any]], valid: float, config: JudgeConfig) -> str:
    statuses = _statuses(parts)
    kinds = ", ".join(f"{kind} {count}" for kind, count in statuses.most_common() if kind in FAILURES)
    return (
        f"the judge answered for {valid:.0%} of this step's rollouts, fewer than {SECTION}.judge.min_valid="
        f"{config.min_valid:g}; missing by kind: {kinds}."
    )


def _statuses(parts: Mapping[str, Sequence[Any]]) -> Counter[str]:
    return Counter(status for status in parts.get(STATUS, ()) if isinstance(status, str))


def _column(parts: Mapping[str, Sequence[Any]], name: str) -> np.ndarray:
    return np.array([float(value or 0.0) for value in parts.get(name, ())])
