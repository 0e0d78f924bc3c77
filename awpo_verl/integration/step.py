"""Advantage seam (verl 0.9.1, trainer/ppo/ray_trainer.py): AWPO's estimator gets the reward parts of each row.

verl's `compute_advantage` passes an estimator the rewards, the mask and the group labels, but not the reward parts,
although the legacy trainer has them in `data.non_tensor_batch`. Around it:
`data` (B rows) -> advantages and returns [B, T], and the clip scale [B] as a further field for the actor's loss.

The v1 trainers do not come here for awpo: trainer_v1.py has their rows, and calls `estimate_rows` itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from awpo_verl.algorithm import Estimate, RowRanges, estimate
from awpo_verl.algorithm.advantage import fill_missing
from awpo_verl.algorithm.alignment import alignment
from awpo_verl.algorithm.groups import Groups
from awpo_verl.algorithm.metrics import reward_metrics
from awpo_verl.algorithm.ranges import unit_reasoning
from awpo_verl.config import SECTION, AWPOConfig, parse
from awpo_verl.integration.keys import AWPO, GDPO
from awpo_verl.integration.learning_watch import LearningWatch
from awpo_verl.integration.patching import require_intact
from awpo_verl.integration.run_ranges import SOURCE, RunRanges
from awpo_verl.integration.seam_loss import SCALE_FIELD
from awpo_verl.rewards.parts import NONFINITE, OUTCOME, VALID
from awpo_verl.rewards.reasoning.judge.metrics import STATUS, Watch, judge_metrics, without_thinking

METRICS = "awpo_metrics"  # in data.meta_info
Parts = Mapping[str, Sequence[Any]]  # the reward parts as columns of B values, and data_source

_watch = Watch()
_learning = LearningWatch()
_ranges = RunRanges()


def compute_advantage(
    original: Any,
    data: Any,
    adv_estimator: Any,
    gamma: float = 1.0,
    lam: float = 1.0,
    num_repeat: int = 1,
    norm_adv_by_std_in_grpo: bool = True,
    config: Any = None,
) -> Any:
    """Around verl's compute_advantage, with its signature."""
    if adv_estimator == GDPO:
        return _with_unit_reasoning(original, data, gamma, lam, num_repeat, norm_adv_by_std_in_grpo, config)
    if adv_estimator != AWPO:
        return original(data, adv_estimator, gamma, lam, num_repeat, norm_adv_by_std_in_grpo, config)
    outcome, mask = data.batch["token_level_rewards"].sum(dim=-1), data.batch["response_mask"]
    uids = data.non_tensor_batch["uid"]
    rejected = without_tokens(mask)
    result = estimate_rows(outcome, data.non_tensor_batch, uids, config, norm_adv_by_std_in_grpo, rejected)
    data.batch["advantages"] = data.batch["returns"] = spread(result.advantages, mask)
    data.batch[SCALE_FIELD] = result.clip_scale.to(mask.device, torch.float32)
    data.meta_info[METRICS] = result.metrics
    return data


def _with_unit_reasoning(original: Any, data: Any, *call: Any) -> Any:
    """verl's gdpo, with the reasoning reward as AWPO has it: mapped to [0, 1], its group's mean where it is missing.

    gdpo would take a missing reward for a 0. Where the rows have no validity (another reward manager) nothing is
    changed. The batch has its own column again afterwards, for verl's dumps.

    Raises:
        AWPOConfigError: the first train batch has a reasoning reward outside of `reasoning_range`.
    """
    algorithm, parts = call[-1], data.non_tensor_batch
    config = parse(algorithm.get("awpo"))
    key = config.reasoning_key
    if not {VALID, key} <= parts.keys() or key not in (algorithm.get("gdpo_reward_keys") or ()):
        return original(data, GDPO, *call)
    given = parts[key]
    reasoning, valid = read_reasoning(parts, key, len(given))
    _ranges.check_reasoning(reasoning, valid, config)
    unit, _ = unit_reasoning(reasoning, valid, config.reasoning_bounds())
    parts[key] = fill_missing(unit, valid & torch.isfinite(unit), Groups.of(parts["uid"])).numpy()
    try:
        return original(data, GDPO, *call)
    finally:
        parts[key] = given


def without_tokens(response_mask: Tensor) -> Tensor:
    """Which rows have no response token to train on: verl's rejection sampling sets their mask to 0.

    Nearly every row has its first token, and then the others are not looked at.

    Args:
        response_mask: [B, T], 0 or 1.

    Returns:
        bool [B], on the CPU.
    """
    empty = (response_mask[:, :1] == 0).all(dim=-1)
    if empty.any():
        empty = ~response_mask.any(dim=-1)
    return empty.cpu()


def estimate_rows(
    outcome: Tensor, parts: Parts, index: Any, algorithm: Any, norm_by_std: bool, rejected: Tensor | None = None
) -> Estimate:
    """`algorithm.estimate` on what verl has in hand, with the metrics of judge and alignment.

    The judge's metrics are of all rows, for it was asked about the rejected ones too; all other metrics leave them out.

    Args:
        outcome: [B], the sum of each rollout's token-level rewards, as in verl's GRPO.
        parts: of which the reasoning reward is needed.
        index: [B], `uid`.
        algorithm: verl's `algorithm` section.
        norm_by_std: `algorithm.norm_adv_by_std_in_grpo`.
        rejected: bool [B], rollouts without a response token left. None: there are none.

    Raises:
        AWPOConfigError: the first train batch has a reasoning reward outside of `reasoning_range`.
        JudgeFailedError: judge.required=True, and too few rollouts were judged.
    """
    require_intact()
    config, index = parse(algorithm.get("awpo")), Groups.of(index)
    outcome = outcome.detach().cpu().double()
    rejected = torch.zeros(len(outcome), dtype=torch.bool) if rejected is None else rejected
    reasoning, valid = read_reasoning(parts, config.reasoning_key, len(outcome))
    _ranges.check_reasoning(reasoning, valid, config)
    figures = judge_figures(parts, config)
    judged = _judged(parts, len(outcome))
    ranges = _ranges.of_outcomes(outcome, parts, rejected, config)
    result = estimate(outcome, reasoning, valid, index, config, norm_by_std, judged, rejected, ranges)
    rows = [result.advantages, outcome, reasoning, valid]
    if rejected.any():
        rows = [row.masked_select(~rejected) for row in rows]
    _learning.look(*rows, parts=parts, key=config.reasoning_key)
    unit, _ = unit_reasoning(reasoning, valid, config.reasoning_bounds())
    compared = valid & judged & ~rejected
    result.metrics.update(_alignment(parts, ranges.to_unit(outcome), unit, compared, index) | figures)
    return result


