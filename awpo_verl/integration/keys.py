"""The names that AWPO has in verl, and the keys of verl's composed config."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from omegaconf import OmegaConf, open_dict

AWPO = "awpo"  # the estimator, the policy loss and the reward manager
GDPO = "gdpo"  # verl's own estimator, which normalises each reward by itself
GDPO_READY = "awpo_gdpo_ready"  # in data.meta_info: gdpo has its columns, with the reasoning reward as AWPO reads it
CLIP_SCALE = "awpo_clip_scale"  # float32 [B], the field beside `advantages` that the policy loss reads


def on_cpu() -> bool:
    """Whether the run asks for the CPU platform: VERL_PLATFORM=cpu."""
    return os.environ.get("VERL_PLATFORM", "").strip().lower() == "cpu"


def overridden_keys() -> set[str]:
    """The keys on Hydra's command line; none if hydra.main has not composed the config."""
    from hydra.core.hydra_config import HydraConfig

    if not HydraConfig.initialized():
        return set()
    return {line.lstrip("+~").partition("=")[0] for line in HydraConfig.get().overrides.task}


def is_chosen(key: str, chosen: Collection[str]) -> bool:
    """Whether the user has set the key or a section that holds it."""
    parts = key.split(".")
    return any(".".join(parts[:n]) in chosen for n in range(1, len(parts) + 1))


def set_key(config: Any, key: str, value: Any) -> None:
    """Set a dotted key, even if the config is closed and does not have it."""
    with open_dict(config):
        OmegaConf.update(config, key, value, force_add=True)
