"""verl's own agent-loop worker, with our seam: the reward loop's row says which tokens are the model's."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from omegaconf import OmegaConf
from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics, AgentLoopOutput, AgentLoopWorker

from awpo_verl.integration import seam_agent_loop
from awpo_verl.rewards.turns import OWN_TOKENS


class Handle:
    """In the place of a Ray actor's: keeps what verl sends."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.compute_score = self

    async def remote(self, data: Any) -> dict[str, Any]:
        self.sent.append(data)
        return {"reward_score": 1.0, "reward_extra_info": {}}


def output(mask: list[int]) -> AgentLoopOutput:
    return AgentLoopOutput(
        prompt_ids=[1, 2], response_ids=[3] * len(mask), response_mask=mask, metrics=AgentLoopMetrics(), num_turns=2
    )


def sent_by(manager: str, outputs: list[AgentLoopOutput], given: dict[str, Any]) -> Any:
    """The rows that reach a reward manager of this name."""
    worker: Any = object.__new__(AgentLoopWorker)
    worker.config = OmegaConf.create({"reward": {"reward_manager": {"name": manager}}})
    handle = Handle()
    worker.reward_loop_worker_handles = [handle]
    worker._compute_multi_modal_inputs = lambda *_: {}
    worker._compute_position_ids = lambda ids, *_: ids
    worker._get_mm_processor_kwargs = lambda *_: None
    asyncio.run(worker._compute_score(outputs, kwargs=given))
    (data,) = handle.sent
    return data


def test_the_mask_of_the_last_output_travels_with_the_row() -> None:
    given = {"uid": "a"}
    outputs = [output([1, 0, 0, 0, 1]), output([1, 0, 1])]
    data = sent_by("awpo", outputs, given)
    assert data[-1].non_tensor_batch[OWN_TOKENS].tolist() == [True, False, True]
    assert given == {"uid": "a"}  # verl writes these down, and they are the row's own
    assert outputs[-1].reward_score == 1.0


def test_other_reward_managers_get_what_they_got() -> None:
    assert set(sent_by("naive", [output([1, 0, 1])], {"uid": "a"}).non_tensor_batch) == {
        *("uid", "__num_turns__", "tool_extra_fields", "prompt_len", "response_len")
    }


def test_a_further_argument_of_another_verl_is_passed_on() -> None:
    worker = SimpleNamespace(config=OmegaConf.create({"reward": {"reward_manager": {"name": "awpo"}}}))

    async def newer(self: Any, outputs: Any, kwargs: Any, priority: int = 0, **more: Any) -> Any:
        return outputs, kwargs["uid"], priority, more

    outputs = [output([1])]
    call = seam_agent_loop.compute_score(newer, worker, outputs, kwargs={"uid": "a"}, priority=3, span="x")
    assert asyncio.run(call) == (outputs, "a", 3, {"span": "x"})
