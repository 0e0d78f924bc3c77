"""Print messages on one line each, so that you can search for them. Markup and control characters do nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from awpo_verl.workbench.printable import printable

if TYPE_CHECKING:
    from rich.console import Console


def print_message(console: Console, message: str, style: str | None = None) -> None:
    """Print a message without wrapping. Markup is printed as it is, control characters are escaped."""
    console.print(printable(message), markup=False, highlight=False, soft_wrap=True, style=style)


def print_error(message: str) -> None:
    """Print on stderr, red in a terminal."""
    from rich.console import Console

    print_message(Console(stderr=True), message, style="red")


def refuse(reason: object) -> typer.Exit:
    """Print the reason on stderr and return exit code 2, for `raise refuse(...)`."""
    print_error(str(reason))
    return typer.Exit(2)
