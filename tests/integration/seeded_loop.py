"""verl's agent loops with samples that do not depend on who makes them, nor when.

vLLM draws a request's tokens from the request's own seed; here it comes from the prompt and the rollout's number in its
group. So what a run samples depends on its weights alone, and a test of it cannot fail by chance.
"""

from __future__ import annotations

import hashlib
from typing import Any

from verl.experimental.agent_loop.agent_loop import AgentLoopOutput
from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop


def digest(arguments: dict[str, Any]) -> bytes:
    """32 bytes that depend on the prompt and the rollout's number in its group.

    arguments: what verl gives an agent loop's `run` by name.
    """
    return hashlib.sha256(f"{arguments['session_id']} {list(arguments['raw_prompt'])}".encode()).digest()


def seed(arguments: dict[str, Any]) -> int:
    """vLLM's sampling parameter `seed`."""
    return int.from_bytes(digest(arguments)[:4])


class SeededLoop(SingleTurnAgentLoop):
    """verl's single-turn agent loop, seeded."""

    async def run(self, sampling_params: dict[str, Any], *args: Any, **kwargs: Any) -> AgentLoopOutput:
        return await super().run(sampling_params | {"seed": seed(kwargs)}, *args, **kwargs)


class UnequalLoop(SeededLoop):
    """Responses of different lengths too: a random model hardly ever ends one, so all would have the same length."""

    async def run(self, sampling_params: dict[str, Any], *args: Any, **kwargs: Any) -> AgentLoopOutput:
        length = {"max_tokens": 1 + digest(kwargs)[4] % self.response_length}
        return await super().run(sampling_params | length, *args, **kwargs)
