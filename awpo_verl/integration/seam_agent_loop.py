"""Agent-loop seam (verl 0.9.1, experimental/agent_loop/agent_loop.py): which tokens of a response are the model's.

verl's agent loop knows it (its response mask) and does not send it to the reward loop, so a reward manager would take
for the model's words what a tool answered.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from awpo_verl.integration.keys import AWPO
from awpo_verl.rewards.turns import OWN_TOKENS


async def compute_score(original: Any, self: Any, outputs: Any, kwargs: Any) -> Any:
    """Around AgentLoopWorker._compute_score(outputs, kwargs): the mask of the last output, which is what is scored.

    verl makes a column of the reward loop's row of each of kwargs. Other reward managers than `awpo` get what they got.
    """
    if self.config.reward.reward_manager.name != AWPO:
        return await original(self, outputs, kwargs)
    own = np.asarray(outputs[-1].response_mask, dtype=bool)
    return await original(self, outputs, {**kwargs, OWN_TOKENS: own})
