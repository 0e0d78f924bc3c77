"""A user's reward function before a launch: loaded and called once, where a hang or a crash harms nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from awpo_verl.integration.reward_function import load_function
from awpo_verl.workbench.preflight import reward_function
from awpo_verl.workbench.preflight.reward_function import check_reward_function
from awpo_verl.workbench.preflight.reward_probe import (
    describe_result,
    find_refused_arguments,
    format_last_lines,
    read_first_row,
)
from tests.workbench.preflight.conftest import of, write_rows

HEAD = "def compute_score(data_source, solution_str, ground_truth, extra_info=None, **kwargs):\n"


def config_of(folder: Path, body: str, **function: Any) -> Any:
    """verl's sections that the check reads; the function's file is r.py, its rows rows.parquet."""
    (folder / "r.py").write_text(body)
    rows = write_rows(folder / "rows.parquet", 1, ground_truth="the truth")
    return OmegaConf.create(
        {
            "reward": {
                "custom_reward_function": {"path": f"{folder}/r.py", "name": "compute_score"} | function,
                "reward_manager": {"name": "awpo"},
                "reward_model": {"enable": False},
            },
            "data": {"train_files": str(rows), "reward_fn_key": "data_source", "custom_cls": {"path": None}},
            "algorithm": {},
        }
    )


# what reward_probe.py reported, its exit code -> level, words
REPORTS: dict[str, tuple[list[dict[str, Any]], int | None, str, str]] = {
    "load error": ([{"began": "load"}, {"stage": "load", "error": "it is broken"}], 0, "error", "it is broken"),
    "crash at load": ([{"began": "load"}], -11, "error", "ended the process (signal SIGSEGV) while loading it"),
    "exit at load": ([{"began": "load"}], 3, "error", "ended the process (exit code 3) while loading it"),
    "slow load": ([{"began": "load"}], None, "warning", "gave no answer in 120 s, while loading it"),
    "no probe": ([], 1, "warning", "is not checked: the process that loads it ended with exit code 1"),
    "not called": ([{"began": "load"}, {"stage": "load"}], 0, "ok", "loads; not called"),
    "crash": (
        [{"began": "load"}, {"stage": "load"}, {"began": "call"}],
        -6,
        "error",
        "ended the process (signal SIGABRT) while scoring an empty response; it would end verl's reward worker",
    ),
    "slow": (
        [{"began": "load"}, {"stage": "load"}, {"began": "call"}],
        None,
        "warning",
        "gave no answer in 120 s, while scoring an empty response",
    ),
}


@pytest.mark.parametrize("case", REPORTS)
def test_the_stage_in_which_the_subprocess_ended_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    lines, ended, level, words = REPORTS[case]
    monkeypatch.setattr(reward_function, "run_probe", lambda config, deadline: (lines, ended))
    (finding,) = check_reward_function(config_of(tmp_path, HEAD))
    assert (finding.level, words in finding.message) == (level, True), finding


# what the function returned -> level, words
RESULTS: dict[str, tuple[Any, str, str]] = {
    "number": (1, "ok", "scores an empty response: outcome 1"),
    "both": ({"score": 0.5, "reasoning": 0.25, "mine": 3}, "ok", "outcome 0.5, reasoning 0.25"),
    "no answer": ({"score": 0.5, "reasoning": None}, "ok", "outcome 0.5, reasoning missing"),
    "text": ("1", "error", "AWPO needs a number"),
    "number as text": ({"score": "1"}, "error", "AWPO needs a number"),
    "no outcome": ({"acc": 1.0}, "warning", "a dict without 'outcome' or 'score' (its keys: ['acc'])"),
    "outcome None": (
        {"score": None},
        "warning",
        "AWPO needs a number. A rollout with an empty response would stop the",
    ),
    "nothing": (None, "warning", "AWPO needs a number. A rollout with an empty response would stop the run"),
    "nan": (
        float("nan"),
        "warning",
        "returned the outcome nan for an empty response; AWPO needs a finite number. A roll",
    ),
    "inf": ({"outcome": float("inf")}, "warning", "the outcome inf for an empty response"),
    "huge": (10**400, "error", "int too large to convert to float"),
    "percent": (
        {"score": 1, "reasoning": 85},
        "warning",
        "reasoning=85 for an empty response, outside of 0 to 1. Set ",
    ),
    "negative": ({"score": 1, "reasoning": -0.5}, "warning", "algorithm.awpo.reasoning_range to the range of your"),
}


@pytest.mark.parametrize("case", RESULTS)
def test_the_functions_result_is_read_as_in_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    result, level, words = RESULTS[case]
    told = [{"began": "load"}, {"stage": "load"}, {"began": "call"}, {"stage": "call", **describe_result(result, None)}]
    monkeypatch.setattr(reward_function, "run_probe", lambda config, deadline: (told, 0))
    (finding,) = check_reward_function(config_of(tmp_path, HEAD))
    assert (finding.level, words in finding.message) == (level, True), finding


def test_another_reward_manager_reads_the_result_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = [{"began": "load"}, {"stage": "load"}, {"began": "call"}, {"stage": "call", **describe_result("1", None)}]
    monkeypatch.setattr(reward_function, "run_probe", lambda config, deadline: (told, 0))
    config = config_of(tmp_path, HEAD)
    config.reward.reward_manager.name = "naive"
    assert [finding.level for finding in check_reward_function(config)] == ["ok"]


def test_the_arguments_are_those_of_the_first_row_with_an_empty_response(tmp_path: Path) -> None:
    row = read_first_row(config_of(tmp_path, HEAD))
    assert row == {
        "data_source": "tools",
        "solution_str": "",
        "ground_truth": "the truth",
        "extra_info": {"num_turns": 2, "rollout_reward_scores": {}},
    }
    config = config_of(tmp_path, HEAD)
    for files in ("/nowhere.parquet", f"{tmp_path}/r.py", "hdfs://a/b.parquet", []):
        config.data.train_files = files
        assert read_first_row(config) is None
    config = config_of(tmp_path, HEAD)
    config.reward.reward_manager.source = "importlib"  # a manager of one's own passes what it likes
    assert read_first_row(config) is None
    config = config_of(tmp_path, HEAD)
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    config.data.train_files = [f"{tmp_path}/torn.parquet"]
    assert read_first_row(config) is None


def test_a_function_that_lacks_verls_parameters_is_named(tmp_path: Path) -> None:
    config = config_of(tmp_path, "def compute_score(solution_str, ground_truth):\n    return 0\n")
    row = read_first_row(config)
    assert row is not None
    refused = find_refused_arguments(load_function(config), row)
    assert "name=compute_score does not take what verl passes by name (data_source, solution_str," in refused
    assert "got an unexpected keyword argument 'data_source'" in refused
    config = config_of(tmp_path, HEAD.replace(", **kwargs", "") + "    return 0\n", reward_kwargs={"scale": 2})
    assert "got an unexpected keyword argument 'scale'" in find_refused_arguments(load_function(config), row)
    assert find_refused_arguments(load_function(config_of(tmp_path, HEAD + "    return 0\n")), row) == ""


def test_the_end_of_an_exceptions_traceback_is_shown() -> None:
    def fails() -> None:
        raise KeyError("gold")

    with pytest.raises(KeyError) as raised:
        fails()
    lines = format_last_lines(raised.value).splitlines()
    assert len(lines) == 3
    assert lines[-1] == "KeyError: 'gold'"
    assert "line" in lines[0]


ASYNC_OBJECT = """
print("noise on stdout")
class Score:
    async def __call__(self, data_source, solution_str, ground_truth, extra_info, bonus):
        return {"score": len(solution_str) + bonus, "reasoning": 0.5}
