"""`awpo-verl train`: check what the run needs, then start verl's trainer."""

from __future__ import annotations

from typing import Annotated

import typer

from awpo_verl.workbench.cli.messages import print_message, refuse
from awpo_verl.workbench.cli.options import VERL_ARGUMENTS, Gpu


def train(
    overrides: Annotated[list[str] | None, typer.Argument(help=VERL_ARGUMENTS)] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the composed config and the checks; start nothing.")
    ] = False,
    skip_checks: Annotated[bool, typer.Option("--skip-checks", help="Start even if a check fails.")] = False,
    gpu: Gpu = "h100",
) -> None:
    """Check model, data, GPUs, batches and memory, then run `python -m verl.trainer.main_ppo` with the same keys.

    With --dry-run the composed config goes to stdout, everything else to stderr. Exit code 1 if a check fails, 2 if
    the config is refused; else verl's own.
    """
    import os
    import sys

    from rich.console import Console

    from awpo_verl.workbench.preflight.checks import run_checks
    from awpo_verl.workbench.preflight.command_line import PROGRAM
    from awpo_verl.workbench.preflight.compose import ComposeError, compose_config
    from awpo_verl.workbench.preflight.findings import has_errors, print_findings
    from awpo_verl.workbench.preflight.gpus import Machine
    from awpo_verl.workbench.preflight.metrics_file import move_earlier_file

    console = Console(stderr=True, highlight=False)
    try:
        composed = compose_config(overrides or [])
    except ComposeError as error:
        raise refuse(error) from None
    findings = run_checks(composed.config, Machine.here(), gpu)
    if dry_run:
        from omegaconf import OmegaConf

        print(OmegaConf.to_yaml(composed.config), flush=True)
        print_message(console, composed.remarks.strip())
    print_findings(findings, console)
    if has_errors(findings) and not skip_checks:
        print_message(
            console, "It would not start." if dry_run else "Not started. --skip-checks starts it all the same."
        )
        raise typer.Exit(1)
    if dry_run:
        raise typer.Exit(0)
    if earlier := move_earlier_file():
        print_message(console, f"The metrics of an earlier run are in {earlier} now.")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", PROGRAM, *composed.arguments])
