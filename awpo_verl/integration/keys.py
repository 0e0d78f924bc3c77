"""AWPO's name in verl, and reading and setting dotted keys of verl's composed config."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from omegaconf import OmegaConf, open_dict

AWPO = "awpo"  # estimator, policy loss and reward manager are registered under it
GDPO = "gdpo"  # verl's own estimator that normalises each reward by itself


def on_cpu() -> bool:
    """Whether the run asks for the CPU platform: VERL_PLATFORM=cpu."""
    return os.environ.get("VERL_PLATFORM", "").strip().lower() == "cpu"


def overridden_keys() -> set[str]:
    """Keys on Hydra's command line; empty where the config was not composed by hydra.main."""
    from hydra.core.hydra_config import HydraConfig

    if not HydraConfig.initialized():
        return set()
    return {line.lstrip("+~").partition("=")[0] for line in HydraConfig.get().overrides.task}


def is_chosen(key: str, chosen: Collection[str]) -> bool:
    """Whether the user set the key, or a section that it is in."""
    parts = key.split(".")
    return any(".".join(parts[:n]) in chosen for n in range(1, len(parts) + 1))


def set_key(config: Any, key: str, value: Any) -> None:
    """Set a dotted key, also where the config is closed and the key new."""
    with open_dict(config):
        OmegaConf.update(config, key, value, force_add=True)
