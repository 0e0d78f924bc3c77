"""Advantage seam (verl 0.9.1, trainer/ppo/ray_trainer.py): AWPO's estimator gets the reward parts of each row.

verl's `compute_advantage` passes an estimator the rewards, the mask and the group labels, but not the reward parts,
although the legacy trainer has them in `data.non_tensor_batch`. Around it:
`data` (B rows) -> advantages and returns [B, T], and the clip scale [B] as a further field for the actor's loss.

The v1 trainers do not come here for awpo: trainer_v1.py has their rows, and calls `estimate_rows` itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from awpo_verl.algorithm import Estimate, estimate
from awpo_verl.algorithm.alignment import alignment
from awpo_verl.algorithm.groups import group_center, group_ids, group_sizes
from awpo_verl.algorithm.metrics import reward_metrics
from awpo_verl.config import SECTION, AWPOConfig, parse
from awpo_verl.integration.actor_loss import SCALE_FIELD
from awpo_verl.integration.keys import AWPO
from awpo_verl.integration.patching import require_intact
from awpo_verl.integration.watch import LearningWatch
from awpo_verl.rewards.parts import NONFINITE, OUTCOME, VALID
from awpo_verl.rewards.reasoning.judge.metrics import Watch, judge_metrics, without_thinking

METRICS = "awpo_metrics"  # in data.meta_info
SOURCE = "data_source"

_watch = Watch()
_learning = LearningWatch()


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
    if adv_estimator != AWPO:
        return original(data, adv_estimator, gamma, lam, num_repeat, norm_adv_by_std_in_grpo, config)
    outcome = data.batch["token_level_rewards"].sum(dim=-1)
    result = estimate_rows(
        outcome, data.non_tensor_batch, data.non_tensor_batch["uid"], config, norm_adv_by_std_in_grpo
    )
    mask = data.batch["response_mask"]
    data.batch["advantages"] = data.batch["returns"] = spread(result.advantages, mask)
    data.batch[SCALE_FIELD] = result.clip_scale.to(mask.device, torch.float32)
    data.meta_info[METRICS] = result.metrics
    return data


def estimate_rows(outcome: Tensor, parts: dict[str, Any], index: Any, algorithm: Any, norm_by_std: bool) -> Estimate:
    """`algorithm.estimate` on what verl has in hand, with the metrics of judge and alignment.

    Args:
        outcome: [B], the sum of each rollout's token-level rewards, as in verl's GRPO.
        parts: the reward parts as columns of B values, of which the reasoning reward is needed, and data_source.
        index: [B], `uid`.
        algorithm: verl's `algorithm` section.
        norm_by_std: `algorithm.norm_adv_by_std_in_grpo`.

    Raises:
        JudgeFailedError: judge.required=True, and too few rollouts were judged.
    """
    require_intact()
    config = parse(algorithm.get("awpo"))
    reasoning, valid = read_reasoning(parts, config.reasoning_key, len(outcome))
    figures = judge_figures(parts, config)
    judged = ~torch.tensor(without_thinking(parts, len(outcome)))
    result = estimate(outcome.cpu(), reasoning, valid, index, config, norm_by_std, judged)
    _learning.look(result.advantages, outcome.cpu(), reasoning, valid, parts, config.reasoning_key)
    result.metrics.update(_alignment(parts, outcome.cpu(), reasoning, valid & judged, index) | figures)
    return result


def baseline_figures(parts: dict[str, Any], index: Any, algorithm: Any) -> dict[str, float]:
    """What a baseline with our rewards logs, to be compared with AWPO: rewards, dead groups, agreement, the judge.

    Args:
        parts: as above; without our outcome and reasoning (another reward manager) there are no figures.
        index: [B], `uid`.
        algorithm: verl's `algorithm` section.

    Raises:
        JudgeFailedError: judge.required=True, and too few rollouts were judged.
    """
    config = parse(algorithm.get("awpo"))
    figures = judge_figures(parts, config)
    key = config.reasoning_key
    if not {OUTCOME, VALID, key} <= parts.keys():
        return figures
    outcome = torch.tensor([float(o) for o in parts[OUTCOME]], dtype=torch.float64)
    reasoning, valid = read_reasoning(parts, key, len(outcome))
    finite = valid & torch.isfinite(reasoning)
    ids, n = group_ids(index)
    sizes = group_sizes(ids, n)
    _, _, std_out = group_center(outcome, ids, sizes)
    rewards = reward_metrics(outcome, reasoning, finite, sizes, std_out)
    judged = valid & ~torch.tensor(without_thinking(parts, len(valid)))
    return rewards | _alignment(parts, outcome, reasoning, judged, index) | figures


def _alignment(
    parts: dict[str, Any], outcome: Tensor, reasoning: Tensor, judged: Tensor, index: Any
) -> dict[str, float]:
    """`alignment` over the rollouts whose thinking was scored, and not only missing. judged: bool [B]."""
    return alignment(outcome, reasoning, judged & torch.isfinite(reasoning), index, parts.get(SOURCE))


def judge_figures(parts: dict[str, Any], config: AWPOConfig) -> dict[str, float]:
    """`awpo/judge/*` of the rows; {} where no judge is in use.

    Raises:
        JudgeFailedError: judge.required=True, and too few rollouts were judged.
    """
    _watch.look(parts, config.judge)
    return judge_metrics(parts)


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


def read_reasoning(parts: dict[str, Any], key: str, n_rows: int) -> tuple[Tensor, Tensor]:
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

    def column(name: str, default: float) -> Tensor:
        values = parts.get(name)
        if values is None:
            return torch.full((n_rows,), default, dtype=torch.float64)
        return torch.from_numpy(np.array([default if v is None else float(v) for v in values], dtype=np.float64))

    reasoning = column(key, 0.0)
    present = torch.from_numpy(np.array([v is not None for v in parts[key]], dtype=bool))
    nonfinite = column(NONFINITE, 0.0) > 0.5
    valid = present & (column(VALID, 1.0) > 0.5) | nonfinite
    return reasoning.masked_fill(nonfinite, float("nan")), valid


def compute_data_metrics(original: Any, batch: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Around verl's compute_data_metrics(batch, use_critic): the legacy trainer logs `awpo/*` with its own."""
    return original(batch, *args, **kwargs) | batch.meta_info.get(METRICS, {})


def spread(rows: Tensor, response_mask: Tensor) -> Tensor:
    """One number a row [B] -> its response tokens [B, T], in float32."""
    # twice as fast as a product with verl's int64 mask, which is converted element by element
    spread_out = response_mask.to(torch.float32, copy=True)
    return spread_out.mul_(rows.to(response_mask.device, torch.float32).unsqueeze(-1))
