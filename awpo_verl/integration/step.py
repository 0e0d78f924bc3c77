"""One train step: the rows of a batch -> advantages, clip scale and metrics.

Knows no trainer and no DataProto. The seams (seam_v1.py, seam_legacy.py) read the rows from verl, call `Step`, and
give verl the result. Nothing here calls a seam.

B = rows, N = groups (prompts).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from awpo_verl.algorithm import Estimate, estimate
from awpo_verl.algorithm.advantage import fill_missing
from awpo_verl.algorithm.alignment import alignment
from awpo_verl.algorithm.groups import Groups, Labels
from awpo_verl.algorithm.metrics import reward_metrics
from awpo_verl.algorithm.ranges import unit_reasoning
from awpo_verl.config import AWPOConfig, parse
from awpo_verl.integration.learning_watch import LearningWatch
from awpo_verl.integration.patching import require_all_seams
from awpo_verl.integration.run_ranges import RunRanges
from awpo_verl.rewards.parts import OUTCOME, VALID, Columns, PartsColumns, read_outcome, read_parts, read_reasoning
from awpo_verl.rewards.reasoning.judge.metrics import Watch, judge_metrics
from awpo_verl.rewards.reasoning.judge.scorer import STATUS


@dataclass(frozen=True)
class StepRows:
    """B rollouts of one train batch; padding is left out.

    Attributes:
        columns: the reward parts as verl has them, by key.
        groups: the group of each row.
        rejected: bool [B], True where rejection sampling has left no response token.
    """

    columns: Columns
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
        config, rejected = parse(algorithm.get("awpo")), rows.rejected
        outcome = outcome.detach().cpu().double()
        parts = read_parts(rows.columns, config.reasoning_key, len(outcome))
        self._ranges.check_reasoning(parts.reasoning, parts.valid, config)
        judge = self._watch_judge(rows.columns, config)
        ranges = self._ranges.find_outcome_ranges(outcome, parts, rejected, config)
        result = estimate(
            outcome,
            parts.reasoning,
            parts.valid,
            rows.groups,
            config,
            norm_by_std,
            has_thinking=parts.has_thinking,
            rejected=rejected,
            outcome_range=ranges,
        )
        self._learning_watch.check_batch(
            *_select([result.advantages, outcome, parts.reasoning, parts.valid], ~rejected),
            has_judge=STATUS in rows.columns,
            key=config.reasoning_key,
        )
        unit, _ = unit_reasoning(parts.reasoning, parts.valid, config.reasoning_bounds())
        result.metrics.update(_alignment(parts, ~rejected, rows.groups, ranges.to_unit(outcome), unit) | judge)
        return result

    def baseline_metrics(self, rows: StepRows, algorithm: Any) -> dict[str, float]:
        """The metrics of a baseline with our rewards, to compare it with AWPO: rewards, silent groups, the judge.

        Only the judge's, if the rows do not have our outcome and reasoning (they come from another reward manager).

        Args:
            algorithm: verl's `algorithm` section.

        Raises:
            JudgeFailedError: judge.required=True, and too few rollouts were judged.
        """
        config, n_rows = parse(algorithm.get("awpo")), len(rows.rejected)
        metrics = self._watch_judge(rows.columns, config)
        if any(name not in rows.columns for name in (OUTCOME, VALID, config.reasoning_key)):
            return metrics
        parts, outcome = read_parts(rows.columns, config.reasoning_key, n_rows), read_outcome(rows.columns)
        kept = ~rows.rejected & torch.isfinite(outcome)
        ranges = self._ranges.find_outcome_ranges(outcome, parts, ~kept, config)
        unit, outside = unit_reasoning(parts.reasoning, parts.valid, config.reasoning_bounds())
        finite = parts.valid & torch.isfinite(unit) & kept
        metrics["awpo/rejected_frac"] = float(rows.rejected.double().mean())
        if finite.any():
            metrics["awpo/reasoning_out_of_range_frac"] = float(outside[finite].double().mean())
        if kept.any():
            groups, outcome_kept = rows.groups.select(kept), outcome[kept]
            unit_outcome, std_out = ranges.to_unit(outcome)[kept], groups.center(outcome_kept).std
            metrics |= reward_metrics(outcome_kept, unit_outcome, unit[kept], finite[kept], groups.sizes, std_out)
        return metrics | _alignment(parts, kept, rows.groups, ranges.to_unit(outcome), unit)

    def gdpo_reasoning(self, columns: Columns, uids: Labels, algorithm: Any) -> np.ndarray | None:
        """The reasoning reward for verl's gdpo, which takes a missing reward for a 0.

        Args:
            columns: the reward parts of R rows, by key.
            uids: R group labels.
            algorithm: verl's `algorithm` section.

        Returns:
            float64 [R], mapped to [0, 1]; a missing reward is its group's mean. None where nothing is to be changed:
            gdpo does not use the reasoning reward, or the rows come from another reward manager.

        Raises:
            AWPOConfigError: the first train batch has a reasoning reward outside of `reasoning_range`.
        """
        if VALID not in columns:
            return None
        config = parse(algorithm.get("awpo"))
        key = config.reasoning_key
        if key not in columns or key not in (algorithm.get("gdpo_reward_keys") or ()):
            return None
        reasoning, valid = read_reasoning(columns, key, len(uids))
        self._ranges.check_reasoning(reasoning, valid, config)
        unit, _ = unit_reasoning(reasoning, valid, config.reasoning_bounds())
        return fill_missing(unit, valid & torch.isfinite(unit), Groups.of(uids)).numpy()

    def _watch_judge(self, columns: Columns, config: AWPOConfig) -> dict[str, float]:
        """`awpo/judge/*` of the rows; {} where no judge is in use. Raises JudgeFailedError."""
        metrics = judge_metrics(columns)
        self._judge_watch.look(metrics, columns, config.judge)
        return metrics


def _alignment(
    parts: PartsColumns, kept: Tensor, groups: Groups, outcome: Tensor, reasoning: Tensor
) -> dict[str, float]:
    """`alignment` of the rows that are kept, and whose thinking was scored.

    kept: bool [B]. outcome, reasoning: float64 [B], each on the scale of its range.
    """
    compared = parts.valid & parts.has_thinking & kept & torch.isfinite(reasoning)
    return alignment(outcome, reasoning, compared, groups, parts.data_source)


def _select(columns: list[Tensor], kept: Tensor) -> list[Tensor]:
    """The rows to keep of each column [B]. kept: bool [B]."""
    return columns if kept.all() else [column.masked_select(kept) for column in columns]
