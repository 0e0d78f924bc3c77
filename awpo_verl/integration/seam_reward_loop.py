"""Reward seam (verl 0.9.1, experimental/reward_loop/reward_loop.py): a judge served by verl itself.

With `reward.reward_model.enable`, and no custom reward function, verl takes the model for a discriminative one: it asks
it for a score and calls no reward manager. AWPO's manager has the router's address from verl, and wants the rollout.
"""

from __future__ import annotations

from typing import Any

from awpo_verl.integration.keys import AWPO


async def compute_score(original: Any, self: Any, data: Any) -> Any:
    """Around RewardLoopWorker.compute_score(data): `awpo`, where it is the reward manager, scores every rollout."""
    if self.config.reward.reward_manager.name == AWPO:
        return await self.reward_manager.run_single(data)
    return await original(self, data)
