"""The call format of a run: set in the config, or recognised in the chat template, before a model is loaded."""

from __future__ import annotations

import os
from typing import Any

from awpo_verl.config import AWPOConfigError
from awpo_verl.integration.keys import AWPO
from awpo_verl.rewards.outcome.formats import AUTO, format_of_template, template_in_use
from awpo_verl.workbench.preflight.findings import Finding, error, ok, warning

KEY = "algorithm.awpo.outcome.format"


def check_call_format(config: Any) -> list[Finding]:
    """How our reward manager reads calls, and whether verl's tool loop reads the same format."""
    if config.reward.reward_manager.name != AWPO:
        return []
    given = config.algorithm.awpo["outcome"]["format"]
    if given != AUTO:
        return [ok("calls", f"read as {given} ({KEY})"), *_check_tool_loop(config, given)]
    template = find_chat_template(config)
    if template is None:  # the reward workers report the format that they find
        return []
    try:
        format = format_of_template(template)
    except AWPOConfigError as problem:
        if config.reward.custom_reward_function.path:
            return [warning("calls", f"{problem} Your reward function decides the outcome.")]
        return [error("calls", str(problem))]
    if format is None:
        return [
            ok("calls", f"read by each response's marks: the chat template names no format. Set {KEY} to be strict")
        ]
    return [ok("calls", f"read as {format.name}, from the chat template"), *_check_tool_loop(config, format.name)]


def _check_tool_loop(config: Any, name: str) -> list[Finding]:
    """verl's tool loop runs only the calls of `rollout.multi_turn.format`."""
    turns = config.actor_rollout_ref.rollout.multi_turn
    loop_format = str(turns.format).replace("-", "_")  # gpt-oss
    if not turns.enable or loop_format == name:
        return []
    return [
        warning(
            "calls",
            f"verl's tool loop runs calls of actor_rollout_ref.rollout.multi_turn.format={turns.format}, and the "
            f"rewards read {name}: other calls run than are scored. Set both to the model's format.",
        )
    ]


def find_chat_template(config: Any) -> Any:
    """The template that verl will use, None if it cannot be loaded here."""
    model = config.actor_rollout_ref.model
    if model.get("custom_chat_template"):
        return template_in_use(model, None)
    from transformers import AutoTokenizer

    path = os.path.expanduser(model.get("tokenizer_path") or model.path)
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(path, trust_remote_code=model.trust_remote_code)
    except Exception:  # noqa: BLE001  # check_model reports what is wrong with the model
        return None
    return template_in_use(model, tokenizer)
