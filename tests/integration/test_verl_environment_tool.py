"""Environments as verl's tools: loaded by its registry, one session a rollout, driven as its loop drives them."""

from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("verl")

from verl.experimental.agent_loop.tool_agent_loop import AgentData
from verl.tools.tool_registry import initialize_tools_from_config

from awpo_verl.integration import verl_environment_tool
from awpo_verl.integration.verl_environment_tool import VerlEnvironmentTool, write_tools_yaml
from awpo_verl.rewards.outcome import read_target
from awpo_verl.rewards.outcome.execution import (
    LOG_KEY,
    Limits,
    TrajectoryError,
    ground_truth_text,
    match_rollout,
    tool_schemas,
    tools_kwargs,
)
from tests.rewards.outcome.execution.environments import Counter, Rogue

KWARGS = tools_kwargs(Counter, {"count": 0})


def rollout(kwargs: dict[str, str] | None = None) -> AgentData:
    """What verl's loop makes for each rollout."""
    return AgentData([], [], [], None, None, {}, "id", KWARGS if kwargs is None else kwargs)


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, VerlEnvironmentTool]:
    write_tools_yaml(tmp_path / "tools.yaml", Counter)
    return {tool.name: tool for tool in initialize_tools_from_config(tmp_path / "tools.yaml")}


async def call(tool: VerlEnvironmentTool, data: AgentData, **arguments: Any) -> str:
    """As verl's loop does for every single call: create, execute, release."""
    instance, _ = await tool.create(create_kwargs={})
    response, reward, _ = await tool.execute(instance, arguments, agent_data=data)
    await tool.release(instance)
    assert reward == 0.0
    assert response.text is not None
    return response.text


def test_verl_shows_the_model_the_whole_schema_of_every_tool(tools):
    shown = [tool.tool_schema.model_dump(exclude_unset=True, exclude_none=True) for tool in tools.values()]
    assert shown == tool_schemas(Counter)
    # verl's own model of a schema would have dropped what the objects of `push` hold
    item = shown[2]["function"]["parameters"]["properties"]["item"]
    assert item["additionalProperties"] == {"type": "integer"}


def test_all_tools_of_a_rollout_share_its_state_and_two_rollouts_share_nothing(tools):
    async def run() -> None:
        one, two = rollout(), rollout()
        assert await call(tools["add"], one, amount=3) == "3"
        assert await call(tools["read"], one) == "3"
        assert await call(tools["read"], two) == "0"
        assert [entry["name"] for entry in one.extra_fields[LOG_KEY]["calls"]] == ["add", "read"]
        assert [entry["name"] for entry in two.extra_fields[LOG_KEY]["calls"]] == ["read"]

    asyncio.run(run())


def test_the_calls_of_one_turn_run_in_their_order(tools):
    async def run() -> list[str]:
        data = rollout()
        return await asyncio.gather(*(call(tools["add"], data, amount=10**place) for place in range(6)))

    assert asyncio.run(run()) == ["1", "11", "111", "1111", "11111", "111111"]


def test_a_blocking_tool_does_not_hold_up_the_other_rollouts(tmp_path):
    write_tools_yaml(tmp_path / "tools.yaml", Rogue, Limits(call_seconds=1.0))
    tools = {tool.name: tool for tool in initialize_tools_from_config(tmp_path / "tools.yaml")}
    done: list[str] = []

    async def run() -> None:
        async def one(name: str, **arguments: Any) -> None:
            await call(tools[name], rollout(tools_kwargs(Rogue, {})), **arguments)
            done.append(name)

        await asyncio.gather(one("loop"), one("flood", characters=1))

    asyncio.run(run())
    assert done == ["flood", "loop"]  # the loop is stopped by its limit, from the YAML


def test_the_session_is_gone_with_its_rollout(tools):
    data = rollout()
    asyncio.run(call(tools["read"], data))
    assert data in verl_environment_tool._ROLLOUTS
    before = len(verl_environment_tool._ROLLOUTS)
    del data
    gc.collect()
    assert len(verl_environment_tool._ROLLOUTS) < before


def test_the_log_is_what_the_reward_check_takes(tools):
    data = rollout()
    asyncio.run(call(tools["add"], data, amount=5))
    fields = json.loads(json.dumps(data.extra_fields))
    truth = ground_truth_text(Counter, {"count": 0}, [[{"name": "add", "arguments": {"amount": 5}}]])
    result = match_rollout(read_target(truth).expected, fields)
    assert result is not None
    assert result.ok


@pytest.mark.parametrize(
    ("kwargs", "says"),
    [
        ({}, "has no '__environment__'"),
        ({"__environment__": "{"}, "JSONDecodeError"),
        ({"__environment__": "{}"}, "KeyError: 'environment'"),
        ({"__environment__": '{"environment": "os:system", "initial": {}}'}, "is not an environment"),
        (tools_kwargs(Counter, {}), "Counter cannot be set up"),
    ],
)
def test_a_broken_row_is_raised_by_the_reward_check_although_verl_swallows_it(tools, kwargs, says):
    data = rollout(kwargs)

    async def run() -> None:
        for _ in range(2):
            with pytest.raises((ValueError, KeyError, RuntimeError)):
                await call(tools["read"], data)

    asyncio.run(run())
    with pytest.raises(TrajectoryError, match=says):
        match_rollout(read_target(ground_truth_text(Counter, {"count": 0}, [[]])).expected, data.extra_fields)


def test_arguments_that_are_no_object_are_an_observation(tools):
    async def run() -> str | None:
        response, _, _ = await tools["read"].execute("id", "text", agent_data=rollout())  # pyright: ignore[reportArgumentType]
        return response.text

    assert asyncio.run(run()) == "The arguments must be a JSON object nested at most 32 deep."


def test_a_tools_file_that_names_no_tool_says_which_there_are(tmp_path):
    config = {
        "type": "native",
        "environment": "tests.rewards.outcome.execution.environments:Counter",
        "tool": "subtract",
    }
    entry = {"class_name": verl_environment_tool.CLASS_NAME, "config": config}
    (tmp_path / "tools.yaml").write_text(yaml.safe_dump({"tools": [entry]}))
    with pytest.raises(
        ValueError, match=r"tool='subtract' is not a tool of .*Counter, which has: add, read, push, pick"
    ):
        initialize_tools_from_config(tmp_path / "tools.yaml")
