"""`awpo-verl score`: which files it reads, and where it writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from awpo_verl.workbench.cli import app
from awpo_verl.workbench.files import json_files
from awpo_verl.workbench.files.rollout_files import count_rows, read_rows
from tests.workbench.cli.test_score import ROWS, parts, score, write

LINES = "\n".join(map(json.dumps, ROWS)).encode()


@pytest.fixture(autouse=True)
def _in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "text", [LINES, json.dumps(ROWS).encode(), b"\xef\xbb\xbf \n" + json.dumps(ROWS, indent=1).encode()]
)
def test_standard_input_holds_lines_or_a_list(text: bytes) -> None:
    result = CliRunner().invoke(app, ["score", "-"], input=text, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert [row["row"] for row in parts()] == ["stdin:1", "stdin:2", "stdin:3", "stdin:4"]
    assert [row["outcome"] for row in parts()] == [1.0, 0.0, 0.0, 0.0]


def test_a_real_pipe_is_read() -> None:
    command = [sys.executable, "-m", "awpo_verl", "score", "-"]
    environment = os.environ | {"PYTHONPATH": str(Path(json_files.__file__).parents[2])}
    done = subprocess.run(command, input=LINES, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(parts()) == len(ROWS)


def test_a_named_pipe_is_read_as_bashs_process_substitution_makes_one(tmp_path: Path) -> None:
    os.mkfifo("rollouts")
    writer = threading.Thread(target=lambda: Path("rollouts").write_bytes(LINES))
    writer.start()
    result = score("rollouts")
    writer.join()
    assert result.exit_code == 0, result.output
    assert [row["row"] for row in parts()][:1] == ["rollouts:1"]
    assert count_rows(Path("rollouts")) is None


@pytest.mark.parametrize("name", ["r.json", "r.JSON"])
def test_a_json_file_holds_a_list_or_lines(name: str) -> None:
    Path(name).write_text(json.dumps(ROWS))
    assert score(name).exit_code == 0
    assert [row["row"] for row in parts()] == [f"{name}:{n}" for n in range(1, 5)]
    assert count_rows(Path(name)) == 4
    Path(name).write_bytes(LINES)
    assert score(name).exit_code == 0
    assert len(parts()) == 4


def test_a_list_that_is_cut_off_is_refused_with_its_file() -> None:
    Path("r.json").write_text(json.dumps(ROWS)[:-5])
    result = score("r.json")
    assert result.exit_code == 2
    assert "r.json: not JSON after item 3" in result.output


def test_the_case_of_a_suffix_does_not_matter(tmp_path: Path) -> None:
    write(tmp_path / "R.JSONL", ROWS)
    pd.DataFrame(ROWS).to_parquet(tmp_path / "R.Parquet")
    for name in ("R.JSONL", "R.Parquet"):
        assert score(name).exit_code == 0
    folder = tmp_path / "dumps"
    folder.mkdir()
    write(folder / "1.JSONL", ROWS)
    assert score("dumps").exit_code == 0
    assert len(parts()) == 4


def test_hidden_files_and_folders_of_a_folder_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "dumps"
    (folder / "old.jsonl").mkdir(parents=True)
    write(folder / "1.jsonl", ROWS)
    (folder / "._1.jsonl").write_bytes(b"\x00\x05\x16\x07 what macOS leaves beside a file")
    result = score("dumps")
    assert result.exit_code == 0, result.output
    assert {row["row"].partition(":")[0] for row in parts()} == {"1.jsonl"}


def test_an_out_without_its_folder_is_named() -> None:
    Path("r.jsonl").write_bytes(LINES)
    result = score("r.jsonl", "--out", "there/is/none.jsonl")
    assert result.exit_code == 2
    assert "--out=there/is/none.jsonl: there is no folder there/is. Make it, or use another path." in result.output
    assert ".partial" not in result.output


def test_judge_refuses_an_out_without_its_folder_before_any_request() -> None:
    Path("r.jsonl").write_bytes(LINES)
    arguments = ["judge", "r.jsonl", "base_url=http://127.0.0.1:9/v1", "model=m", "--out", "none/judged.jsonl"]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert "--out=none/judged.jsonl: there is no folder none." in result.output


TWICE = json.dumps(ROWS[0])[:-1] + ', "response": "another"}'


def test_a_row_with_a_key_twice_is_an_error_of_that_row() -> None:
    nested = json.dumps(ROWS[0])[:-1] + ', "extra_info": {"a": 1, "a": 2}}'
    good = json.dumps(ROWS[0])
    for name, text in {
        "r.jsonl": "\n".join([good, TWICE, nested, good]),
        "r.json": f"[{good},{TWICE},{nested},{good}]",
    }.items():
        Path(name).write_text(text)
        result = score(name)
        assert result.exit_code == 1
        assert f"2 rows could not be scored. The first: {name}:2: the key 'response' appears twice" in result.output
        assert [row["row"] for row in parts()] == [f"{name}:1", f"{name}:4"]


def test_a_long_list_is_read_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """However the pieces cut the text, the rows are the same, and a key twice stays an error of its row."""
    Path("r.json").write_text(f"[{json.dumps(ROWS[0])}, {TWICE},\n {json.dumps(ROWS[1])}]")
    for size in (1, 2, 7, 64):
        monkeypatch.setattr(json_files, "_CHUNK", size)
        first, second, third = read_rows(Path("r.json"))
        assert (first.decode(), third.decode()) == (ROWS[0], ROWS[1])
        with pytest.raises(ValueError, match="the key 'response' appears twice"):
            second.decode()
