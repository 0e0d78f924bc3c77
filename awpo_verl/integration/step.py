"""One train step: the rows of a batch -> advantages, clip scale and metrics.

Knows no trainer and no DataProto. The seams (seam_v1.py, seam_legacy.py) read the rows from verl, call `Step`, and
give verl the result. Nothing here calls a seam.

B = rows, N = groups (prompts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from awpo_verl.algorithm import Estimate, RowRanges, estimate
from awpo_verl.algorithm.advantage import fill_missing
from awpo_verl.algorithm.alignment import alignment
from awpo_verl.algorithm.groups import Groups, Labels
from awpo_verl.algorithm.metrics import reward_metrics
from awpo_verl.algorithm.ranges import unit_reasoning
from awpo_verl.config import SECTION, AWPOConfig, parse
from awpo_verl.integration.learning_watch import LearningWatch
from awpo_verl.integration.patching import require_all_seams
from awpo_verl.integration.run_ranges import SOURCE, RunRanges
from awpo_verl.rewards.parts import NONFINITE, OUTCOME, VALID
from awpo_verl.rewards.reasoning.judge.metrics import STATUS, Watch, judge_metrics, without_thinking

Parts = Mapping[str, Sequence[Any]]  # the reward parts as columns of B values, and data_source


@dataclass(frozen=True)
class StepRows:
    """B rollouts of one train batch; padding is left out.

    Attributes:
        parts: the reward parts.
        groups: the group of each row.
        rejected: bool [B], True where rejection sampling has left no response token.
    """

    parts: Parts
    groups: Groups
    rejected: Tensor


class Step:
    """What AWPO does once in a train step. A process that trains has one.

    It remembers what the run has seen: the ranges of the rewards, how the judge does, and whether anything is learned.
    """

    def __init__(self) -> None:
        self._judge_watch = Watch()
        self._learning_watch = LearningWatch()
        self._ranges = RunRanges()

    def estimate(self, rows: StepRows, outcome: Tensor, algorithm: Any, norm_by_std: bool) -> Estimate:
        """AWPO's advantages, clip scale and metrics.

        The judge's metrics are of all rows, because it was also asked about the rejected ones. All other metrics leave
        rejected rows out.

        Args:
            outcome: [B], the sum of each rollout's token-level rewards, as in verl's GRPO.
            algorithm: verl's `algorithm` section.
            norm_by_std: `algorithm.norm_adv_by_std_in_grpo`.

        Raises:
            KeyError: no row has a reasoning reward.
            AWPOConfigError: the first train batch has a reasoning reward outside of `reasoning_range`.
            JudgeFailedError: judge.required=True, and too few rollouts were judged.
        """
        require_all_seams()
        config, parts, rejected = parse(algorithm.get("awpo")), rows.parts, rows.rejected
        outcome = outcome.detach().cpu().double()
        reasoning, valid = read_reasoning(parts, config.reasoning_key, len(outcome))
        self._ranges.check_reasoning(reasoning, valid, config)
        judge = self._watch_judge(parts, config)
        judged = _find_judged(parts, len(outcome))
        ranges = self._ranges.find_outcome_ranges(outcome, parts, rejected, config)
        result = estimate(outcome, reasoning, valid, rows.groups, config, norm_by_std, judged, rejected, ranges)
        watched = [result.advantages, outcome, reasoning, valid]
        if rejected.any():
            watched = [column.masked_select(~rejected) for column in watched]
        self._learning_watch.check_batch(*watched, parts=parts, key=config.reasoning_key)
        unit, _ = unit_reasoning(reasoning, valid, config.reasoning_bounds())
        compared = valid & judged & ~rejected
        result.metrics.update(_alignment(rows, ranges.to_unit(outcome), unit, compared) | judge)
        return result

    def baseline_metrics(self, rows: StepRows, algorithm: Any) -> dict[str, float]:
        """The metrics of a baseline with our rewards, to compare it with AWPO: rewards, silent groups, the judge.

        Only the judge's, if the rows do not have our outcome and reasoning (they come from another reward manager).

        Args:
            algorithm: verl's `algorithm` section.

        Raises:
            JudgeFailedError: judge.required=True, and too few rollouts were judged.
        """
        config, parts, rejected = parse(algorithm.get("awpo")), rows.parts, rows.rejected
        metrics = self._watch_judge(parts, config)
        if any(name not in parts for name in (OUTCOME, VALID, config.reasoning_key)):
            return metrics
        outcome = torch.tensor([float(o) for o in parts[OUTCOME]], dtype=torch.float64)
        ranges = self._ranges.find_outcome_ranges(outcome, parts, rejected, config)
        reasoning, valid = read_reasoning(parts, config.reasoning_key, len(outcome))
        unit, outside = unit_reasoning(reasoning, valid, config.reasoning_bounds())
        finite = valid & torch.isfinite(unit) & ~rejected
        metrics["awpo/rejected_frac"] = float(rejected.double().mean())
        if finite.any():
            metrics["awpo/reasoning_out_of_range_frac"] = float(outside[finite].double().mean())
        judged = _find_judged(parts, len(outcome))
        aligned = _alignment(rows, ranges.to_unit(outcome), unit, finite & judged)
        return _reward_metrics(rows, outcome, ranges, unit, finite) | aligned | metrics

    def gdpo_reasoning(self, parts: Parts, uids: Labels, algorithm: Any) -> np.ndarray | None:
        """The reasoning reward for verl's gdpo, which takes a missing reward for a 0.

        Args:
            parts, uids: of R rows.
            algorithm: verl's `algorithm` section.

        Returns:
            float64 [R], mapped to [0, 1]; a missing reward is its group's mean. None where nothing is to be changed:
            gdpo does not use the reasoning reward, or the rows come from another reward manager.

        Raises:
            AWPOConfigError: the first train batch has a reasoning reward outside of `reasoning_range`.
        """
        if VALID not in parts:
            return None
        config = parse(algorithm.get("awpo"))
        key = config.reasoning_key
        if key not in parts or key not in (algorithm.get("gdpo_reward_keys") or ()):
            return None
        reasoning, valid = read_reasoning(parts, key, len(uids))
        self._ranges.check_reasoning(reasoning, valid, config)
        unit, _ = unit_reasoning(reasoning, valid, config.reasoning_bounds())
        return fill_missing(unit, valid & torch.isfinite(unit), Groups.of(uids)).numpy()

    def _watch_judge(self, parts: Parts, config: AWPOConfig) -> dict[str, float]:
        """`awpo/judge/*` of the rows; {} where no judge is in use. Raises JudgeFailedError."""
        metrics = judge_metrics(parts)
        self._judge_watch.look(parts, config.judge)
        return metrics


def _reward_metrics(
    rows: StepRows, outcome: Tensor, ranges: RowRanges, reasoning: Tensor, finite: Tensor
) -> dict[str, float]:
    """`reward_metrics` of the rows that were not rejected."""
    kept = ~rows.rejected
    if not kept.any():
        return {}
    groups, unit = rows.groups.select(kept), ranges.to_unit(outcome)[kept]
    std_out = groups.center(outcome[kept]).std
    return reward_metrics(outcome[kept], unit, reasoning[kept], finite[kept], groups.sizes, std_out)


def _alignment(rows: StepRows, outcome: Tensor, reasoning: Tensor, compared: Tensor) -> dict[str, float]:
    """`alignment` of the rows in `compared`, bool [B]: those with a score, and not a missing one."""
    return alignment(outcome, reasoning, compared & torch.isfinite(reasoning), rows.groups, rows.parts.get(SOURCE))


def _find_judged(parts: Parts, n_rows: int) -> Tensor:
    """bool [B]: False where there was no thinking to judge."""
    if STATUS not in parts:
        return torch.ones(n_rows, dtype=torch.bool)
    return ~torch.tensor(without_thinking(parts, n_rows))


def read_reasoning(parts: Parts, key: str, n_rows: int) -> tuple[Tensor, Tensor]:
    """Reasoning reward, float64 [B], and its validity, bool [B], from the columns of reward_extra_info.

    A value that is None is missing. A row that the reward manager marked as not finite becomes NaN again, so that
    the estimator counts it.

    Raises:
        KeyError: no row has a reasoning reward; says where it should come from.
    """
    if key not in parts:
        given = ", ".join(sorted(str(name) for name in parts if name not in ("uid", SOURCE))) or "nothing"
        raise KeyError(
            "AWPO needs the reasoning reward of each rollout, and reward_extra_info has no key "
            f"'{key}' (it has: {given}). Use reward.reward_manager.name=awpo, or let your reward function return "
            f"a dict with '{key}', or name its key with {SECTION}.reasoning_key."
        )
    reasoning, present = _column(parts[key], 0.0)
    nonfinite = _column(parts[NONFINITE], 0.0)[0] > 0.5 if NONFINITE in parts else torch.zeros(n_rows, dtype=torch.bool)
    scored = _column(parts[VALID], 1.0)[0] > 0.5 if VALID in parts else torch.ones(n_rows, dtype=torch.bool)
    return reasoning.masked_fill(nonfinite, float("nan")), present & scored | nonfinite


def _column(values: Sequence[Any], default: float) -> tuple[Tensor, Tensor]:
    """One column as float64 [B], the default where a value is None; and bool [B], True where it is not None."""
    numbers = np.array(values, dtype=np.float64)  # None becomes NaN
    present = ~np.isnan(numbers)
    for row in np.flatnonzero(~present):
        present[row] = values[row] is not None
    return torch.from_numpy(np.where(present, numbers, default)), torch.from_numpy(present)