def baseline_figures(parts: Parts, index: Any, algorithm: Any, rejected: Tensor | None = None) -> dict[str, float]:
    """What a baseline with our rewards logs, to be compared with AWPO: rewards, dead groups, agreement, the judge.

    Args:
        parts: as above; without our outcome and reasoning (another reward manager) there are no figures.
        index: [B], `uid`.
        algorithm: verl's `algorithm` section.
        rejected: as above.

    Raises:
        JudgeFailedError: judge.required=True, and too few rollouts were judged.
    """
    config = parse(algorithm.get("awpo"))
    figures = judge_figures(parts, config)
    if any(name not in parts for name in (OUTCOME, VALID, config.reasoning_key)):
        return figures
    outcome = torch.tensor([float(o) for o in parts[OUTCOME]], dtype=torch.float64)
    rejected = torch.zeros(len(outcome), dtype=torch.bool) if rejected is None else rejected
    ranges = _ranges.of_outcomes(outcome, parts, rejected, config)
    reasoning, valid = read_reasoning(parts, config.reasoning_key, len(outcome))
    unit, outside = unit_reasoning(reasoning, valid, config.reasoning_bounds())
    finite = valid & torch.isfinite(unit) & ~rejected
    figures["awpo/rejected_frac"] = float(rejected.double().mean())
    if finite.any():
        figures["awpo/reasoning_out_of_range_frac"] = float(outside[finite].double().mean())
    judged = _judged(parts, len(outcome))
    alike = _alignment(parts, ranges.to_unit(outcome), unit, finite & judged, index)
    return _reward_figures(outcome, ranges, unit, finite, index, ~rejected) | alike | figures


def _reward_figures(
    outcome: Tensor, ranges: RowRanges, reasoning: Tensor, finite: Tensor, index: Any, kept: Tensor
) -> dict[str, float]:
    """`reward_metrics` of the rows that were not rejected. kept: bool [B]."""
    if not kept.any():
        return {}
    groups = Groups.of(index).select(kept)
    std_out = groups.center(outcome[kept]).std
    unit = ranges.to_unit(outcome)[kept]
    return reward_metrics(outcome[kept], unit, reasoning[kept], finite[kept], groups.sizes, std_out)


def _alignment(parts: Parts, outcome: Tensor, reasoning: Tensor, judged: Tensor, index: Any) -> dict[str, float]:
    """`alignment` over the rollouts whose thinking was scored, and not only missing. judged: bool [B]."""
    return alignment(outcome, reasoning, judged & torch.isfinite(reasoning), index, parts.get(SOURCE))


def _judged(parts: Parts, n_rows: int) -> Tensor:
    """bool [B]: False where there was no thinking to judge."""
    if STATUS not in parts:
        return torch.ones(n_rows, dtype=torch.bool)
    return ~torch.tensor(without_thinking(parts, n_rows))


def judge_figures(parts: Parts, config: AWPOConfig) -> dict[str, float]:
    """`awpo/judge/*` of the rows; {} where no judge is in use.

    Raises:
        JudgeFailedError: judge.required=True, and too few rollouts were judged.
    """
    metrics = judge_metrics(parts)
    _watch.look(metrics, parts, config.judge)
    return metrics


def estimator(token_level_rewards: Tensor, response_mask: Tensor, **kwargs: Any) -> tuple[Tensor, Tensor]:
    """`awpo` in verl's registry. verl's trainers reach AWPO through the seams around it and never call this.

    Raises:
        RuntimeError: always: an estimator called by name gets no reward parts and can hand on no clip scale.
    """
    require_intact()
    raise RuntimeError(
        "This trainer calls the awpo estimator by name, without the reward parts of the rollouts, so AWPO cannot run "
        "in it. Use verl's own trainers (v1 or legacy), or call awpo_verl.algorithm.estimate yourself."
    )


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


def compute_data_metrics(original: Any, batch: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Around verl's compute_data_metrics(batch, use_critic): the legacy trainer logs `awpo/*` with its own."""
    return original(batch, *args, **kwargs) | batch.meta_info.get(METRICS, {})


def spread(rows: Tensor, response_mask: Tensor) -> Tensor:
    """One number a row [B] -> its response tokens [B, T], in float32."""
    device = response_mask.device
    if device.type == "cpu":
        # NumPy asks Linux for pages of 2 MB: torch's own of 4 KB cost more to map than all of the arithmetic
        spread_out = torch.from_numpy(np.empty(tuple(response_mask.shape), dtype=np.float32))
    else:
        spread_out = torch.empty(response_mask.shape, dtype=torch.float32, device=device)
    # copied, then multiplied: faster than a product with verl's int64 mask, which promotes every element
    return spread_out.copy_(response_mask).mul_(rows.to(device, torch.float32).unsqueeze(-1))
