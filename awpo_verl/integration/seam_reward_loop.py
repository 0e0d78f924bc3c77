"""Seam of the reward loop (verl 0.9.1, experimental/reward_loop/reward_loop.py): a judge that verl itself serves.

With `reward.reward_model.enable`, and without a custom reward function, verl takes the model for a discriminative
one: it asks the model for a score and calls no reward manager. AWPO's manager has the address of verl's router, and
asks the model itself, so RewardLoopWorker.compute_score(data), data of one session, goes to the manager.
"""

from __future__ import annotations

from typing import Any

from awpo_verl.integration.keys import AWPO
from awpo_verl.integration.patching import read_arguments, wrap


def install(module: Any) -> None:
    """Wrap RewardLoopWorker.compute_score."""
    wrap(module, "RewardLoopWorker.compute_score", compute_score)


async def compute_score(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    """Around RewardLoopWorker.compute_score: the reward manager `awpo` scores each rollout."""
    if self.config.reward.reward_manager.name != AWPO:
        return await original(self, *args, **kwargs)
    return await self.reward_manager.run_single(read_arguments(original, (self, *args), kwargs)["data"])
