"""Dump seam (verl 0.9.1, trainer/ppo/v1/trainer_base.py): the reward parts in `trainer.rollout_data_dir`.

verl's validation dumps have every key of reward_extra_info. Its v1 trainer's dumps of training rollouts have the score
alone, although the parts are in each row's `extra_fields`. Around it, where the reward manager is ours: fetch them, and
put them beside the score, by the row's key. Padding rows, with the parts of the row that they were copied from, are
left out: they were never rolled out.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from awpo_verl.integration.keys import AWPO
from awpo_verl.integration.patching import wrap
from awpo_verl.integration.trainer_v1 import real_rows, reward_extra_info

_parts: ContextVar[dict[str, dict[str, Any]] | None] = ContextVar("awpo_dumped_parts", default=None)


def install(module: Any) -> None:
    """Wrap both functions in verl.trainer.ppo.v1.trainer_base."""
    wrap(module, "PPOTrainer._log_rollout_data", _log_rollout_data)
    wrap(module, "PPOTrainer._dump_generations", _dump_generations)


def _log_rollout_data(original: Any, self: Any, batch: Any, *args: Any, **kwargs: Any) -> Any:
    """Around PPOTrainer._log_rollout_data(batch, timing_raw, rollout_data_dir)."""
    if self.config.reward.reward_manager.name != AWPO:
        return original(self, batch, *args, **kwargs)
    import transfer_queue as tq

    batch = batch.select_keys([key for key, real in zip(batch.keys, real_rows(batch.tags), strict=True) if real])
    rows = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=["extra_fields"])
    parts = {key: reward_extra_info(extra) for key, extra in zip(batch.keys, rows["extra_fields"], strict=True)}
    token = _parts.set(parts)
    try:
        return original(self, batch, *args, **kwargs)
    finally:
        _parts.reset(token)


def _dump_generations(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    """Around PPOTrainer._dump_generations(inputs, outputs, gts, scores, reward_extra_infos_dict, dump_path)."""
    parts, columns = _parts.get(), kwargs.get("reward_extra_infos_dict")
    if parts is not None and columns is not None and "uid" in columns:
        rows = [parts.get(key, {}) for key in columns["uid"]]
        names = {name: None for row in rows for name in row if name not in columns}
        kwargs["reward_extra_infos_dict"] = columns | {name: [_plain(row.get(name)) for row in rows] for name in names}
    return original(self, *args, **kwargs)


def _plain(value: Any) -> Any:
    """What JSON can hold: a user's own function may have returned anything, and the dump must not stop the run."""
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else value
    return value if value is None or isinstance(value, str | int | float) else str(value)
