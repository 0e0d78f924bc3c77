"""`awpo-verl doctor`: what is wrong with this environment, and what to do."""

from __future__ import annotations

from typing import Annotated

import typer

from awpo_verl.workbench.cli.messages import say
from awpo_verl.workbench.cli.options import VERLS_ARGUMENTS, Gpu


def doctor(
    overrides: Annotated[list[str] | None, typer.Argument(help=f"Would this run here? {VERLS_ARGUMENTS}")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    ray: Annotated[bool, typer.Option("--ray/--no-ray", help="Look in a Ray worker too; takes a minute.")] = True,
    gpu: Gpu = "h100",
) -> None:
    """Look at Python, torch, verl, vLLM, Ray, GPUs, disk and the plugin's seams; say what to do about each trouble.

    Exit code 1 if AWPO would not train here, 2 if the options are wrong.
    """
    import json
    from dataclasses import asdict

    from rich.console import Console

    from awpo_verl.workbench.doctor import examine
    from awpo_verl.workbench.preflight.findings import failed, show

    findings = examine(overrides or [], gpu, ray)
    if as_json:
        print(json.dumps({"healthy": not failed(findings), "findings": [asdict(finding) for finding in findings]}))
    else:
        show(findings, Console(highlight=False))
        verdict = "AWPO would not train here." if failed(findings) else "AWPO can train here."
        say(Console(), verdict)
    if failed(findings):
        raise typer.Exit(1)
