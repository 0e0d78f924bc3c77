"""`python -m awpo_verl` is the command `awpo-verl`, of a python that one is sure of."""

from awpo_verl.workbench.cli import app

app(prog_name="awpo-verl")
