"""verl's agent loops with samples that do not depend on the worker or the time.

vLLM draws the tokens of a request from the request's seed. Here the seed comes from the prompt and the rollout's number
in its group. So the samples of a run depend on its weights only, and its test cannot fail by chance.
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
    """Also cuts responses to different lengths, because a random model almost never ends a response."""

    async def run(self, sampling_params: dict[str, Any], *args: Any, **kwargs: Any) -> AgentLoopOutput:
        length = {"max_tokens": 1 + digest(kwargs)[4] % self.response_length}
        return await super().run(sampling_params | length, *args, **kwargs)
