"""A command line of verl's taken apart: the program in front, Hydra's flags, and the keys."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

PROGRAM = "verl.trainer.main_ppo"
_FILE = re.compile(r"([^=]*/)?main_ppo\.py")  # the same, as a path


class CommandLineError(ValueError):
    """What was given is no command line of verl's PPO trainer. The message says what to give."""


@dataclass(frozen=True)
class CommandLine:
    """What `python -m verl.trainer.main_ppo` makes of its arguments (hydra 1.3, _internal/utils.py).

    Attributes:
        keys: overrides, each `key=value`, `+key=value` or `~key`.
        config_path: --config-path: a folder, `pkg://` of a package, or relative to verl/trainer; None for verl's own.
        config_name: --config-name, the primary config.
    """

    keys: list[str]
    config_path: str | None
    config_name: str


def strip_program(given: Sequence[str]) -> list[str]:
    """What stands behind `python -m verl.trainer.main_ppo`; all of it where no program is given.

    Raises:
        CommandLineError: another program; options or environment variables in front, which would be lost.
    """
    place = next((place for place, word in enumerate(given) if word == PROGRAM or _FILE.fullmatch(word)), None)
    if place is not None:
        if lost := [word for word in given[:place] if word.startswith("--") or "=" in word]:
            raise CommandLineError(
                f"{' '.join(lost)} before {PROGRAM} would be lost. Environment variables go before `awpo-verl`, where "
                "they count here too; of another program's options give none."
            )
        return list(given[place + 1 :])
    if "-m" in given:
        raise CommandLineError(f"-m: only `python -m {PROGRAM}` can be looked at here. Give its keys alone.")
    return list(given)


def parse_command_line(arguments: Sequence[str]) -> CommandLine:
    """Read what `without_program` returns, as Hydra's parser does.

    Raises:
        CommandLineError: a flag that is not read here, or one without its value.
    """
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-path", "-cp")
    parser.add_argument("--config-name", "-cn", default="ppo_trainer")
    parser.add_argument("keys", nargs="*")
    found = parser.parse_args(arguments)
    return CommandLine(found.keys, found.config_path, found.config_name.removesuffix(".yaml"))


def quote_value(value: str) -> str:
    """A value as a quoted string of Hydra's, for a path in an override; recipes/quoted.sh is the same in bash.

    `${` stays an interpolation: OmegaConf resolves it in quotes, too.

    >>> "data.train_files=" + quoted("/été (1)/a.parquet")
    "data.train_files='/été (1)/a.parquet'"
    """
    escaped = re.sub(r"(\\*)'", lambda found: found[1] * 2 + "\\'", value)
    return "'" + re.sub(r"(\\+)\Z", lambda found: found[1] * 2, escaped) + "'"


class _Parser(argparse.ArgumentParser):
    """It says what is wrong by an exception, and ends no process."""

    def error(self, message: str) -> NoReturn:
        raise CommandLineError(f"{message}. Of Hydra's flags --config-path and --config-name are read here.")
