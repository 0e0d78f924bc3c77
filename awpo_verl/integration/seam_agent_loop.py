"""Seam of the agent loop (verl 0.9.1, experimental/agent_loop/agent_loop.py): which response tokens are the model's.

verl's agent loop knows this (its response mask) and does not send it to the reward loop. A reward manager would then
take a tool's answer for the model's own text.

verl calls AgentLoopWorker._compute_score(outputs, kwargs), where outputs are those of one session, and makes a column
of the reward loop's row of each entry of kwargs. It scores the last output, so that output's mask, bool [T], is
added.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from awpo_verl.integration.keys import AWPO
from awpo_verl.integration.patching import bind_arguments, wrap
from awpo_verl.rewards.turns import OWN_TOKENS


def install(module: Any) -> None:
    """Wrap AgentLoopWorker._compute_score."""
    wrap(module, "AgentLoopWorker._compute_score", compute_score)


async def compute_score(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    """Around AgentLoopWorker._compute_score: the reward manager `awpo` also gets the mask."""
    if self.config.reward.reward_manager.name != AWPO:
        return await original(self, *args, **kwargs)
    call = bind_arguments(original, (self, *args), kwargs)
    own = np.asarray(call.arguments["outputs"][-1].response_mask, dtype=bool)
    call.arguments["kwargs"] = {**call.arguments["kwargs"], OWN_TOKENS: own}
    return await original(*call.args, **call.kwargs)
