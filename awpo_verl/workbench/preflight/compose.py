"""Compose and validate the config of a verl command line as verl's entry point does, without starting anything."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUOTING = (
    "Hydra reads values by its own grammar: put a value with blanks, = ( ) # or non-ASCII letters into quotes "
    "inside the shell's quotes, as in \"data.train_files='/a b/c.parquet'\"."
)


class ComposeError(ValueError):
    """verl, Hydra or AWPO refuses the command line. The message is theirs."""


@dataclass(frozen=True)
class Composed:
    """The config of a command line.

    Attributes:
        config: verl's whole config, with the keys that AWPO implies.
        remarks: what verl and AWPO print about it.
        arguments: the arguments of verl.trainer.main_ppo: the command line without the program.
    """

    config: Any
    remarks: str
    arguments: list[str]


def compose_config(given: Sequence[str]) -> Composed:
    """Compose the config of `python -m verl.trainer.main_ppo <given>` (verl 0.9.1, trainer/main_ppo.py, `main`).

    Args:
        given: verl's command line, with or without the program: --config-path, --config-name, and keys, each
            `key=value`, `+key=value` or `~key`.

    Raises:
        ComposeError: there is no such config, Hydra does not know an override, or the validation of verl or AWPO
            refuses the config.
    """
    import verl.trainer.config  # noqa: F401  # loads the plugin, whose hook must be there when Hydra reads the config
    from hydra import compose as hydra_compose
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import ConfigCompositionException, HydraException, OverrideParseException
    from omegaconf import OmegaConf, open_dict
    from omegaconf.errors import OmegaConfBaseException

    from awpo_verl.config import SECTION, known_keys
    from awpo_verl.workbench.preflight.command_line import CommandLineError, parse_command_line, strip_program

    try:
        arguments = strip_program(given)
        line = parse_command_line(arguments)
    except CommandLineError as error:
        raise ComposeError(str(error)) from error
    remarks = io.StringIO()
    GlobalHydra.instance().clear()
    try:
        with _configs(line.config_path), contextlib.redirect_stdout(remarks):
            config = hydra_compose(line.config_name, overrides=line.keys, return_hydra_config=True)
            HydraConfig.instance().set_config(config)  # AWPO reads from it which keys the user set
            with open_dict(config):
                del config["hydra"]
            _validate(config)
            OmegaConf.resolve(config)
    except ConfigCompositionException as error:  # Hydra's advice, to append the key with +, does not help
        ours = f" The keys and their defaults: {known_keys()}." if f"'{SECTION}" in str(error) else ""
        raise ComposeError((str(error).splitlines()[0] if ours else str(error)) + ours) from error
    except OverrideParseException as error:
        raise ComposeError(f"{error}\n{QUOTING}") from error
    except (HydraException, OmegaConfBaseException, ValueError, AssertionError, RuntimeError) as error:
        raise ComposeError(str(error)) from error
    except (TypeError, AttributeError) as error:
        raise ComposeError(f"A key has a value of another type than verl takes: {error}") from error
    finally:
        HydraConfig.instance().cfg = None
    return Composed(config, remarks.getvalue(), arguments)


def _configs(path: str | None) -> contextlib.AbstractContextManager[Any]:
    """Initialise Hydra with the folder of configs that verl's main uses."""
    import verl.trainer
    from hydra import initialize_config_dir, initialize_config_module

    if path is None:
        return initialize_config_module("verl.trainer.config", version_base=None)
    if path.startswith("pkg://"):
        return initialize_config_module(path.removeprefix("pkg://").replace("/", "."), version_base=None)
    folder = Path(verl.trainer.__path__[0], path).resolve()  # an absolute path stays as it is
    if not folder.is_dir():
        raise ComposeError(
            f"--config-path={path}: {folder} is not a folder. A relative path starts at verl's folder verl/trainer."
        )
    return initialize_config_dir(str(folder), version_base=None)


def _validate(config: Any) -> None:
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils import config as verl_config
    from verl.utils.device import auto_set_device

    auto_set_device(config)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Disabled critic")  # verl's warning for every GRPO run
        critic = need_critic(config)
    verl_config.validate_config(config=config, use_reference_policy=need_reference_policy(config), use_critic=critic)
