"""`awpo-verl report`: what it writes, prints and refuses."""

from __future__ import annotations

import ast
from fnmatch import fnmatch
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import awpo_verl
from awpo_verl.workbench.cli import app
from tests.workbench.report.logs import awpo_run, constant, grpo_run, write_jsonl


def report(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["report", *map(str, arguments)], env={"COLUMNS": "200"})


def test_it_prints_the_alerts_in_a_sentence_and_the_files_that_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = report(awpo_run(tmp_path / "a"), grpo_run(tmp_path / "b") / "metrics.jsonl", "--name", "x", "--name", "y")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "Every checked metric is in its healthy range."
    assert lines[1].startswith("outputs/report/report.html  0.")
    assert {Path(line.split("  ")[0]).name for line in lines[2:]} == {
        path.name for path in Path("outputs/report").glob("*.png")
    }
    text = Path("outputs/report/report.html").read_text(encoding="utf-8")
    assert "<span>x</span>" in text
    assert "<span>y</span>" in text


def test_critical_alerts_are_counted(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a" / "metrics.jsonl", constant("response_length/clip_ratio", 0.3))
    write_jsonl(tmp_path / "b" / "metrics.jsonl", constant("response_length/clip_ratio", 0.0))
    result = report(tmp_path / "a", tmp_path / "b", "--out", tmp_path / "out")
    assert result.output.startswith("1 critical alert, in 1 of 2 runs.")


def test_as_text_it_prints_alerts_and_ranges_and_writes_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "a" / "metrics.jsonl", constant("response_length/clip_ratio", 0.3))
    result = report(tmp_path / "a", "--text")
    assert result.exit_code == 0, result.output
    assert "CRITICAL  Responses are cut off" in result.output
    assert "response_length/clip_ratio            0.3  below 0.1  critical" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_run_that_cannot_be_read_gives_exit_code_2_and_no_files(tmp_path: Path) -> None:
    result = report(grpo_run(tmp_path / "a"), tmp_path / "\x1b[31mnowhere", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "\\x1b[31mnowhere: no such file or folder. Give a run folder" in result.output
    assert not (tmp_path / "out").exists()


def test_a_wheel_has_every_file_of_the_package_that_is_not_python() -> None:
    root = Path(awpo_verl.__file__).parent
    (given,) = (
        ast.literal_eval(keyword.value)
        for node in ast.walk(ast.parse(Path("setup.py").read_text()))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "package_data"
    )
    packed = [f"{package.replace('.', '/')}/{glob}" for package, globs in given.items() for glob in globs]
    others = [path for path in root.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}]
    assert {path.name for path in others} >= {"page.html.j2", "style.css"}
    for path in others:
        assert any(fnmatch(f"awpo_verl/{path.relative_to(root)}", glob) for glob in packed), path
