"""The subcommands of `awpo-verl`. Each one imports what it needs when it runs, so `--help` is instant."""

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


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"awpo_verl {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


# Options that typer does not know are passed on: Hydra's flags in a verl command line (preflight/command_line.py).
VERL_COMMAND_LINE = {"ignore_unknown_options": True}

app.command(context_settings=VERL_COMMAND_LINE)(doctor)
app.command()(score)
app.command()(judge)
app.command(context_settings=VERL_COMMAND_LINE)(train)
app.command()(prepare)
app.command()(report)
