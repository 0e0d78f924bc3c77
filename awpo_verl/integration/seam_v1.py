"""Seam of the v1 trainers (verl 0.9.1, trainer/ppo/v1/trainer_base.py; sync, colocate_async, separate_async).

`PPOTrainer._compute_advantage(batch, metrics)`, the outer function, gets a fixed list of fields from TransferQueue,
calls `compute_advantage_for_multi_trajectories(data, batch_keys, ...)`, the inner one, and puts advantages and
returns back. It does not get `extra_fields`, where each row has its reward parts. (For that reason verl's own gdpo
fails there.)

Around the outer function: get the parts first, and afterwards put the clip scale beside the advantages and log the
metrics. Around the inner function, for awpo: `data` (R rows) gets advantages and returns, float32 [R, T]. Padding
rows get advantage 0 and clip scale 1.

verl's rejection sampling (`rollout_rs`) runs between the two: it sets the response mask of a row to 0. A session is
rejected when none of its rows has a response token left. While one row has, the session counts with its whole reward,
and the tokens that are left are trained on.

A run that uses neither the estimator nor the reward manager `awpo` goes to verl as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from awpo_verl.algorithm.groups import Groups
from awpo_verl.config import parse
from awpo_verl.integration.keys import AWPO, CLIP_SCALE, GDPO, GDPO_READY
from awpo_verl.integration.patching import read_arguments, wrap
from awpo_verl.integration.step import Step, StepRows
from awpo_verl.integration.tokens import spread_over_tokens
from awpo_verl.integration.v1_rows import BatchRows, PartsByKey, Sessions, fetch_rows, find_sessions, to_columns


@dataclass
class Handover:
    """What the inner function needs and verl does not pass, and what it leaves for the outer one."""

    rows: BatchRows
    clip_scale: Tensor | None = None  # float32 [R]
    metrics: dict[str, float] = field(default_factory=dict[str, float])


class V1Seam:
    """The two functions around verl's; one object in a process that trains."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._handover: Handover | None = None  # during one call of the outer function

    @contextmanager
    def hand_over(self, rows: BatchRows) -> Iterator[Handover]:
        """Give the inner function the rows while the block runs.

        Raises:
            RuntimeError: another call is not done yet; its rows and these would be mixed up.
        """
        if self._handover is not None:
            raise RuntimeError("PPOTrainer._compute_advantage was called again before its last call returned.")
        self._handover = Handover(rows)
        try:
            yield self._handover
        finally:
            self._handover = None

    def compute_advantage(self, original: Any, trainer: Any, *args: Any, **kwargs: Any) -> Any:
        """Around PPOTrainer._compute_advantage, the outer function."""
        config = trainer.config
        if config.algorithm.adv_estimator != AWPO and config.reward.reward_manager.name != AWPO:
            return original(trainer, *args, **kwargs)
        call = read_arguments(original, (trainer, *args), kwargs)
        batch, metrics = call["batch"], call["metrics"]
        with self.hand_over(fetch_rows(batch)) as handover:
            result = original(trainer, *args, **kwargs)
        metrics.update(handover.metrics)
        return result if handover.clip_scale is None else _put_clip_scale(batch, handover.clip_scale)

    def compute_for_sessions(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        """Around compute_advantage_for_multi_trajectories, the inner function."""
        handover = self._handover
        if handover is None:
            return original(*args, **kwargs)
        call = read_arguments(original, args, kwargs)
        data, estimator, algorithm = call["data"], call["adv_estimator"], call["config"]
        mask, rows = data.batch["response_mask"], handover.rows
        sessions = find_sessions(call["batch_keys"], rows.real)
        rollouts = _read_rollouts(rows, sessions, data)
        if estimator == AWPO:
            outcome = sessions.select(data.batch["token_level_rewards"].sum(dim=-1))
            result = self._step.estimate(rollouts, outcome, algorithm, call["norm_adv_by_std_in_grpo"])
            advantages = sessions.to_rows(result.advantages, padding=0.0)
            data.batch["advantages"] = data.batch["returns"] = spread_over_tokens(advantages, mask)
            handover.clip_scale = sessions.to_rows(result.clip_scale, padding=1.0)
            handover.metrics = result.metrics
            return data
        handover.metrics = self._step.baseline_metrics(rollouts, algorithm)
        if estimator == GDPO:
            self._prepare_gdpo(data, rows, algorithm)
        return original(*args, **kwargs)

    def _prepare_gdpo(self, data: Any, rows: BatchRows, algorithm: Any) -> None:
        """Give verl's gdpo what it reads: the reward parts by key, and where each response ends, to put a part there.

        gdpo sums over the tokens at once, so each place in the row will do: an empty prompt and a full mask.
        """
        columns = to_columns(rows.parts)
        reasoning = self._step.gdpo_reasoning(columns, data.non_tensor_batch["uid"], algorithm)
        if reasoning is not None:
            columns[parse(algorithm.get("awpo")).reasoning_key] = reasoning
        mask = data.batch["response_mask"]
        data.non_tensor_batch.update(columns)
        data.batch["prompts"] = torch.zeros(mask.shape[0], 0, dtype=torch.int64)
        data.batch["attention_mask"] = torch.ones_like(mask)
        data.meta_info[GDPO_READY] = True


def install(module: Any, step: Step) -> None:
    """Wrap both functions in verl.trainer.ppo.v1.trainer_base."""
    seam = V1Seam(step)
    wrap(module, "PPOTrainer._compute_advantage", seam.compute_advantage)
    wrap(module, "compute_advantage_for_multi_trajectories", seam.compute_for_sessions)


def _read_rollouts(rows: BatchRows, sessions: Sessions, data: Any) -> StepRows:
    """The real sessions, each through its last row. data: verl's DataProto of R rows."""
    groups = Groups.of(data.non_tensor_batch["uid"][sessions.last_row])
    rejected = sessions.find_rejected(data.batch["response_mask"])
    return StepRows(PartsByKey(rows, sessions.last_row), groups, rejected)


def _put_clip_scale(batch: Any, clip_scale: Tensor) -> Any:
    """Put the clip scale, float32 [R], beside the advantages in TransferQueue. Returns verl's KVBatchMeta."""
    import transfer_queue as tq
    from tensordict import TensorDict

    fields = TensorDict({CLIP_SCALE: clip_scale}, batch_size=len(batch.keys))
    return tq.kv_batch_put(keys=batch.keys, partition_id=batch.partition_id, fields=fields)
