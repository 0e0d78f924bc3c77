"""What the commands say: each message on one line, so that it can be searched for, and nothing in it acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from awpo_verl.workbench.printable import printable

if TYPE_CHECKING:
    from rich.console import Console


def say(console: Console, message: str, style: str | None = None) -> None:
    """Not wrapped, no markup read in it, and control characters escaped."""
    console.print(printable(message), markup=False, highlight=False, soft_wrap=True, style=style)


def complain(message: str) -> None:
    """On stderr, red in a terminal."""
    from rich.console import Console

    say(Console(stderr=True), message, style="red")


def refused(reason: object) -> typer.Exit:
    """Complain, and exit code 2, for `raise`."""
    complain(str(reason))
    return typer.Exit(2)
