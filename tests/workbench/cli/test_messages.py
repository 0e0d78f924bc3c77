"""What all commands of `awpo-verl` have in common."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from awpo_verl import __version__
from awpo_verl.workbench.cli import app

NARROW = {"COLUMNS": "40"}


def test_the_version_is_asked_for_without_a_command() -> None:
    told = CliRunner().invoke(app, ["--version"])
    assert (told.exit_code, told.output) == (0, f"awpo_verl {__version__}\n")


@pytest.mark.parametrize(
    "command",
    [
        ["score", "missing.jsonl"],
        ["judge", "missing.jsonl", "base_url=http://127.0.0.1:9/v1", "model=m"],
        ["report", "missing.jsonl"],
        ["prepare", "jsonl", "missing.jsonl", "--out", "out"],
        ["prepare", "jsonl", "--out", "out"],
    ],
    ids=" ".join,
)
def test_an_error_is_one_searchable_line_on_stderr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(app, command, env=NARROW)
    assert told.exit_code == 2
    assert told.stdout == ""
    lines = [line for line in told.stderr.splitlines() if line.strip()]
    assert len(lines) == 1
    named = "missing.jsonl" in command
    expected = "missing.jsonl: no such file or folder" if named else "SOURCE is missing: a file, a folder"
    assert expected in lines[0]
