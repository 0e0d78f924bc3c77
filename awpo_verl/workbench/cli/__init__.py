"""The command `awpo-verl`. Each subcommand imports what it needs when it runs, so that --help is instant."""

from __future__ import annotations

from typing import Annotated

import typer

from awpo_verl.versions import __version__
from awpo_verl.workbench.cli.doctor import doctor
from awpo_verl.workbench.cli.judge import judge
from awpo_verl.workbench.cli.prepare import prepare
from awpo_verl.workbench.cli.report import report
from awpo_verl.workbench.cli.score import score
from awpo_verl.workbench.cli.train import train

app = typer.Typer(
    name="awpo-verl", help="Tools around AWPO training with verl.", no_args_is_help=True, add_completion=False
)


def _version(asked: bool) -> None:
    if asked:
        print(f"awpo_verl {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


VERLS = {"ignore_unknown_options": True}  # Hydra's flags in a command line of verl's: launch/command_line.py

app.command(context_settings=VERLS)(doctor)
app.command()(score)
app.command()(judge)
app.command(context_settings=VERLS)(train)
app.command()(prepare)
app.command()(report)
