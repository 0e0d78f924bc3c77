"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

ROLLOUTS = "JSONL, JSON or parquet file, a folder of verl's rollout dumps, or - for standard input."
VERLS_ARGUMENTS = (
    "verl's keys, --config-path and --config-name, as for verl.trainer.main_ppo; or the whole command line, `python -m "
    "verl.trainer.main_ppo ...`."
)


def _known(kind: str) -> str:
    from awpo_verl.workbench.preflight.estimate import GPUS

    if kind not in GPUS:
        raise typer.BadParameter(f"{kind} is not known; use one of {', '.join(GPUS)}")
    return kind


Gpu = Annotated[
    str,
    typer.Option(
        help="Estimates are for this kind where no GPU is here: a100, h20, h100, h200, b200.", callback=_known
    ),
]
