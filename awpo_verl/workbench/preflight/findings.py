"""The result of a check, and how to print a list of them."""

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
    """The result of one check.

    Attributes:
        subject: what was checked, such as "model".
        message: the result; for a warning or an error also what to do.
    """

    level: Level
    subject: str
    message: str


def ok(subject: str, message: str) -> Finding:
    """Nothing to do."""
    return Finding("ok", subject, message)


def warning(subject: str, message: str) -> Finding:
    """The run starts, but look at this."""
    return Finding("warning", subject, message)


def error(subject: str, message: str) -> Finding:
    """The run would fail, or lose something."""
    return Finding("error", subject, message)


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether one of them is an error."""
    return any(finding.level == "error" for finding in findings)


def print_findings(findings: Sequence[Finding], console: Console) -> None:
    """Print each finding, its level first."""
    from rich.text import Text

    width = max((len(finding.subject) for finding in findings), default=0)
    for finding in findings:
        line = Text(f"{finding.level:>8}", style=_STYLES[finding.level])
        console.print(line.append(f"  {finding.subject:<{width}}  {finding.message}", style="default"), soft_wrap=True)


def findings_as_json(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """For `doctor --json`. Scripts read these keys, so they stay: level, what, said."""
    return [{"level": finding.level, "what": finding.subject, "said": finding.message} for finding in findings]
