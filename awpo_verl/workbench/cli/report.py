"""`awpo-verl report`: a page of what one or several runs have logged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from awpo_verl.workbench.cli.messages import print_message, refuse


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Run folders; or metrics.jsonl files, tensorboard event files or folders, logs of verl's console.",
        ),
    ],
    name: Annotated[list[str] | None, typer.Option(help="What a run is called: one for each, in their order.")] = None,
    out: Annotated[Path, typer.Option(help="The folder that report.html and the PNGs go into.")] = Path(
        "outputs/report"
    ),
) -> None:
    """Draw runs beside each other, and say what stands out: one HTML page without network, and a PNG a section.

    Exit code 2 if a run cannot be read.
    """
    from rich.console import Console

    from awpo_verl.workbench.report.charts import wanted
    from awpo_verl.workbench.report.findings import findings
    from awpo_verl.workbench.report.page import headline, write_report
    from awpo_verl.workbench.report.runs import RunError, read_runs

    try:
        found = read_runs(runs, name or [], wanted)
        written = write_report(found, out)
    except (RunError, OSError) as error:
        raise refuse(error) from None
    console = Console()
    print_message(console, headline(findings(found), found))
    for path in written:
        print_message(console, f"{path}  {path.stat().st_size / 1e6:.2f} MB")
