"""`awpo-verl score`: what it reads, prints and writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from awpo_verl.cli import app, printable
from awpo_verl.rewards.outcome.execution import ground_truth_text
from tests.rewards.calls import call, hermes, tool
from tests.rewards.environments import Counter

TRUTH = json.dumps({"tool_calls": [call("f", a=1)], "tools": [tool("f", a={"type": "integer", "maximum": 5})]})


def score(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["score", *map(str, arguments)], env={"COLUMNS": "200"})


@pytest.fixture(autouse=True)
def _in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    return path


def parts(path: str = "parts.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


ROWS = [
    {"response": hermes(call("f", a=1)), "ground_truth": TRUTH, "data_source": "books"},
    {"response": hermes(call("f", a=2)), "ground_truth": TRUTH, "data_source": "books"},
    {"response": hermes(call("f", a=3)), "ground_truth": TRUTH, "data_source": "books"},
    {"response": "<think>no</think> I will not.", "ground_truth": TRUTH, "data_source": "films"},
]


def test_a_table_by_category_the_commonest_failures_and_the_parts(tmp_path: Path) -> None:
    result = score(write(tmp_path / "rollouts.jsonl", ROWS))
    assert result.exit_code == 0, result.output
    books = next(line for line in result.output.splitlines() if line.startswith("│ books"))
    # rows checked outcome exact graded name key value format schema n_calls
    cells = [cell.strip() for cell in books.strip("│").split("│")]
    assert cells[1:] == ["3", "3", "0.333", "0.333", "0.667", "1.000", "1.000", "0.333", "1.000", "1.000", "1.000"]
    assert "wrong value" in result.output
    assert "rollouts.jsonl:2  f.a" in result.output  # the first example, not the second
    assert "66.7%" in result.output
    assert "no call where one was expected" in result.output
    written = parts()
    assert [row["outcome"] for row in written] == [1.0, 0.0, 0.0, 0.0]
    assert [row["refused"] for row in written] == [0.0, 0.0, 0.0, 1.0]
    assert written[1]["failures"] == [["wrong value", "f.a"]]
    assert (written[1]["row"], written[1]["category"]) == ("rollouts.jsonl:2", "books")


def test_graded_match_and_format_are_chosen_as_in_the_config(tmp_path: Path) -> None:
    rows = [{"completion": "[f(2)]", "ground_truth": TRUTH}]
    assert score(write(tmp_path / "r.jsonl", rows), "--match", "graded", "--format", "pythonic").exit_code == 0
    assert parts()[0]["outcome"] == pytest.approx(0.5)  # name and key right, value wrong
    result = score(tmp_path / "r.jsonl", "--format", "xml")
    assert result.exit_code == 2
    assert "algorithm.awpo.outcome.format=xml" in result.output


def test_verls_dump_folder_is_read_in_the_order_of_steps(tmp_path: Path) -> None:
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    for step in (10, 2):
        write(dumps / f"{step}.jsonl", [{"input": "q", "output": hermes(call("f", a=1)), "gts": TRUTH, "score": 1.0}])
    assert score(dumps).exit_code == 0
    assert [row["row"] for row in parts()] == ["2.jsonl:1", "10.jsonl:1"]


def test_parquet_with_verls_columns(tmp_path: Path) -> None:
    row = {"response": hermes(call("f", a=1)), "reward_model": {"ground_truth": TRUTH}, "data_source": "x"}
    pd.DataFrame([row]).to_parquet(tmp_path / "r.parquet")
    assert score(tmp_path / "r.parquet", "--out", tmp_path / "p.jsonl").exit_code == 0
    assert parts("p.jsonl")[0]["exact"] == 1.0


def test_a_match_that_breaks_its_schema_is_shown(tmp_path: Path) -> None:
    truth = json.dumps({"tool_calls": [call("f", a=9)], "tools": [tool("f", a={"type": "integer", "maximum": 5})]})
    result = score(write(tmp_path / "r.jsonl", [{"response": hermes(call("f", a=9)), "ground_truth": truth}]))
    assert "matches, but breaks its schema" in result.output
    assert "a: maximum" in result.output


def test_rows_that_no_checker_knows_are_counted(tmp_path: Path) -> None:
    rows = [{"response": "4", "ground_truth": "4"}, *ROWS]
    result = score(write(tmp_path / "r.jsonl", rows))
    assert result.exit_code == 0
    assert "1 rows have a ground truth that no built-in checker knows" in result.output


def test_the_calls_of_a_text_are_run_where_the_ground_truth_is_a_trajectory(tmp_path: Path) -> None:
    truth = ground_truth_text(Counter, {"count": 1}, [[call("add", amount=2)]])
    rows = [{"response": hermes(call("add", amount=amount)), "ground_truth": truth} for amount in (2, 3)]
    result = score(write(tmp_path / "r.jsonl", rows))
    assert [row["exact"] for row in parts()] == [1.0, 0.0]
    assert "user turn 0: state.count: '4', not '3'" in result.output


def test_a_broken_ground_truth_is_counted_named_and_fails_the_command(tmp_path: Path) -> None:
    rows = [*ROWS, {"response": "x", "ground_truth": '{"tool_calls": [3]}'}]
    result = score(write(tmp_path / "r.jsonl", rows))
    assert result.exit_code == 1
    assert "1 rows could not be scored. The first: r.jsonl:5: ground_truth['tool_calls'] has an entry" in result.output
    assert len(parts()) == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"ground_truth": "x"}', "r.jsonl:1: no response (a text under one of output, response, completion); it has"),
        ('{"output": "x"}', "r.jsonl:1: no ground truth (one of gts, ground_truth, reward_model.ground_truth)"),
        ("[1]", "r.jsonl:1: a line must be a JSON object"),
        ("{", "r.jsonl:1: not JSON"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "r.jsonl").write_text(content)
    result = score(tmp_path / "r.jsonl")
    assert result.exit_code == 2
    assert message in result.output


def test_missing_and_strange_files_are_named(tmp_path: Path) -> None:
    assert "no such file or folder" in score(tmp_path / "none.jsonl").output
    (tmp_path / "r.csv").write_text("")
    assert ".csv is not read; use one of .jsonl, .parquet" in score(tmp_path / "r.csv").output
    (tmp_path / "empty").mkdir()
    assert "a folder without .jsonl or .parquet files" in score(tmp_path / "empty").output


def test_the_models_text_cannot_steer_the_terminal(tmp_path: Path) -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07 [bold]markup[/bold] \u202e"
    assert printable(hostile) == "\\x1b[2J\\x1b]0;owned\\x07 [bold]markup[/bold] \\u202e"
    result = score(write(tmp_path / "r.jsonl", [{"response": hostile, "ground_truth": TRUTH}]))
    assert "\x1b" not in result.output
    assert "[bold]markup[/bold]" in result.output
