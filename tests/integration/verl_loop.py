"""Run verl's real trainer on the CPU with a tiny model: Ray, TransferQueue, FSDP2 and vLLM."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Metrics = dict[int, dict[str, Any]]  # step -> metric -> value
EXECUTOR = "vllm.v1.executor.uniproc_executor.UniProcExecutor"  # vLLM's worker needs no process of its own
REWARD_FUNCTIONS = '''
"""A user's own reward functions. The scores depend on the text only, and differ between the rollouts of a prompt."""
import hashlib


def _unit(text, salt):
    """In (0, 1], so that a measured value is never 0."""
    return (1 + hashlib.sha256((salt + text).encode()).digest()[0]) / 256


def outcome_only(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    if data_source == "silent":  # a constant reward, because no row has the key; and keys with the names of columns
        gold = (extra_info or {}).get("a_key_that_no_row_has")
        return {"score": float(gold is not None), "reasoning": 0.5, "step": 99, "output": 1}
    return float(_unit(solution_str, "outcome") > 0.5)


def with_reasoning(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    outcome = outcome_only(data_source, solution_str, ground_truth)
    return {"score": outcome, "reasoning": _unit(solution_str, "reasoning")}
'''


@dataclass(frozen=True)
class Workspace:
    """A folder with a model, prompts and reward functions.

    prompts.parquet has easy and hard prompts. silent.parquet, where it is there, has the same prompts with a constant
    reward.
    """

    folder: Path

    def command(self, out: Path, *overrides: str) -> list[str]:
        """A GRPO command line as a user of verl writes it; nothing in it is AWPO's."""
        return [
            *[sys.executable, "-m", "verl.trainer.main_ppo"],
            "algorithm.adv_estimator=grpo",
            f"data.train_files={self.folder}/prompts.parquet",
            f"data.val_files={self.folder}/prompts.parquet",
            "data.train_batch_size=4",
            "data.val_max_samples=4",
            "data.max_prompt_length=96",
            "data.max_response_length=16",
            f"actor_rollout_ref.model.path={self.folder}/model",
            "actor_rollout_ref.actor.ppo_mini_batch_size=4",
            "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=8",
            "actor_rollout_ref.actor.optim.lr=1e-3",
            "actor_rollout_ref.rollout.name=vllm",
            "actor_rollout_ref.rollout.n=4",
            "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=16",
            f"reward.custom_reward_function.path={self.folder}/rewards.py",
            "reward.custom_reward_function.name=outcome_only",
            "trainer.logger=[console,file]",
            "trainer.total_training_steps=1",
            "trainer.val_before_train=False",
            f"trainer.default_local_dir={out}/checkpoints",
            f"hydra.run.dir={out}/hydra",
            "+ray_kwargs.ray_init.include_dashboard=False",  # the dashboard is a dozen processes
            f"+actor_rollout_ref.rollout.engine_kwargs.vllm.distributed_executor_backend={EXECUTOR}",
            *overrides,
        ]

    def run(self, out: Path, *overrides: str, expect_failure: bool = False) -> tuple[Metrics, str]:
        """Train; returns the metrics by step and the whole output. The output is in the error if it fails."""
        metrics = _no_file(out / "metrics.jsonl")
        output = start(self.command(out, *overrides), out, metrics, expect_failure)
        return _read(metrics), output

    def run_in_one_process(
        self, out: Path, runs: dict[str, tuple[str, ...]], expect_failure: bool = False
    ) -> tuple[dict[str, Metrics], str]:
        """Train with the overrides of each run, in one set of processes (runs_in_one_process.py).

        Args:
            out: the first run trains in this folder, as `run` does; each other one in a folder in it, by its name.
            runs: name -> overrides.
            expect_failure: the last of them is expected to stop.

        Returns:
            The metrics by run and step, and the whole output.
        """
        folders = {name: out / name if number else out for number, name in enumerate(runs)}
        files = {name: _no_file(folder / "metrics.jsonl") for name, folder in folders.items()}
        asked = [(str(files[name]), self.command(folders[name], *keys)[3:]) for name, keys in runs.items()]
        (out / "runs.json").write_text(json.dumps(asked), encoding="utf-8")
        command = [sys.executable, "-m", "tests.integration.runs_in_one_process", str(out / "runs.json")]
        output = start(command, out, files[next(iter(runs))], expect_failure)
        return {name: _read(file) for name, file in files.items()}, output


def _no_file(path: Path) -> Path:
    """The path, whose folder is there, and the file is not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    return path


def environment(metrics: Path) -> dict[str, str]:
    """The environment of a process that trains. metrics: the file for verl's metrics."""
    root = str(Path.cwd())
    return os.environ | {
        "VERL_PLATFORM": "cpu",
        "RAY_ADDRESS": "local",  # not a cluster that somebody else has running on this machine
        "HF_HUB_OFFLINE": "1",
        "VERL_FILE_LOGGER_PATH": str(metrics),
        "TOKENIZERS_PARALLELISM": "false",
        "RAY_worker_niceness": "0",  # Ray's default is 15: its workers would wait for whatever else runs
        # vLLM's one thread (tests/conftest.py) may run on any core. By default it is pinned to one, and must wait where
        # another test keeps that core busy.
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")])),  # for tests/integration
    }


def start(command: list[str], folder: Path, metrics: Path, expect_failure: bool = False) -> str:
    """Run a command that trains. Returns its output, which is in the error too if it does not end as expected."""
    done = subprocess.run(command, env=environment(metrics), cwd=folder, text=True, capture_output=True, check=False)
    output = done.stdout + done.stderr
    if expect_failure:
        assert done.returncode != 0, f"verl was expected to stop:\n{output[-6000:]}"
    else:
        assert done.returncode == 0, f"verl stopped with {done.returncode}:\n{output[-6000:]}"
    return output


def _read(metrics: Path) -> Metrics:
    lines = metrics.read_text().splitlines() if metrics.exists() else []
    records = [json.loads(line) for line in lines]
    return {record["step"]: record["data"] for record in records}
