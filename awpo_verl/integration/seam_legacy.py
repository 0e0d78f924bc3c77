"""Seam of the legacy trainer (verl 0.9.1, trainer/ppo/ray_trainer.py and metric_utils.py).

verl's `compute_advantage(data, adv_estimator, ...)` gives an estimator the rewards, the mask and the group labels.
The legacy trainer also has the reward parts, in `data.non_tensor_batch`. For awpo, `data` (B rows) gets here:
advantages and returns, float32 [B, T]; the clip scale, float32 [B]; the metrics, in `data.meta_info`, where
`compute_data_metrics` finds them. verl's gdpo gets the reasoning reward as AWPO reads it (Step.gdpo_reasoning).

The v1 trainers call this function too, for each estimator but awpo. seam_v1.py has prepared their gdpo by then.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from awpo_verl.algorithm.groups import Groups
from awpo_verl.config import parse
from awpo_verl.integration.keys import AWPO, CLIP_SCALE, GDPO, GDPO_READY
from awpo_verl.integration.patching import read_arguments, wrap
from awpo_verl.integration.step import Step, StepRows
from awpo_verl.integration.tokens import find_rows_without_tokens, spread_over_tokens

METRICS = "awpo_metrics"  # in data.meta_info


def install(module: Any, step: Step) -> None:
    """Wrap `compute_advantage` in verl.trainer.ppo.ray_trainer."""
    wrap(module, "compute_advantage", partial(compute_advantage, step))


def install_metrics(module: Any) -> None:
    """Wrap `compute_data_metrics` in verl.trainer.ppo.metric_utils."""
    wrap(module, "compute_data_metrics", compute_data_metrics)


def compute_advantage(step: Step, original: Any, *args: Any, **kwargs: Any) -> Any:
    """Around verl's compute_advantage. Every estimator but awpo and gdpo goes to verl as it is."""
    call = read_arguments(original, args, kwargs)
    data, algorithm = call["data"], call["config"]
    if call["adv_estimator"] == AWPO:
        return _compute_awpo(step, data, algorithm, call["norm_adv_by_std_in_grpo"])
    if call["adv_estimator"] != GDPO or data.meta_info.get(GDPO_READY):
        return original(*args, **kwargs)
    columns = data.non_tensor_batch
    reasoning = step.gdpo_reasoning(columns, columns.get("uid"), algorithm)
    if reasoning is None:
        return original(*args, **kwargs)
    key = parse(algorithm.get("awpo")).reasoning_key
    given = columns[key]
    columns[key] = reasoning
    try:
        return original(*args, **kwargs)
    finally:
        columns[key] = given  # verl's dumps show the user's own


def _compute_awpo(step: Step, data: Any, algorithm: Any, norm_by_std: bool) -> Any:
    """Advantages, returns, clip scale and metrics, into `data`."""
    mask = data.batch["response_mask"]
    rows = StepRows(data.non_tensor_batch, Groups.of(data.non_tensor_batch["uid"]), find_rows_without_tokens(mask))
    result = step.estimate(rows, data.batch["token_level_rewards"].sum(dim=-1), algorithm, norm_by_std)
    data.batch["advantages"] = data.batch["returns"] = spread_over_tokens(result.advantages, mask)
    data.batch[CLIP_SCALE] = result.clip_scale.to(mask.device, torch.float32)
    data.meta_info[METRICS] = result.metrics
    return data


def compute_data_metrics(original: Any, *args: Any, **kwargs: Any) -> Any:
    """Around verl's compute_data_metrics(batch, use_critic): `awpo/*` beside verl's own metrics."""
    metrics = original(*args, **kwargs)
    ours = read_arguments(original, args, kwargs)["batch"].meta_info.get(METRICS)
    return metrics | ours if ours else metrics
