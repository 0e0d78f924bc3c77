"""Dump seam (verl 0.9.1, trainer/ppo/v1/trainer_base.py): the reward parts in `trainer.rollout_data_dir`.

verl's validation dumps have every key of reward_extra_info. Its v1 trainer's dumps of training rollouts have the score
alone, although the parts are in each row's `extra_fields`. Around it, where the reward manager is ours: fetch them, and
put them beside the score, by the row's key. Padding rows, with the parts of the row that they were copied from, are
left out: they were never rolled out.

In each dump verl writes the columns input, output, gts, score and step, and then replaces them by keys of the same name
that the user's function returned. Here verl's columns stay, and the user's get the prefix `reward_extra/`, in all dumps
of both trainers. A `score` equal to verl's own is left out. (verl's v1 trainer replaces a user's `uid` in validation
dumps before this seam sees it.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from awpo_verl.integration.keys import AWPO
from awpo_verl.integration.patching import wrap
from awpo_verl.integration.seam_v1 import real_rows, reward_extra_info

VERLS = ("input", "output", "gts", "score", "step", "uid")  # columns that verl writes
PREFIX = "reward_extra/"
SAME_SCORE = 1e-6  # verl's is a float32

_renamed: set[str] = set()  # told in this process
_parts: ContextVar[dict[str, dict[str, Any]] | None] = ContextVar("awpo_dumped_parts", default=None)


def install(module: Any) -> None:
    """Wrap both functions in verl.trainer.ppo.v1.trainer_base."""
    wrap(module, "PPOTrainer._log_rollout_data", _log_rollout_data)
    wrap(module, "PPOTrainer._dump_generations", _dump_generations)


def install_legacy(module: Any) -> None:
    """Wrap the dump of verl.trainer.ppo.ray_trainer, which has the reward parts already."""
    wrap(module, "RayPPOTrainer._dump_generations", _dump_generations)


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
    """Around _dump_generations(inputs, outputs, gts, scores, reward_extra_infos_dict, dump_path)."""
    extra = kwargs.get("reward_extra_infos_dict")
    if extra is None or self.config.reward.reward_manager.name != AWPO:
        return original(self, *args, **kwargs)
    parts, users, verls = _parts.get(), extra, {}
    if "uid" in extra:  # verl's v1 trainer has put it there
        verls = {"uid": extra["uid"]}
        users = {name: values for name, values in extra.items() if name != "uid"}
    if parts is not None:
        users = users | columns_of([parts.get(key, {}) for key in extra.get("uid", ())])
    kwargs["reward_extra_infos_dict"] = beside_verls(users, kwargs.get("scores", ())) | verls
    return original(self, *args, **kwargs)


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Reward parts by key instead of by row, as JSON can hold them; null where a row lacks the key."""
    names = {name: None for row in rows for name in row}
    return {name: [_plain(row.get(name)) for row in rows] for name in names}


def beside_verls(users: Mapping[str, Sequence[Any]], scores: Sequence[Any]) -> dict[str, Sequence[Any]]:
    """The user's columns under names that replace none of verl's.

    Args:
        users: columns of reward_extra_info, one value a row.
        scores: verl's column `score`.
    """
    named: dict[str, Sequence[Any]] = {}
    for name, values in users.items():
        if name not in VERLS:
            named[name] = values
        elif not (name == "score" and _same(values, scores)):
            named[PREFIX + name] = values
            _tell(name)
    return named


def _same(values: Sequence[Any], scores: Sequence[Any]) -> bool:
    """Whether the user's scores are verl's, in all rows that have one."""
    pairs = [(_plain(value), score) for value, score in zip(values, scores, strict=False) if value is not None]
    return len(values) == len(scores) and all(
        isinstance(value, int | float) and abs(value - score) <= SAME_SCORE * max(1.0, abs(score))
        for value, score in pairs
    )


def _tell(name: str) -> None:
    if name not in _renamed:
        _renamed.add(name)
        print(
            f"[awpo] note: your reward function returns '{name}', which is a column of verl's dumps; the dumps have "
            f"yours as '{PREFIX}{name}'.",
            flush=True,
        )


def _plain(value: Any) -> Any:
    """What JSON can hold: a user's own function may have returned anything, and the dump must not stop the run."""
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else value
    return value if value is None or isinstance(value, str | int | float) else str(value)
