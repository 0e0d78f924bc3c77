"""`awpo-verl doctor`: what is wrong with this environment, and what to do."""

from __future__ import annotations

from typing import Annotated

import typer

from awpo_verl.workbench.cli.messages import print_message
from awpo_verl.workbench.cli.options import VERL_ARGUMENTS, Gpu


def doctor(
    overrides: Annotated[
        list[str] | None, typer.Argument(help=f"Check this run too. {VERL_ARGUMENTS}", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    ray: Annotated[bool, typer.Option("--ray/--no-ray", help="Check a Ray worker too; takes a minute.")] = True,
    gpu: Gpu = "h100",
) -> None:
    """Check Python, torch, verl, vLLM, Ray, GPUs, disk and the plugin's seams, and say how to solve each problem.

    Exit code 1 if AWPO would not train here, 2 if the options are wrong.
    """
    import json

    from rich.console import Console

    from awpo_verl.workbench.doctor import examine_environment
    from awpo_verl.workbench.preflight.findings import findings_as_json, has_errors, print_findings

    findings = examine_environment(overrides or [], gpu, ray)
    failed = has_errors(findings)
    if as_json:
        print(json.dumps({"healthy": not failed, "findings": findings_as_json(findings)}))
    else:
        print_findings(findings, Console(highlight=False))
        print_message(Console(), "AWPO would not train here." if failed else "AWPO can train here.")
    if failed:
        raise typer.Exit(1)
