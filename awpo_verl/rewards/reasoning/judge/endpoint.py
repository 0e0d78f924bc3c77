"""Where the judge's endpoint is, and the API key that it gets."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from awpo_verl.config import SECTION, AWPOConfigError, JudgeConfig


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible endpoint. It holds no API key: each client reads the key from the environment.

    Attributes:
        base_url: the address, which usually ends in /v1.
        model: the model's name there.
        api_key_env: name of the environment variable with the API key; "" = send none.
        identity: the endpoint's name in cache keys. verl's router has a new address in each run but is the same judge.
        direct: ignore the proxies of the environment.
    """

    base_url: str
    model: str
    api_key_env: str
    identity: str
    direct: bool = False


def find_endpoint(judge: JudgeConfig, router_address: str | None, reward_model_path: str | None) -> Endpoint:
    """The endpoint of the config, else verl's own reward model.

    Args:
        router_address: `host:port` of the router that verl starts for reward.reward_model; None without one.
        reward_model_path: reward.reward_model.model_path, the name under which verl's servers serve it.

    Raises:
        AWPOConfigError: there is neither, or this process does not have the environment variable of the API key.
    """
    read_api_key(judge.api_key_env)
    if judge.base_url:
        return Endpoint(judge.base_url, judge.model, judge.api_key_env, judge.base_url)
    if router_address is None:
        raise AWPOConfigError(
            f"{SECTION}.reasoning_source=judge without a judge: set {SECTION}.judge.base_url and .model, or let verl "
            "serve one with reward.reward_model.enable=True, enable_resource_pool=True and model_path."
        )
    model = judge.model or reward_model_path or ""
    return Endpoint(f"http://{router_address}/v1", model, judge.api_key_env, "reward.reward_model", direct=True)


def read_api_key(name: str) -> str:
    """The API key in the environment variable of this name; "" for no name.

    Raises:
        AWPOConfigError: the variable is missing, or its value cannot be part of a header. The message shows the name
            only if it looks like a name: hf_abc123 may be the key itself.
    """
    if not name:
        return ""
    shown = f"={name}" if re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", name) else " (not shown: it may be a key itself)"
    key = os.environ.get(name, "").strip()
    if not key:
        raise AWPOConfigError(
            f"{SECTION}.judge.api_key_env{shown}: this process (host {os.uname().nodename}) has no such "
            "environment variable, or it is empty. Set it where Ray starts its workers: before `ray start` on each "
            "node, or with +ray_kwargs.ray_init.runtime_env.env_vars."
        )
    if not re.fullmatch(r"[!#-&(-\[\]-~]+", key):
        raise AWPOConfigError(
            f"{SECTION}.judge.api_key_env{shown}: the variable does not hold a key. A key cannot contain blanks, "
            "quotes, backslashes or characters beyond ASCII."
        )
    return key
