"""`awpo-verl report`: a page, or plain text, of what one or several runs have logged."""

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
            help="Run folders, metrics.jsonl files, tensorboard event files or folders, or logs of verl's console.",
        ),
    ],
    name: Annotated[
        list[str] | None, typer.Option(help="A run's name on the page: one for each run, in the same order.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder for report.html and the PNGs.")] = Path("outputs/report"),
    text: Annotated[bool, typer.Option("--text", help="Print alerts and healthy ranges; write no files.")] = False,
) -> None:
    """Compare runs, and show which metrics are outside of their healthy range.

    Writes one HTML page that needs no network, and one PNG for each section. Exit code 2: a run cannot be read.
    """
    from rich.console import Console

    from awpo_verl.workbench.report.alerts import find_alerts, summarize_alerts
    from awpo_verl.workbench.report.charts import is_reported
    from awpo_verl.workbench.report.metrics import RunError
    from awpo_verl.workbench.report.page import write_report
    from awpo_verl.workbench.report.runs import read_runs
    from awpo_verl.workbench.report.text import render_text

    console = Console()
    try:
        found = read_runs(runs, name or [], is_reported)
        if text:
            print_message(console, render_text(found))
            return
        written = write_report(found, out)
    except (RunError, OSError) as error:
        raise refuse(error) from None
    print_message(console, summarize_alerts(find_alerts(found), found))
    for path in written:
        print_message(console, f"{path}  {path.stat().st_size / 1e6:.2f} MB")
