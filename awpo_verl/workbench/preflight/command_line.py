"""Parse a verl command line: the program, Hydra's flags, and the keys."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

PROGRAM = "verl.trainer.main_ppo"
_FILE = re.compile(r"([^=]*/)?main_ppo\.py")  # the same program, as a path


class CommandLineError(ValueError):
    """The arguments are not a command line of verl's PPO trainer. The message says what to give."""


@dataclass(frozen=True)
class CommandLine:
    """The arguments of `python -m verl.trainer.main_ppo` (hydra 1.3, _internal/utils.py).

    Attributes:
        keys: overrides, each `key=value`, `+key=value` or `~key`.
        config_path: --config-path: a folder, `pkg://` and a package, or a path from verl/trainer; None for verl's own.
        config_name: --config-name, the primary config.
    """

    keys: list[str]
    config_path: str | None
    config_name: str


def strip_program(given: Sequence[str]) -> list[str]:
    """The arguments after `python -m verl.trainer.main_ppo`; all arguments if they name no program.

    Raises:
        CommandLineError: another program, or options or environment variables before it, which would be lost.
    """
    place = next((place for place, word in enumerate(given) if word == PROGRAM or _FILE.fullmatch(word)), None)
    if place is not None:
        if lost := [word for word in given[:place] if word.startswith("--") or "=" in word]:
            raise CommandLineError(
                f"{' '.join(lost)} before {PROGRAM} would be lost. Set environment variables before `awpo-verl`; they "
                "count here too. Leave out the options of other programs."
            )
        return list(given[place + 1 :])
    if "-m" in given:
        raise CommandLineError(f"-m: only `python -m {PROGRAM}` can be checked here. Give only its keys.")
    return list(given)


def parse_command_line(arguments: Sequence[str]) -> CommandLine:
    """Parse what `strip_program` returns, as Hydra's parser does.

    Raises:
        CommandLineError: a flag that is not supported here, or a flag without its value.
    """
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-path", "-cp")
    parser.add_argument("--config-name", "-cn", default="ppo_trainer")
    parser.add_argument("keys", nargs="*")
    found = parser.parse_args(arguments)
    return CommandLine(found.keys, found.config_path, found.config_name.removesuffix(".yaml"))


def quote_value(value: str) -> str:
    """Quote a value for Hydra, such as a path in an override; recipes/quoted.sh does the same in bash.

    `${` stays an interpolation: OmegaConf resolves it inside quotes too.

    >>> "data.train_files=" + quote_value("/été (1)/a.parquet")
    "data.train_files='/été (1)/a.parquet'"
    """
    escaped = re.sub(r"(\\*)'", lambda found: found[1] * 2 + "\\'", value)
    return "'" + re.sub(r"(\\+)\Z", lambda found: found[1] * 2, escaped) + "'"


class _Parser(argparse.ArgumentParser):
    """A parser that raises CommandLineError where argparse would end the process."""

    def error(self, message: str) -> NoReturn:
        raise CommandLineError(f"{message}. Only --config-path and --config-name of Hydra's flags are supported here.")
