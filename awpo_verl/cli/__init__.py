"""The command `awpo-verl`. Each subcommand imports what it needs when it runs, so that --help is instant."""

from __future__ import annotations

import typer

from awpo_verl.cli.doctor import doctor
from awpo_verl.cli.judge import judge
from awpo_verl.cli.prepare import prepare
from awpo_verl.cli.report import report
from awpo_verl.cli.score import score
from awpo_verl.cli.train import train

app = typer.Typer(
    name="awpo-verl", help="Tools around AWPO training with verl.", no_args_is_help=True, add_completion=False
)
app.command()(doctor)
app.command()(score)
app.command()(judge)
app.command()(train)
app.command()(prepare)
app.command()(report)
