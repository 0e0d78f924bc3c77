"""Trainer seam (verl 0.9.1, trainer/ppo/v1/trainer_base.py): reward parts go to the estimator, the clip scale leaves.

`PPOTrainer._compute_advantage` (all v1 modes: sync, colocate_async, separate_async) fetches a fixed list of fields from
TransferQueue. The reward parts are in each row's `extra_fields`, which it does not fetch; that is also why verl's
own `gdpo` fails there. Around it: fetch the parts first, hand them to the advantage computation for the duration of the
call, then put the clip scale beside the advantages and log the metrics.

Rows are not rollouts: a session may have several outputs (keys `{uid}_{session}_{i}`) and verl appends padding rows
(tag `is_padding`). As verl's GRPO does, a session counts once, through its last output, and its advantage goes to all
of its rows. Padding rows get advantage 0 and scale 1 and enter nothing.

verl's rejection sampling (`rollout_rs`) sets the response mask of a row to 0 before the advantages are computed. A
session is rejected when none of its rows has a response token left. While one row has, the session counts: its reward
is that of the whole session, and the tokens that are left are trained on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from awpo_verl.integration import step
from awpo_verl.integration.keys import AWPO, GDPO
from awpo_verl.integration.patching import wrap
from awpo_verl.integration.run_ranges import SOURCE
from awpo_verl.integration.seam_loss import SCALE_FIELD


@dataclass
class _Handover:
    """What one `_compute_advantage` call passes in (parts, real, sources) and out (scale, metrics)."""

    parts: list[dict[str, Any]]  # reward_extra_info of each row
    real: list[bool]  # False: a padding row
    sources: list[Any] | None = None  # data_source of each row; None where it is not known
    scale: torch.Tensor | None = None  # float32 [rows]
    metrics: dict[str, float] = field(default_factory=dict)


_handover: ContextVar[_Handover | None] = ContextVar("awpo_handover", default=None)


def install(module: Any) -> None:
    """Wrap both functions in verl.trainer.ppo.v1.trainer_base."""
    wrap(module, "PPOTrainer._compute_advantage", _compute_advantage)
    wrap(module, "compute_advantage_for_multi_trajectories", _compute_for_sessions)


def _compute_advantage(original: Any, self: Any, batch: Any, metrics: dict[str, Any]) -> Any:
    """Around PPOTrainer._compute_advantage."""
    estimator = self.config.algorithm.adv_estimator
    if estimator not in (AWPO, GDPO) and self.config.reward.reward_manager.name != AWPO:
        return original(self, batch, metrics)
    import transfer_queue as tq
    from tensordict import TensorDict

    rows = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=["extra_fields", SOURCE])
    handover = _Handover(
        parts=[reward_extra_info(extra) for extra in rows["extra_fields"]],
        real=real_rows(batch.tags),
        sources=list(rows[SOURCE]),
    )
    token = _handover.set(handover)
    try:
        result = original(self, batch, metrics)
    finally:
        _handover.reset(token)
    metrics.update(handover.metrics)
    if handover.scale is not None:
        result = tq.kv_batch_put(
            keys=batch.keys,
            partition_id=batch.partition_id,
            fields=TensorDict({SCALE_FIELD: handover.scale}, batch_size=len(batch.keys)),
        )
    return result


def _compute_for_sessions(original: Any, data: Any, batch_keys: list[str], **call: Any) -> Any:
    """Around compute_advantage_for_multi_trajectories(data, batch_keys, adv_estimator, ...)."""
    handover = _handover.get()
    if handover is None:
        return original(data, batch_keys, **call)
    final, final_of_row = scored_rows(batch_keys, handover.real)
    real = torch.tensor(handover.real)
    source = torch.tensor(final_of_row, dtype=torch.int64).masked_select(real)
    with_tokens = ~step.without_tokens(data.batch["response_mask"])
    rejected = torch.ones(len(final), dtype=torch.bool)
    rejected.index_fill_(0, source.masked_select(with_tokens.masked_select(real)), False)
    parts, uids = Columns(handover, final), data.non_tensor_batch["uid"][final]
    if call["adv_estimator"] != AWPO:  # a baseline with our rewards: compared by the same figures, its judge watched
        handover.metrics = step.baseline_figures(parts, uids, call["config"], rejected)
        if call["adv_estimator"] == GDPO:
            _give_gdpo_its_inputs(data, handover.parts)
        return original(data, batch_keys, **call)

    outcome = data.batch["token_level_rewards"].sum(dim=-1).cpu()
    result = step.estimate_rows(
        outcome=outcome.index_select(0, torch.tensor(final, dtype=torch.int64)),
        parts=parts,
        index=uids,
        algorithm=call["config"],
        norm_by_std=call["norm_adv_by_std_in_grpo"],
        rejected=rejected,
    )
    # padding rows keep advantage 0 and scale 1
    of_rows = result.advantages.float().index_select(0, source), result.clip_scale.float().index_select(0, source)
    advantages = torch.zeros(len(batch_keys)).masked_scatter(real, of_rows[0])
    scale = torch.ones(len(batch_keys)).masked_scatter(real, of_rows[1])
    data.batch["advantages"] = data.batch["returns"] = step.spread(advantages, data.batch["response_mask"])
    handover.scale, handover.metrics = scale, result.metrics
    return data


def real_rows(tags: list[dict[str, Any]]) -> list[bool]:
    """Which rows are no padding that verl has appended, by their tags."""
    return [not tag.get("is_padding", False) for tag in tags]


def scored_rows(batch_keys: list[str], real: list[bool]) -> tuple[list[int], list[int]]:
    """Which rows are rollouts, and which of them each row belongs to.

    Args:
        batch_keys: `{uid}_{session}_{i}` for each row.
        real: False for a padding row.

    Returns:
        final: the row numbers of each session's last output, real sessions only.
        final_of_row: for each row the position in `final` of its session; 0, meaningless, for padding.
    """
    if all(key.endswith("_0") for key in batch_keys):  # one output each, as usual: every real row is a session
        final = [row for row, is_real in enumerate(real) if is_real]
        return final, (np.cumsum(real) - 1).clip(min=0).tolist()
    last: dict[str, tuple[int, int]] = {}  # session -> (output number, row)
    sessions: list[str] = []
    for row, key in enumerate(batch_keys):
        session, _, output = key.rpartition("_")
        sessions.append(session)
        if real[row] and (session not in last or int(output) > last[session][0]):
            last[session] = (int(output), row)
    position = {session: i for i, session in enumerate(last)}
    return [row for _, row in last.values()], [position.get(session, 0) for session in sessions]


class Columns(Mapping[str, list[Any]]):
    """The reward parts of some rows by key instead of by row, made when a key is read: a row has twenty, few are read.

    A key that a row lacks is None there. `data_source` is a key where the sources are known.
    """

    def __init__(self, handover: _Handover, rows: Sequence[int]) -> None:
        """rows: the numbers of the rows, B of them."""
        self._parts = [handover.parts[row] for row in rows]
        self._made: dict[str, list[Any] | None] = {}  # None: no row has the key
        if handover.sources is not None:
            self._made[SOURCE] = [handover.sources[row] for row in rows]

    def __getitem__(self, key: str) -> list[Any]:
        if key not in self._made:
            self._made[key] = _column(self._parts, key)
        column = self._made[key]
        if column is None:
            raise KeyError(key)
        return column

    def __iter__(self) -> Iterator[str]:
        made = [key for key, column in self._made.items() if column is not None]
        return iter({key: None for part in [made, *self._parts] for key in part})

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _column(parts: list[dict[str, Any]], key: str) -> list[Any] | None:
    try:
        return [part[key] for part in parts]
    except KeyError:
        return [part.get(key) for part in parts] if any(key in part for part in parts) else None


def columns(parts: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """All reward parts by key, object arrays of B values, as verl has them; a key that a row lacks is None there."""
    keys = {key: None for row in parts for key in row}
    return {key: np.array([row.get(key) for row in parts], dtype=object) for key in keys}


def _give_gdpo_its_inputs(data: Any, parts: list[dict[str, Any]]) -> None:
    """verl's gdpo reads its parts by key and wants to know where each response ends, to put a part there.

    It sums over the tokens right away, so any place inside the row will do: an empty prompt and a full mask.
    """
    data.non_tensor_batch.update(columns(parts))
    mask = data.batch["response_mask"]
    data.batch["prompts"] = torch.zeros(mask.shape[0], 0, dtype=torch.int64)
    data.batch["attention_mask"] = torch.ones_like(mask)


def reward_extra_info(extra_fields: Any) -> dict[str, Any]:
    """The reward parts in a row's `extra_fields`, not copied; {} where there are none."""
    return (extra_fields.get("reward_extra_info") or {}) if isinstance(extra_fields, dict) else {}
