"""`algorithm.awpo` in every config that has verl's `algorithm` section (hydra 1.3, config_loader_impl.py).

Hydra closes the config before it applies the command line, so a key can be overridden without `+` only if it is there
by then. A search-path plugin could add a file, and verl's primary config would still have to list it. So the section, a
structured config with all its defaults, is merged in where the composed config leaves the defaults list: whichever
primary config the user has, `algorithm.awpo.gate.kind=hard` works, and Hydra refuses an unknown key by its name.
"""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from awpo_verl.config import merge_defaults
from awpo_verl.integration.patching import wrap


def install(module: Any) -> None:
    """Wrap ConfigLoaderImpl._compose_config_from_defaults_list."""
    wrap(module, "ConfigLoaderImpl._compose_config_from_defaults_list", _compose)


def _compose(original: Any, *args: Any, **kwargs: Any) -> Any:
    config = original(*args, **kwargs)
    if isinstance(config.get("algorithm"), DictConfig) and "adv_estimator" in config.algorithm:
        add_section(config)
    return config


def add_section(config: Any) -> None:
    """Merge the defaults under what the config already says in `algorithm.awpo`.

    Raises AWPOConfigError for unknown keys and wrong types. Bounds and combinations are left to validate_config: the
    command line has not been applied yet.
    """
    with open_dict(config.algorithm):
        config.algorithm.awpo = merge_defaults(config.algorithm.get("awpo"))
    # Hydra closes the config; the keys of this one are the user's
    OmegaConf.set_struct(config.algorithm.awpo.judge.extra_body, False)
