"""Rows through the seams of both trainers, around verl's own functions, with a `Step` of their own."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl import DataProto
from verl.trainer.ppo import ray_trainer
from verl.trainer.ppo.v1 import trainer_base

from awpo_verl.integration import seam_legacy
from awpo_verl.integration.seam_v1 import Handover, V1Seam
from awpo_verl.integration.step import Step
from awpo_verl.integration.v1_rows import BatchRows, to_columns

T = 3


def rows(scores: list[float], uids: list[str], empty: tuple[int, ...] = ()) -> DataProto:
    """B rows of T tokens, the reward on the last one. The rows in `empty` have no token left."""
    rewards = torch.zeros(len(scores), T)
    rewards[:, -1] = torch.tensor(scores)
    mask = torch.ones(len(scores), T, dtype=torch.int64)
    mask[list(empty)] = 0
    tensors = {"token_level_rewards": rewards, "response_mask": mask}
    return DataProto(TensorDict(tensors, batch_size=len(scores)), {"uid": np.array(uids, dtype=object)})


def algorithm(estimator: str = "awpo", **awpo: Any) -> Any:
    """verl's `algorithm` section. awpo: keys of `algorithm.awpo`."""
    return OmegaConf.create({"adv_estimator": estimator, "gdpo_reward_keys": ["outcome", "reasoning"], "awpo": awpo})


def parts(outcome: list[float], reasoning: list[float], **more: float) -> list[dict[str, Any]]:
    """The reward parts of B rows. more: the same in each row."""
    pairs = zip(outcome, reasoning, strict=True)
    return [{"outcome": o, "reasoning": q, "reasoning_valid": 1.0, **more} for o, q in pairs]


def with_prompts(data: DataProto) -> DataProto:
    """As the legacy trainer has it: an empty prompt and an attention mask."""
    data.batch["prompts"], data.batch["attention_mask"] = (
        torch.zeros(len(data), 0),
        torch.ones_like(data.batch["response_mask"]),
    )
    return data


def through_v1(
    data: DataProto,
    row_parts: list[dict[str, Any]],
    algorithm: Any,
    keys: list[str] | None = None,
    sources: list[str] | None = None,
    real: list[bool] | None = None,
    step: Step | None = None,
) -> tuple[DataProto, Handover]:
    """As PPOTrainer._compute_advantage calls verl's function, with our seam around it."""
    seam = V1Seam(step or Step())
    with seam.hand_over(BatchRows(row_parts, real or [True] * len(row_parts), sources)) as handover:
        data = seam.compute_for_sessions(
            inspect.unwrap(trainer_base.compute_advantage_for_multi_trajectories),
            data,
            batch_keys=keys or [f"{uid}_{i}_0" for i, uid in enumerate(data.non_tensor_batch["uid"])],
            adv_estimator=algorithm.adv_estimator,
            gamma=1.0,
            lam=1.0,
            num_repeat=1,
            norm_adv_by_std_in_grpo=True,
            config=algorithm,
        )
    return data, handover


def through_legacy(
    data: DataProto,
    row_parts: list[dict[str, Any]],
    algorithm: Any,
    sources: list[str] | None = None,
    step: Step | None = None,
) -> tuple[DataProto, dict[str, float]]:
    """As RayPPOTrainer.fit calls verl's function, with our seam around it."""
    data.non_tensor_batch |= to_columns(row_parts)
    if sources is not None:
        data.non_tensor_batch["data_source"] = np.array(sources, dtype=object)
    data = seam_legacy.compute_advantage(
        step or Step(),
        inspect.unwrap(ray_trainer.compute_advantage),
        data,
        adv_estimator=algorithm.adv_estimator,
        norm_adv_by_std_in_grpo=True,
        config=algorithm,
    )
    return data, data.meta_info.get(seam_legacy.METRICS, {})
