"""`awpo-verl score`: what it reads, prints and writes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from awpo_verl.rewards.outcome.execution import ground_truth_text
from awpo_verl.workbench.cli import app
from awpo_verl.workbench.printable import printable
from tests.rewards.outcome.calls import call, hermes, tool
from tests.rewards.outcome.execution.environments import Counter

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
    books = next(line for line in result.output.splitlines() if line.startswith("books"))
    # rows outcome exact graded name key value format schema calls
    assert books.split()[1:] == ["3", "0.333", "0.333", "0.667", "1.000", "1.000", "0.333", "1.000", "1.000", "1.000"]
    assert "wrong value" in result.output
    assert "rollouts.jsonl:2  f.a" in result.output  # the first example, not the second
    assert "66.7%" in result.output
    assert "no call where one was expected" in result.output
    written = parts()
    assert [row["outcome"] for row in written] == [1.0, 0.0, 0.0, 0.0]
    assert [row["refused"] for row in written] == [0.0, 0.0, 0.0, 1.0]
    assert written[1]["failures"] == [["wrong value", "f.a"]]
    assert (written[1]["row"], written[1]["category"]) == ("rollouts.jsonl:2", "books")


@pytest.mark.parametrize("unchecked", [False, True])
def test_the_table_is_whole_in_80_columns_and_names_are_no_markup(tmp_path: Path, unchecked: bool) -> None:
    rows = [row | {"data_source": name} for row in ROWS for name in ("[easy]", "a[/b]", "a_category_of_a_long_name")]
    rows += [{"response": "4", "ground_truth": "4", "data_source": "[easy]"}] if unchecked else []
    write(tmp_path / "rollouts.jsonl", rows)
    result = CliRunner().invoke(app, ["score", str(tmp_path / "rollouts.jsonl")], env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    easy = next(line for line in result.output.splitlines() if line.startswith("[easy]"))
    counts = ["5", "4"] if unchecked else ["4"]
    means = ["0.250", "0.250", "0.500", "0.750", "0.750", "0.250", "1.000", "1.000", "0.750"]
    assert easy.split()[1:] == [*counts, *means]
    assert "a[/b]" in result.output
    assert "…" not in result.output[: result.output.index("Commonest")]


def test_graded_match_and_format_are_chosen_as_in_the_config(tmp_path: Path) -> None:
    rows = [{"completion": "[f(2)]", "ground_truth": TRUTH}]
    assert score(write(tmp_path / "r.jsonl", rows), "--match", "graded", "--format", "pythonic").exit_code == 0
    assert parts()[0]["outcome"] == pytest.approx(0.5)  # name and key right, value wrong
    result = score(tmp_path / "r.jsonl", "--format", "xml")
    assert result.exit_code == 2
    assert "algorithm.awpo.outcome.format=xml" in result.output


def test_a_byte_order_mark_is_not_part_of_the_first_row(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text(json.dumps(ROWS[0]) + "\n", encoding="utf-8-sig")
    assert score(tmp_path / "r.jsonl").exit_code == 0


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
    ("line", "message"),
    [
        (b'{"ground_truth": "x"}', "no response (a text under one of output, response, completion); it has"),
        (b'{"output": "x"}', "no ground truth (one of gts, ground_truth, reward_model.ground_truth)"),
        (b"[1]", "a line must be a JSON object, got '[1]'"),
        (b"{", "not JSON: Expecting"),
        (b"[" * 100_000, "not readable JSON: it is nested too deep"),
        (b'{"output": "\xff", "gts": "x"}', "not UTF-8: 'utf-8' codec can't decode byte 0xff"),
        (b'{"output": "x", "gts": "x", "extra_info": "{}"}', "extra_info must be an object, got '{}'"),
        (b'{"output": "x", "gts": "x", "extra_info": {"reasoning_steps": "1+1=2"}}', "must be a list of strings, got"),
        (b'{"output": "x", "gts": "x", "tools": 3}', "tools"),
        (b'{"output": "x", "gts": "x", "tools": [{"name": "f", "parameters": 3}]}', "parameters"),
    ],
)
def test_a_broken_row_is_counted_and_named_and_the_others_are_scored(tmp_path: Path, line: bytes, message: str) -> None:
    good = json.dumps(ROWS[0]).encode()
    (tmp_path / "r.jsonl").write_bytes(b"\n".join([good, b"", line, line, good]))
    result = score(tmp_path / "r.jsonl")
    assert result.exit_code == 1, result.output
    shown = result.output.replace("\n", " ")
    assert "2 rows could not be scored. The first: r.jsonl:3: " in shown
    assert message in shown
    assert [row["row"] for row in parts()] == ["r.jsonl:1", "r.jsonl:5"]


@pytest.mark.parametrize("error", [TypeError("3 is no list"), KeyError("type"), AttributeError("no get")])
def test_whatever_a_broken_schema_raises_is_an_error_of_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def check_outcome(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("awpo_verl.workbench.score.check_outcome", check_outcome)
    result = score(write(tmp_path / "r.jsonl", ROWS))
    assert result.exit_code == 1
    assert f"The first: r.jsonl:1: ground truth or tools are broken: {type(error).__name__}: {error}" in result.output


def test_a_broken_row_of_a_parquet_file_is_counted_and_named(tmp_path: Path) -> None:
    rows = [ROWS[0], ROWS[0] | {"response": None}, ROWS[0]]
    pd.DataFrame(rows).to_parquet(tmp_path / "r.parquet")
    result = score(tmp_path / "r.parquet")
    assert result.exit_code == 1
    assert "1 rows could not be scored. The first: r.parquet:2: no response" in result.output
    assert len(parts()) == 2


def test_expected_steps_score_the_reasoning_as_in_training(tmp_path: Path) -> None:
    row = ROWS[0] | {"response": f"<think>1+1=2</think>{hermes(call('f', a=1))}"}
    rows = [row | {"extra_info": {"reasoning_steps": ["1+1=2", "2+2=4"]}}, row | {"extra_info": None}]
    assert score(write(tmp_path / "r.jsonl", rows)).exit_code == 0
    assert parts()[0]["reasoning"] == 0.5
    pd.DataFrame(rows[:1]).to_parquet(tmp_path / "r.parquet")
    assert score(tmp_path / "r.parquet").exit_code == 0
    assert parts()[0]["reasoning"] == 0.5


def test_recorded_scores_that_differ_are_counted_and_the_first_is_shown(tmp_path: Path) -> None:
    def dump(amount: int, recorded: float | None, gts: str = TRUTH) -> dict[str, Any]:
        return {"input": "q", "output": hermes(call("f", a=amount)), "gts": gts, "score": recorded}

    rows = [dump(1, 1.0 - 1e-7), dump(2, 1.0), dump(1, 0.0), dump(1, float("nan")), dump(1, 5.0, "4"), dump(1, None)]
    result = score(write(tmp_path / "7.jsonl", rows))
    assert result.exit_code == 0
    assert "3 of 4 recorded scores differ; the first: 7.jsonl:2 recorded 1, now 0." in result.output
    assert "recorded" not in score(write(tmp_path / "7.jsonl", rows[:1])).output
    # a `score` that is not verl's is no recorded outcome
    assert "recorded" not in score(write(tmp_path / "r.jsonl", [ROWS[0] | {"score": 7.0}])).output


def test_a_file_that_is_scored_is_never_written(tmp_path: Path) -> None:
    file = write(tmp_path / "parts.jsonl", ROWS)  # the default of --out
    before = file.read_bytes()
    (tmp_path / "link.jsonl").symlink_to(file)
    for result in (score("parts.jsonl"), score(file, "--out", "link.jsonl"), score("link.jsonl")):
        assert result.exit_code == 2
        assert "is a file that is scored; use another path" in result.output
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    write(dumps / "1.jsonl", ROWS)
    (dumps / "linked.jsonl").symlink_to(file)
    for out in ("dumps/parts.jsonl", "dumps/deeper/parts.jsonl", "dumps/1.jsonl"):
        result = score("dumps", "--out", out)
        assert result.exit_code == 2
        assert f"--out={out} lies in dumps, the folder that is scored" in result.output
    assert score(dumps, "--out", file).exit_code == 2
    assert file.read_bytes() == before
    assert sorted(f.name for f in dumps.iterdir()) == ["1.jsonl", "linked.jsonl"]


def test_a_failed_run_leaves_the_earlier_parts_alone(tmp_path: Path) -> None:
    assert score(write(tmp_path / "r.jsonl", ROWS)).exit_code == 0
    earlier = Path("parts.jsonl").read_bytes()
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    write(dumps / "1.jsonl", ROWS)
    (dumps / "10.parquet").write_bytes(b"PAR1 and nothing else PAR1")
    result = score("dumps")
    assert result.exit_code == 2
    assert "10.parquet: not a parquet file that can be read (after row 0)" in result.output
    assert Path("parts.jsonl").read_bytes() == earlier
    assert sorted(f.name for f in tmp_path.iterdir()) == ["dumps", "parts.jsonl", "r.jsonl"]


def test_parts_may_go_to_a_link_or_a_pipe(tmp_path: Path) -> None:
    write(tmp_path / "r.jsonl", ROWS)
    (tmp_path / "parts.jsonl").symlink_to("real.jsonl")
    assert score("r.jsonl").exit_code == 0
    assert Path("parts.jsonl").is_symlink()
    assert len(parts("real.jsonl")) == len(ROWS)
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert score("r.jsonl", "--out", "pipe").exit_code == 0
    os.close(reader)
    assert Path("pipe").is_fifo()


def test_files_without_rows_say_so(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text("\n \n")
    result = score("r.jsonl")
    assert result.exit_code == 2
    assert "r.jsonl: the file is empty, there are no rows to score" in result.output
    (tmp_path / "dumps").mkdir()
    for step in (1, 2):
        (tmp_path / "dumps" / f"{step}.jsonl").touch()
    result = score("dumps")
    assert result.exit_code == 2
    assert "dumps: all 2 files in it are empty" in result.output
    assert not Path("parts.jsonl").exists()


def test_missing_and_strange_files_are_named(tmp_path: Path) -> None:
    assert "no such file or folder" in score(tmp_path / "none.jsonl").output
    (tmp_path / "r.csv").write_text("")
    assert ".csv cannot be read; use one of .jsonl, .parquet" in score(tmp_path / "r.csv").output
    (tmp_path / "empty").mkdir()
    assert "a folder without .jsonl or .parquet files" in score(tmp_path / "empty").output


def test_the_models_text_cannot_steer_the_terminal(tmp_path: Path) -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07 [bold]markup[/bold] \u202e"
    assert printable(hostile) == "\\x1b[2J\\x1b]0;owned\\x07 [bold]markup[/bold] \\u202e"
    result = score(write(tmp_path / "r.jsonl", [{"response": hostile, "ground_truth": TRUTH}]))
    assert "\x1b" not in result.output
    assert "[bold]markup[/bold]" in result.output
