"""Reading and setting dotted keys of verl's composed config."""

from __future__ import annotations

from typing import Any

from omegaconf import OmegaConf, open_dict


def overridden_keys() -> set[str]:
    """Keys on Hydra's command line; empty where the config was not composed by hydra.main."""
    from hydra.core.hydra_config import HydraConfig

    if not HydraConfig.initialized():
        return set()
    return {line.lstrip("+~").partition("=")[0] for line in HydraConfig.get().overrides.task}


def set_key(config: Any, key: str, value: Any) -> None:
    """Set a dotted key, also where the config is closed and the key new."""
    with open_dict(config):
        OmegaConf.update(config, key, value, force_add=True)
