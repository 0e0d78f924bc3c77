"""The config that verl's entry point would compose from a command line, validated, without starting anything."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class ComposeError(ValueError):
    """verl, Hydra or AWPO refuse the command line. The message is theirs."""


@dataclass(frozen=True)
class Composed:
    """`config`: verl's whole config, with what AWPO implies set. `remarks`: what verl and AWPO said of it."""

    config: Any
    remarks: str


def compose(overrides: Sequence[str]) -> Composed:
    """What `python -m verl.trainer.main_ppo <overrides>` runs with (verl 0.9.1, trainer/main_ppo.py, `main`).

    Args:
        overrides: as on verl's command line, each `key=value`, `+key=value` or `~key`.

    Raises:
        ComposeError: an override that Hydra does not know, or a config that verl's or AWPO's validation refuses.
    """
    import verl.trainer.config  # noqa: F401  # loads the plugin, whose hook must be there when Hydra reads the config
    from hydra import compose as hydra_compose
    from hydra import initialize_config_module
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import ConfigCompositionException, HydraException
    from omegaconf import OmegaConf, open_dict
    from omegaconf.errors import OmegaConfBaseException

    from awpo_verl.config import SECTION, known_keys

    said = io.StringIO()
    GlobalHydra.instance().clear()
    try:
        with initialize_config_module("verl.trainer.config", version_base=None), contextlib.redirect_stdout(said):
            config = hydra_compose("ppo_trainer", overrides=list(overrides), return_hydra_config=True)
            HydraConfig.instance().set_config(config)  # what the user chose is read from there
            with open_dict(config):
                del config["hydra"]
            _validate(config)
            OmegaConf.resolve(config)
    except ConfigCompositionException as error:  # Hydra would have the key appended, which does not help
        ours = f" The keys and their defaults: {known_keys()}." if f"'{SECTION}" in str(error) else ""
        raise ComposeError((str(error).splitlines()[0] if ours else str(error)) + ours) from error
    except (HydraException, OmegaConfBaseException, ValueError, AssertionError, RuntimeError) as error:
        raise ComposeError(str(error)) from error
    except (TypeError, AttributeError) as error:
        raise ComposeError(f"A key has a value of another type than verl takes: {error}") from error
    finally:
        HydraConfig.instance().cfg = None
    return Composed(config, said.getvalue())


def _validate(config: Any) -> None:
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils import config as verl_config
    from verl.utils.device import auto_set_device

    auto_set_device(config)
    verl_config.validate_config(
        config=config, use_reference_policy=need_reference_policy(config), use_critic=need_critic(config)
    )
