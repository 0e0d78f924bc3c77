"""`python -m awpo_verl` is the command `awpo-verl`, run by the Python that you name."""

from awpo_verl.workbench.command import main

main()
