"""Stateful environments as tools of verl's tool agent loop (verl 0.9.1, agent_loop/tool_agent_loop.py).

    actor_rollout_ref.rollout.agent.default_agent_loop=tool_agent
    actor_rollout_ref.rollout.multi_turn.enable=True
    actor_rollout_ref.rollout.multi_turn.tool_config_path=tools.yaml        # written by write_tools_yaml

verl makes one BaseTool for each tool in each worker, and calls create, execute and release for each call. One rollout
has one `agent_data`, so the session belongs to that object. It is made at the first call, from the row's
extra_info.tools_kwargs, is shared by all tools, and ends with the rollout. Its log travels in agent_data.extra_fields
to the reward manager (row["tool_extra_fields"]["environment_log"]) and to TransferQueue. A rollout without a call has
no log.

verl catches what a tool raises, and shows it to the model. A broken row must not look like the model's mistake, so its
error goes into the log, and the outcome check raises it.

Two defaults of verl: multi_turn.max_parallel_calls=1 drops all calls of a turn but the first, and
multi_turn.max_tool_response_length=256 cuts observations in the middle.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from omegaconf import OmegaConf
from pydantic import ConfigDict
from verl.tools.base_tool import BaseTool
from verl.tools.schemas import (
    OpenAIFunctionParametersSchema,
    OpenAIFunctionPropertySchema,
    OpenAIFunctionSchema,
    OpenAIFunctionToolSchema,
    ToolResponse,
)

from awpo_verl.rewards.outcome.calls import ToolCall
from awpo_verl.rewards.outcome.execution import (
    LOG_KEY,
    TOOLS_KWARGS_KEY,
    Environment,
    Limits,
    Session,
    path_of,
    resolve,
    tools_of,
)

CLASS_NAME = f"{__name__}.VerlEnvironmentTool"
# tools may block, and verl's own executor, which tokenizes, must not wait for them
_THREADS = ThreadPoolExecutor(max_workers=32, thread_name_prefix="awpo-environment")


class VerlEnvironmentTool(BaseTool):
    """One tool of an environment, in verl's tool agent loop.

    Args:
        config: the entry's `config` in the tools YAML: `environment` (`module:Class`), `tool` (its method's name), and
            optionally `limits` (fields of session.Limits).
        tool_schema: the entry's own schema. None: it is made from the method.
    """

    def __init__(self, config: dict[str, Any], tool_schema: OpenAIFunctionToolSchema | None = None) -> None:
        tools = tools_of(resolve(config.get("environment", "")))
        if config.get("tool") not in tools:
            raise ValueError(
                f"tools YAML: tool={config.get('tool')!r} is not a tool of {config['environment']}, which has: "
                f"{', '.join(tools)}."
            )
        self.limits = Limits(**config.get("limits", {}))
        super().__init__(config, tool_schema or _verl_schema(tools[config["tool"]].schema))

    async def execute(
        self, instance_id: str, parameters: dict[str, Any], **kwargs: Any
    ) -> tuple[ToolResponse, float, dict[str, Any]]:
        """Run one call in the session of `kwargs["agent_data"]`. The reward of a single call is 0."""
        agent_data = kwargs["agent_data"]
        rollout = _ROLLOUTS.setdefault(agent_data, _Rollout())
        loop = asyncio.get_running_loop()
        async with rollout.turn:  # the calls of a turn start together, and must run in the order of the text
            try:
                if rollout.session is None:
                    opening = loop.run_in_executor(_THREADS, _open_session, agent_data.tools_kwargs, self.limits)
                    rollout.session = await opening
            except Exception as error:  # the row or the environment is wrong, not the model
                agent_data.extra_fields[LOG_KEY] = {"error": f"{type(error).__name__}: {error}"}
                raise
            call = ToolCall(self.name, parameters)
            observation = await loop.run_in_executor(_THREADS, rollout.session.call, call)
            agent_data.extra_fields[LOG_KEY] = rollout.session.log()
        return ToolResponse(text=observation.text), 0.0, {}


class _Rollout:
    """What the calls of one rollout share."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.turn = asyncio.Lock()  # first come, first served


_ROLLOUTS: WeakKeyDictionary[Any, _Rollout] = WeakKeyDictionary()  # by the rollout's agent_data


def write_tools_yaml(path: str | Path, environment: type[Environment], limits: Limits | None = None) -> None:
    """Write the file for multi_turn.tool_config_path: one entry for each tool of the environment.

    Raises:
        ValueError: the environment cannot be imported, or verl cannot express a tool's schema; names it.
    """
    config: dict[str, Any] = {"type": "native", "environment": path_of(environment)}
    if limits is not None:
        config["limits"] = asdict(limits)
    for tool in tools_of(environment).values():
        _verl_schema(tool.schema)
    entries = [{"class_name": CLASS_NAME, "config": {**config, "tool": name}} for name in tools_of(environment)]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(OmegaConf.create({"tools": entries}), path)


def _open_session(row: Any, limits: Limits) -> Session:
    """The session of a row's extra_info.tools_kwargs. ValueError, KeyError, SessionError: the row is broken."""
    text = row.get(TOOLS_KWARGS_KEY) if isinstance(row, Mapping) else None
    if not isinstance(text, str):
        raise ValueError(
            f"extra_info.tools_kwargs has no {TOOLS_KWARGS_KEY!r}, so the rollout's environment cannot be made; got "
            f"{str(row)[:200]}. Write it with awpo_verl.rewards.outcome.execution.tools_kwargs."
        )
    given = json.loads(text)
    return Session.open(resolve(given["environment"]), given["initial"], limits)


# verl's classes for a schema drop unknown keys, such as the items of a list, and the model would not see them
class _Property(OpenAIFunctionPropertySchema):
    model_config = ConfigDict(extra="allow")


class _Parameters(OpenAIFunctionParametersSchema):
    properties: dict[str, _Property]  # pyright: ignore[reportIncompatibleVariableOverride]


class _Function(OpenAIFunctionSchema):
    parameters: _Parameters = _Parameters(type="object", properties={})  # pyright: ignore[reportIncompatibleVariableOverride]


class _ToolSchema(OpenAIFunctionToolSchema):
    function: _Function  # pyright: ignore[reportIncompatibleVariableOverride]


def _verl_schema(schema: dict[str, Any]) -> OpenAIFunctionToolSchema:
    try:
        return _ToolSchema.model_validate(schema)
    except ValueError as error:  # pydantic's
        raise ValueError(
            f"verl cannot express the parameters of tool {schema['function']['name']!r}: {error} Every parameter "
            "needs a plain type (int, str, list[int], Literal[...], ...), not a union of several."
        ) from error