compute_score = Score()
"""


@pytest.mark.parametrize(
    ("body", "function", "level", "words"),
    [
        (ASYNC_OBJECT, {"reward_kwargs": {"bonus": 2}}, "ok", "outcome 2, reasoning 0.5"),
        (HEAD + "    import os\n    os._exit(7)\n", {}, "error", "(exit code 7) while scoring an empty response"),
        (HEAD + "    return 1 / len(solution_str)\n", {}, "warning", "ZeroDivisionError: division by zero"),
    ],
)
def test_the_subprocess_loads_and_calls_the_real_function(
    tmp_path: Path, body: str, function: dict[str, Any], level: str, words: str
) -> None:
    (finding,) = check_reward_function(config_of(tmp_path, body, **function))
    assert (finding.level, words in finding.message) == (level, True), finding


WITH_HELPER = "import os, my_helpers\n" + HEAD + "    return float(os.environ['AWPO_TEST_SCORE'])\n"


def with_runtime_env(config: Any, **given: Any) -> Any:
    config.ray_kwargs = {"ray_init": {"runtime_env": {"py_executable": None} | given}}
    return config


def test_the_subprocess_has_the_environment_variables_of_the_workers(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "my_helpers.py").write_text("")
    config = config_of(tmp_path, WITH_HELPER)
    with_runtime_env(config, env_vars={"PYTHONPATH": f"{tmp_path}/lib", "AWPO_TEST_SCORE": 0.25})
    (finding,) = check_reward_function(config)
    assert (finding.level, "outcome 0.25" in finding.message) == ("ok", True), finding


FAILS_HERE = [{"began": "load"}, {"stage": "load", "error": "No module named 'my_helpers'."}]
REFUSES = [{"began": "load"}, {"stage": "load"}, {"stage": "load", "error": "it does not take data_source"}]


@pytest.mark.parametrize(
    ("lines", "ended", "given", "level"),
    [
        (FAILS_HERE, 0, {}, "error"),
        (FAILS_HERE, 0, {"pip": ["x"]}, "warning"),
        (FAILS_HERE, 0, {"env_vars": {"A": "b"}}, "warning"),
        (FAILS_HERE, 0, {"env_vars": {}}, "error"),
        (FAILS_HERE[:1], 3, {"working_dir": "/a"}, "warning"),
        (REFUSES, 0, {"working_dir": "/a"}, "error"),  # the file loads here, and its parameters are the workers' too
    ],
)
def test_a_function_that_fails_to_load_is_a_warning_if_ray_prepares_the_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list, ended: int, given: dict[str, Any], level: str
) -> None:
    monkeypatch.setattr(reward_function, "run_probe", lambda config, deadline: (lines, ended))
    (finding,) = check_reward_function(with_runtime_env(config_of(tmp_path, HEAD), **given))
    assert finding.level == level
    assert (f"ray_kwargs.ray_init.runtime_env ({', '.join(given)}) gives" in finding.message) == (level == "warning")


def test_a_function_that_hangs_is_ended_with_its_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = tmp_path / "python"  # in Python's place: the imports of the real subprocess take longer than the deadline
    hangs.write_text(
        f'#!/bin/bash\nsleep 1000 &\necho $! > {tmp_path}/child\necho \'{{"began": "load"}}\' > $3\nwait\n'
    )
    hangs.chmod(0o755)
    monkeypatch.setattr(reward_function.sys, "executable", str(hangs))
    (finding,) = check_reward_function(config_of(tmp_path, HEAD), deadline=10)
    assert finding.level == "warning"
    assert "gave no answer in 10 s, while loading it" in finding.message
    child = Path("/proc", (tmp_path / "child").read_text().strip())
    for _ in range(100):
        if not running(child):
            return
        time.sleep(0.1)
    pytest.fail("the process that the function started still runs")


def running(process: Path) -> bool:
    """Whether it has not ended; a zombie has, and is not collected yet."""
    try:
        return ") Z " not in (process / "stat").read_text()
    except OSError:
        return False


def test_a_launch_checks_the_function_and_legacy_keys_of_any_estimator(
    said: Callable[..., Any], tmp_path: Path
) -> None:
    grpo, missing = "algorithm.adv_estimator=grpo", f"{tmp_path}/none.py"
    errors = of(
        said(grpo, f"reward.custom_reward_function.path={missing}", "custom_reward_function.name=mine"), "error"
    )
    assert any("none.py (name=compute_score) cannot be loaded" in text for text in errors)
    assert any("custom_reward_function.name=mine (use reward.custom_reward_function.name)" in text for text in errors)
