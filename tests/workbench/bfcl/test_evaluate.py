"""The recipe: what it says before it starts, and, where bfcl-eval is installed, the real thing against a real vLLM."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from awpo_verl.workbench.bfcl import evaluate
from examples.demo import tiny_model
from tests.workbench.bfcl import oracle

VENV = os.environ.get("AWPO_BFCL_VENV", "")
WHY = "AWPO_BFCL_VENV is not set: the folder of an environment with requirements/bfcl.txt"
needs_bfcl = pytest.mark.skipif(not VENV, reason=WHY)
CPU = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "VLLM_ARGS": "--enforce-eager",
}


def recipe(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    settings = re.findall(r"^([A-Z_]+)=", Path("recipes/eval_bfcl.sh").read_text(encoding="utf-8"), re.MULTILINE)
    clean = {key: value for key, value in os.environ.items() if key not in settings}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # the recipe calls `python`
    return subprocess.run(
        ["bash", "recipes/eval_bfcl.sh", *arguments],
        env=clean | {"PATH": path} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"max_position_embeddings": 512}', encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"w")
    return folder


def test_a_dry_run_prints_every_command_and_starts_nothing(tmp_path: Path, model: Path) -> None:
    out, venv = tmp_path / "out", tmp_path / "venv"
    done = recipe("--dry-run", MODEL=str(model), OUT=str(out), BFCL_VENV=str(venv), LIMIT="3", VLLM_ARGS="--seed 7")
    assert done.returncode == 0, done.stderr
    create, install, serve, evaluation, last = done.stdout.splitlines()
    assert create.endswith(f"-m venv {venv}")
    assert "--no-deps" in install
    assert re.search(rf"--model {model} --served-model-name evaluated-[0-9a-f]{{8}} ", serve)
    assert serve.endswith("--seed 7")
    assert f"--tokenizer {model}" in evaluation
    assert "--limit 3" in evaluation
    assert evaluation.endswith("--categories non_live live multi_turn")
    assert f"{out}/bfcl.md" in last
    assert "the model's context is 512 tokens" in done.stderr
    assert not out.exists()
    assert not venv.exists()


def test_a_wrong_checkpoint_stops_before_anything_starts(tmp_path: Path) -> None:
    done = recipe(MODEL=str(tmp_path), OUT=str(tmp_path / "out"))
    assert done.returncode == 1
    assert "nothing to serve" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_missing_baseline_stops_before_anything_starts(tmp_path: Path, model: Path) -> None:
    done = recipe("--dry-run", MODEL=str(model), OUT=str(tmp_path / "out"), BASELINE=str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "another run's OUT or its bfcl.json" in done.stderr


def test_a_port_in_use_is_named(model: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = recipe("--dry-run", MODEL=str(model), PORT=str(other.getsockname()[1]))
    assert done.returncode == 1
    assert "is in use" in done.stderr


def test_an_out_folder_holds_the_answers_of_one_model(tmp_path: Path) -> None:
    settings = {"model": "m", "served": "first", "label": "a", "limit": 5}
    evaluate.claim_folder(tmp_path, settings)
    evaluate.claim_folder(tmp_path, settings | {"label": "b", "limit": 9})  # the same answers
    with pytest.raises(evaluate.EvaluationError, match="served: 'first' there, 'second' now"):
        evaluate.claim_folder(tmp_path, settings | {"served": "second"})


@needs_bfcl
def test_a_server_that_dies_shows_its_log_and_no_process_is_left(tmp_path: Path, model: Path) -> None:
    """The config names no architecture, so vLLM gives up."""
    out = tmp_path / "out"
    done = recipe(MODEL=str(model), OUT=str(out), BFCL_VENV=VENV, **CPU)
    assert done.returncode == 1
    assert f"The end of {out}/vllm.log" in done.stderr
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(model) not in listed


@needs_bfcl
def test_the_real_bfcl_scores_known_answers(tmp_path: Path) -> None:
    """Right and wrong answers, a context that is too short and a server that fails, each counted as what it is."""
    data = next(Path(VENV).glob("lib/python*/site-packages/bfcl_eval/data"))
    behave = {
        "simple_python_0": oracle.call("another_function", {}),
        "simple_python_100": "down",
        "irrelevance_0": oracle.call("any", {}),
        "irrelevance_60": "long",
        "multi_turn_base_50": "I do not know.",
        "multi_turn_base_100": "long",
    }
    known = oracle.Oracle(data, behave)
    out = tmp_path / "out"
    variables = {"MODEL": str(tiny(tmp_path)), "OUT": str(out), "BFCL_VENV": VENV, "LIMIT": "4", "THREADS": "4"}
    variables |= {"CATEGORIES": " ".join(oracle.CATEGORIES), "HF_HUB_OFFLINE": "1"}
    with oracle.serve(known) as url:
        done = recipe(**variables, BASE_URL=url)
        assert done.returncode == 3, done.stderr
        assert counts(out) == {"simple_python": (3, 2), "irrelevance": (4, 2), "multi_turn_base": (4, 2)}
        text = (out / "bfcl.md").read_text(encoding="utf-8")
        assert "1 entries have no answer" in text
        assert "irrelevance: BFCL's score file says 75.0" in text  # the prompt that was too long is right for BFCL
        del behave["simple_python_100"]
        known.asked.clear()
        done = recipe(**variables, BASE_URL=url)
        assert done.returncode == 0, done.stderr
        assert known.asked == ["simple_python_100"]
        assert counts(out)["simple_python"] == (4, 3)


def counts(out: Path) -> dict[str, tuple[int, int]]:
    """Category -> n and how many right."""
    rows = json.loads((out / "bfcl.json").read_text(encoding="utf-8"))["rows"]
    return {row["name"]: (row["n"], round(row["n"] * row["accuracy"]["value"])) for row in rows if row["of"] == 1}


def tiny(tmp_path: Path) -> Path:
    """A random model that is small and has a tokenizer."""
    folder = tmp_path / "tiny"
    settings = tiny_model.ModelSettings(max_length=1024, layers=2, hidden_size=128, intermediate_size=256)
    tokenizer = tiny_model.make_tokenizer(settings, ["Book a flight to Lima. <tool_call>"] * 20, ["Lima"])
    tiny_model.save(tiny_model.make_model(settings, tokenizer, seed=0), tokenizer, folder)
    return folder


@needs_bfcl
def test_the_real_bfcl_against_a_real_vllm(tmp_path: Path) -> None:
    """Two runs of an untrained model: generated, scored, reported; then nothing to do but to compare with itself."""
    variables = CPU | {
        "MODEL": str(tiny(tmp_path)),
        "BFCL_VENV": VENV,
        "LIMIT": "2",
        "MAX_NEW_TOKENS": "32",
        "LABEL": "first",
    }
    variables |= {"OUT": str(tmp_path / "out"), "CATEGORIES": "irrelevance,multi_turn_base"}
    done = recipe(**variables)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out/bfcl.json").read_text(encoding="utf-8"))
    assert len(report["records"]) == 4
    assert {record["correct"] for record in report["records"].values()} <= {True, False}
    again = recipe(**variables, BASELINE=str(tmp_path / "out"))
    assert again.returncode == 0, again.stderr
    assert "previously generated" in (tmp_path / "out/bfcl.log").read_text(encoding="utf-8")
    assert all(row["difference"]["value"] == 0 for row in json.loads((tmp_path / "out/bfcl.json").read_text())["rows"])
