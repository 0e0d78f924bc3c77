"""Write the order desk (desk.py) as files: prompts to train on, held-out prompts, and the tools for verl.

    python -m examples.demo.desk_files --out data/desk [--train 2000] [--heldout 300] [--seed 0]

recipes/run_awpo_qwen4b_multiturn.sh takes these files.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from awpo_verl.integration.verl_environment_tool import write_tools_yaml
from awpo_verl.workbench.data.verl_rows import staged
from awpo_verl.workbench.files.json_files import FileError
from examples.demo import desk

FILES = ("train.parquet", "heldout.parquet", "tools.yaml")


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code; 2 where an option or the folder is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.demo.desk_files", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--out", type=Path, required=True, help=f"folder for {', '.join(FILES)}")
    parser.add_argument("--train", type=int, default=2000, help="number of training prompts (default: 2000)")
    parser.add_argument("--heldout", type=int, default=300, help="number of held-out prompts (default: 300)")
    parser.add_argument("--seed", type=int, default=0, help="seed that draws the prompts (default: 0)")
    options = parser.parse_args(arguments)
    for name in ("train", "heldout"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} is {getattr(options, name)}; use 1 or more.")
    try:
        write_files(options.out, options.train, options.heldout, options.seed)
    except (FileError, OSError) as error:
        parser.error(str(error))
    print(f"written: {options.out}/{', '.join(FILES)}")
    return 0


def write_files(out: Path, train: int, heldout: int, seed: int) -> None:
    """Write training prompts of the levels that GRPO fails on, held-out prompts of all levels, and tools.yaml.

    Args:
        out: folder of FILES; it is created where it is missing.
        train, heldout: number of prompts of each, 1 or more.
        seed: draws the prompts; the same seed writes the same files.

    Raises:
        FileError: `out` cannot be written. Nothing is written.
    """
    with staged(out, FILES) as stage:
        for file, split, levels, rows in (
            (FILES[0], "train", ("medium", "hard"), train),
            (FILES[1], "heldout", desk.DIFFICULTIES, heldout),
        ):
            counts = {level: len(range(place, rows, len(levels))) for place, level in enumerate(levels)}
            desk.write_parquet(stage / file, split, counts, seed)
        write_tools_yaml(stage / FILES[2], desk.Desk)


if __name__ == "__main__":
    sys.exit(main())
