"""Seam of Hydra (hydra 1.3, _internal/config_loader_impl.py): `algorithm.awpo.*` on the command line without a `+`.

Hydra closes the config before it applies the command line, so a key needs no `+` only if the config has it by then. A
search-path plugin could add a file, but verl's primary config would have to list it. So the section, a structured
config with all its defaults, is merged in when Hydra has composed the defaults list. `algorithm.awpo.gate.kind=hard`
then works with each primary config, and Hydra refuses an unknown key by its name.

Only a config with verl's `algorithm.adv_estimator` gets the section. A run that does not use AWPO loses it again before
verl reads its config (seam_config.py).
"""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from awpo_verl.config import merge_defaults
from awpo_verl.integration.patching import wrap


def install(module: Any) -> None:
    """Wrap ConfigLoaderImpl._compose_config_from_defaults_list, which returns the composed config."""
    wrap(module, "ConfigLoaderImpl._compose_config_from_defaults_list", _compose)


def _compose(original: Any, *args: Any, **kwargs: Any) -> Any:
    config = original(*args, **kwargs)
    if isinstance(config.get("algorithm"), DictConfig) and "adv_estimator" in config.algorithm:
        add_section(config)
    return config


def add_section(config: Any) -> None:
    """Add all defaults to `algorithm.awpo`, below the keys that the config sets.

    Bounds and combinations are left to seam_config.py, because the command line has not been applied yet.

    Raises:
        AWPOConfigError: an unknown key, or a value of a wrong type.
    """
    with open_dict(config.algorithm):
        config.algorithm.awpo = merge_defaults(config.algorithm.get("awpo"))
    # Hydra closes the config; the keys of this one are the user's
    OmegaConf.set_struct(config.algorithm.awpo.judge.extra_body, False)
