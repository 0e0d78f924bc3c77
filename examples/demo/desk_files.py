"""The order desk (tasks/desk.py) as files: prompts to train on, held-out ones, and the tools for verl."""

from __future__ import annotations

from pathlib import Path

from awpo_verl.integration.verl_environment_tool import write_tools_yaml
from awpo_verl.workbench.data.options import OptionError
from awpo_verl.workbench.data.verl_rows import staged
from examples.demo import desk

FILES = ("train.parquet", "heldout.parquet", "tools.yaml")


def write(out: Path, train: int, heldout: int, seed: int) -> None:
    """Training prompts of the levels where GRPO starves, held-out ones of all levels, and tools.yaml.

    Args:
        out: the folder of FILES; made where it is missing.
        train, heldout: prompts of each, 1 or more.

    Raises:
        OptionError, FileError: nothing is written.
    """
    if min(train, heldout) < 1:
        raise OptionError(f"--prompts is {train} {heldout}; use 1 or more of each.")
    with staged(out, FILES) as stage:
        for file, split, levels, rows in (
            (FILES[0], "train", ("medium", "hard"), train),
            (FILES[1], "heldout", desk.DIFFICULTIES, heldout),
        ):
            counts = {level: len(range(place, rows, len(levels))) for place, level in enumerate(levels)}
            desk.write_parquet(stage / file, split, counts, seed)
        write_tools_yaml(stage / FILES[2], desk.Desk)
