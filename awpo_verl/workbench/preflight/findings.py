"""One thing that a check found, and how a list of them is printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import Console

Level = Literal["ok", "warning", "error"]
_STYLES: dict[Level, str] = {"ok": "green", "warning": "yellow", "error": "red"}


@dataclass(frozen=True)
class Finding:
    """`what` was looked at, and what was `said`: for a warning and an error with what to do."""

    level: Level
    what: str
    said: str


def ok(what: str, said: str) -> Finding:
    """Nothing to do."""
    return Finding("ok", what, said)


def warning(what: str, said: str) -> Finding:
    """The run starts, and this is worth a look."""
    return Finding("warning", what, said)


def error(what: str, said: str) -> Finding:
    """The run would fail, or lose something."""
    return Finding("error", what, said)


def failed(findings: Iterable[Finding]) -> bool:
    """Whether one of them is an error."""
    return any(finding.level == "error" for finding in findings)


def show(findings: Sequence[Finding], console: Console) -> None:
    """A line or more for each, the level first."""
    from rich.text import Text

    width = max((len(finding.what) for finding in findings), default=0)
    for finding in findings:
        line = Text(f"{finding.level:>8}", style=_STYLES[finding.level])
        console.print(line.append(f"  {finding.what:<{width}}  {finding.said}", style="default"), soft_wrap=True)
