"""Seam of the rollout dumps (verl 0.9.1, trainer/ppo/v1/trainer_base.py and trainer/ppo/ray_trainer.py).

verl's validation dumps have each key of reward_extra_info. Its v1 trainer's dumps of training rollouts
(`trainer.rollout_data_dir`) have the score alone, although the parts are in each row's `extra_fields`. Where the
reward manager is `awpo`, `_log_rollout_data(batch, ...)` gets the parts first, and `_dump_generations(inputs, ...)`,
which it calls, writes them beside the score, by the row's key. Padding rows were never rolled out and are left out.

verl writes the columns input, output, gts, score and step, and then replaces them by keys of the same name that the
user's function returned. Here verl's columns stay, and the user's get the prefix `reward_extra/`, in all dumps of
both trainers. A `score` that equals verl's own is left out. (verl's v1 trainer replaces a user's `uid` in validation
dumps before this seam.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from awpo_verl.integration.keys import AWPO
from awpo_verl.integration.patching import bind_arguments, wrap
from awpo_verl.integration.v1_rows import fetch_parts, find_real_rows

VERL_COLUMNS = ("input", "output", "gts", "score", "step", "uid")
PREFIX = "reward_extra/"
SAME_SCORE = 1e-6  # verl's score is a float32


def install(module: Any) -> None:
    """Wrap both functions in verl.trainer.ppo.v1.trainer_base."""
    dumps = Dumps()
    wrap(module, "PPOTrainer._log_rollout_data", dumps.log_rollout_data)
    wrap(module, "PPOTrainer._dump_generations", dumps.dump_generations)


def install_legacy(module: Any) -> None:
    """Wrap the dump of verl.trainer.ppo.ray_trainer, which already has the reward parts."""
    wrap(module, "RayPPOTrainer._dump_generations", Dumps().dump_generations)


class Dumps:
    """The functions around a trainer's dumps.

    Attributes:
        parts: the reward parts by the row's key, while one batch of training rollouts is dumped; else None.
    """

    def __init__(self) -> None:
        self.parts: dict[str, dict[str, Any]] | None = None
        self._renamed: set[str] = set()  # columns that the user has been told of

    def log_rollout_data(self, original: Any, trainer: Any, *args: Any, **kwargs: Any) -> Any:
        """Around PPOTrainer._log_rollout_data(batch, timing_raw, rollout_data_dir)."""
        if trainer.config.reward.reward_manager.name != AWPO:
            return original(trainer, *args, **kwargs)
        call = bind_arguments(original, (trainer, *args), kwargs)
        batch, outer = call.arguments["batch"], self.parts
        real = find_real_rows(batch.tags)
        batch = batch.select_keys([key for key, is_real in zip(batch.keys, real, strict=True) if is_real])
        self.parts = dict(zip(batch.keys, fetch_parts(batch), strict=True))
        try:
            call.arguments["batch"] = batch
            return original(*call.args, **call.kwargs)
        finally:
            self.parts = outer

    def dump_generations(self, original: Any, trainer: Any, *args: Any, **kwargs: Any) -> Any:
        """Around _dump_generations(inputs, outputs, gts, scores, reward_extra_infos_dict, dump_path)."""
        if trainer.config.reward.reward_manager.name != AWPO:
            return original(trainer, *args, **kwargs)
        bound = bind_arguments(original, (trainer, *args), kwargs)
        call = bound.arguments
        users, verls = dict(call.get("reward_extra_infos_dict") or {}), {}
        if "uid" in users:  # verl's v1 trainer has put it there
            verls["uid"] = users.pop("uid")
        if self.parts is not None:
            users |= to_json_columns([self.parts.get(key, {}) for key in verls.get("uid", ())])
        call["reward_extra_infos_dict"] = self.rename_columns(users, call["scores"]) | verls
        return original(*bound.args, **bound.kwargs)

    def rename_columns(self, users: Mapping[str, Sequence[Any]], scores: Sequence[Any]) -> dict[str, Sequence[Any]]:
        """The user's columns under names that replace none of verl's.

        Args:
            users: columns of reward_extra_info, one value a row.
            scores: verl's column `score`.
        """
        named: dict[str, Sequence[Any]] = {}
        for name, values in users.items():
            if name not in VERL_COLUMNS:
                named[name] = values
            elif not (name == "score" and _are_same(values, scores)):
                named[PREFIX + name] = values
                self._tell_user(name)
        return named

    def _tell_user(self, name: str) -> None:
        """Print it once for each column."""
        if name in self._renamed:
            return
        self._renamed.add(name)
        print(
            f"[awpo] note: your reward function returns '{name}', which is a column of verl's dumps; the dumps have "
            f"yours as '{PREFIX}{name}'.",
            flush=True,
        )


def to_json_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Reward parts by key instead of by row, as JSON can hold them; None where a row lacks the key."""
    names = {name: None for row in rows for name in row}
    return {name: [to_json(row.get(name)) for row in rows] for name in names}


def to_json(value: Any) -> Any:
    """A value that JSON can hold. A user's function may return anything, and the dump must not stop the run."""
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else value
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _are_same(values: Sequence[Any], scores: Sequence[Any]) -> bool:
    """Whether the user's scores are verl's, in all rows where the user has one."""
    pairs = [(to_json(value), score) for value, score in zip(values, scores, strict=False) if value is not None]
    return len(values) == len(scores) and all(
        isinstance(value, int | float) and abs(value - score) <= SAME_SCORE * max(1.0, abs(score))
        for value, score in pairs
    )
