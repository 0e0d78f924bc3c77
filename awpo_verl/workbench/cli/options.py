"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

VERL_ARGUMENTS = (
    "verl's keys, --config-path and --config-name, as for verl.trainer.main_ppo; or the whole command line, `python -m "
    "verl.trainer.main_ppo ...`."
)


def _check_gpu(kind: str) -> str:
    from awpo_verl.workbench.preflight.estimate import GPUS

    if kind not in GPUS:
        raise typer.BadParameter(f"{kind} is not known; use one of {', '.join(GPUS)}")
    return kind


Rollouts = Annotated[
    Path,
    typer.Argument(help="JSONL, JSON or parquet file, a folder of verl's rollout dumps, or - for standard input."),
]
Gpu = Annotated[
    str,
    typer.Option(
        help="GPU to estimate for, if this machine has none: a100, h20, h100, h200, b200.", callback=_check_gpu
    ),
]
