"""What an earlier run has logged is kept when verl starts the file anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from awpo_verl.workbench.preflight.metrics_file import VARIABLE, list_parts, move_earlier_file


def test_an_earlier_file_is_moved_aside_and_the_parts_stay_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run" / "metrics.jsonl"
    monkeypatch.setenv(VARIABLE, str(path))
    assert move_earlier_file() is None  # the folder is made
    for number in range(11):
        path.write_text(f"{number}\n")
        moved = move_earlier_file()
        assert moved == tmp_path / "run" / f"metrics.{number + 1}.jsonl"
    path.write_text("11\n")
    assert [part.read_text().strip() for part in list_parts(path)] == [str(number) for number in range(12)]


def test_an_empty_file_is_left_and_without_the_variable_nothing_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "metrics.jsonl"
    path.touch()
    monkeypatch.setenv(VARIABLE, str(path))
    assert move_earlier_file() is None
    assert list_parts(path) == [path]
    monkeypatch.delenv(VARIABLE)
    assert move_earlier_file() is None
