"""`awpo-verl judge` over files, with a real server: what is judged, what a second run repeats, what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from awpo_verl.workbench.cli import app
from tests.rewards.reasoning.judge.judge_server import JudgeServer

TRUTH = {"tool_calls": [{"name": "pay", "arguments": {"amount": 6}}]}
ROWS = 20


def row(number: int, amount: int) -> dict[str, Any]:
    thinking = f"<think>order {number}: 2*3=6, so pay 6</think>"
    call = f'<tool_call>{{"name": "pay", "arguments": {{"amount": {amount}}}}}</tool_call>'
    prompt = [{"role": "user", "content": f"Order {number}: pay 2 times 3."}]
    return {"prompt": prompt, "response": thinking + call, "ground_truth": TRUTH, "data_source": "shop"}


@pytest.fixture
def rollouts(tmp_path: Path) -> Path:
    path = tmp_path / "rollouts.jsonl"
    path.write_text("".join(json.dumps(row(i, 6 if i % 2 else 7)) + "\n" for i in range(ROWS)))
    return path


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["judge", *map(str, arguments)])
    return result.exit_code, " ".join(result.output.split())


def read(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_every_row_is_judged_once_and_a_second_run_asks_nothing(rollouts: Path, tmp_path: Path) -> None:
    out = tmp_path / "judged.jsonl"
    with JudgeServer() as server:
        command = (rollouts, f"base_url={server.base_url}", "model=m", "--out", out, "--price-in", 1, "--price-out", 2)
        code, said = run(*command)
        lines = read(out)
        assert code == 0, said
        assert f"{ROWS} rows judged" in said
        assert "latency p50" in said
        assert "cost 0.0" in said
        assert "Judge and outcome" in said
        assert sorted(line["row"] for line in lines) == sorted(f"rollouts.jsonl:{i + 1}" for i in range(ROWS))
        assert all(line["judge_status"] == "ok" and line["reasoning_valid"] == 1.0 for line in lines)
        assert [line["outcome"] for line in lines].count(1.0) == ROWS // 2

        code, said = run(*command)
        assert code == 0
        assert re.search(rf"\b0 rows judged in \d+\.\d s, {ROWS} kept", said)
        assert read(out) == lines
    assert len(server.log()) == ROWS


def test_only_failed_and_cut_off_rows_are_retried(rollouts: Path, tmp_path: Path) -> None:
    out = tmp_path / "judged.jsonl"
    with JudgeServer(mode="error_500", share=0.5, key_pattern=r"(Order \d+): pay") as server:
        command = (
            rollouts,
            f"base_url={server.base_url}",
            "model=m",
            "retries=0",
            "breaker_failures=999",
            "--out",
            out,
        )
        code, said = run(*command)
        failed = [line["row"] for line in read(out) if line["judge_status"] == "server_error"]
        assert code == 1
        assert f"{len(failed)} rows have no score" in said
        assert 0 < len(failed) < ROWS
        assert all(line["reasoning_valid"] == 0.0 for line in read(out) if line["row"] in failed)

        server.set(mode="ok")
        with out.open("a") as file:
            file.write('{"row": "rollouts.jsonl:1", "key": "cut o')
        before = len(server.log())
        code, said = run(*command)
        assert code == 0, said
        assert len(server.log()) - before == len(failed)
    assert len(read(out)) == ROWS


def test_another_judge_judges_again_once_and_takes_the_place_of_the_first(rollouts: Path, tmp_path: Path) -> None:
    out = tmp_path / "judged.jsonl"
    with JudgeServer() as server:
        for model in ("m", "m", "n", "n", "n"):
            code, said = run(rollouts, f"base_url={server.base_url}", f"model={model}", "--out", out)
            assert code == 0
            assert f"shop {ROWS} " in said.replace("│", " ").replace("  ", " ").replace(
                "  ", " "
            )  # of this judge alone
    assert len(server.log()) == 2 * ROWS
    assert len(read(out)) == ROWS


def test_an_endpoint_that_is_down_stops_the_run_and_a_second_run_continues(rollouts: Path, tmp_path: Path) -> None:
    out = tmp_path / "judged.jsonl"
    with JudgeServer(mode="down") as server:
        quick = ("retries=0", "breaker_failures=4", "breaker_after=0", "concurrency=2")
        command = (rollouts, f"base_url={server.base_url}", "model=m", *quick, "--out", out)
        code, said = run(*command)
        assert code == 1
        assert "Stopped: http://127.0.0.1" in said
        assert "is down; run the same command again" in said
        assert 4 <= len(read(out)) < ROWS
        server.set(mode="ok")
        code, said = run(*command)
        assert code == 0, said
    assert [line["judge_status"] for line in read(out)] == ["ok"] * ROWS


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["model"], "'model' is not a setting; write key=value"),
        (["extra_body={a"], "extra_body={a: the value is not YAML: "),
        (["model=m"], "without a judge: set algorithm.awpo.judge.base_url"),
        (["base_url=http://h/v1"], "algorithm.awpo.judge.model="),
        (["base_url=http://h/v1", "model=m", "tempo=1"], "algorithm.awpo.judge.tempo"),
        (["base_url=http://h/v1", "model=m", "template=nope"], "no such template"),
    ],
)
def test_unusable_settings_are_named(rollouts: Path, tmp_path: Path, settings: list[str], message: str) -> None:
    code, said = run(rollouts, *settings, "--out", tmp_path / "judged.jsonl")
    assert code == 2
    assert message in said


def test_a_file_of_another_kind_is_not_taken_for_an_earlier_run(rollouts: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text('{"precious": 1}\n')
    code, said = run(rollouts, "base_url=http://127.0.0.1:9/v1", "model=m", "--out", other)
    assert (code, other.read_text()) == (2, '{"precious": 1}\n')
    assert "is not from this command (line 1)" in said
    other.write_bytes(b"\xff\xfe\n")
    code, said = run(rollouts, "base_url=http://127.0.0.1:9/v1", "model=m", "--out", other)
    assert (code, other.read_bytes()) == (2, b"\xff\xfe\n")
    assert "is not from this command" in said
    code, said = run(rollouts, "base_url=http://127.0.0.1:9/v1", "model=m", "--out", rollouts)
    assert code == 2
