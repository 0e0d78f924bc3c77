"""Run verl's own trainer, for real, on the CPU: Ray, TransferQueue, FSDP2 and vLLM, with a random tiny model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REWARD_FUNCTIONS = '''
"""A user's own reward functions. The scores depend on the text only, and differ between the rollouts of a prompt."""
import hashlib


def _unit(text, salt):
    """In (0, 1]: a measured 0 could not be told from a missing one."""
    return (1 + hashlib.sha256((salt + text).encode()).digest()[0]) / 256


def outcome_only(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    return float(_unit(solution_str, "outcome") > 0.5)


def with_reasoning(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    outcome = outcome_only(data_source, solution_str, ground_truth)
    return {"score": outcome, "reasoning": _unit(solution_str, "reasoning")}
'''


@dataclass(frozen=True)
class Workspace:
    """A folder with a model, prompts and reward functions."""

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
            *overrides,
        ]

    def run(self, out: Path, *overrides: str, expect_failure: bool = False) -> tuple[dict[int, dict[str, Any]], str]:
        """Train; returns the metrics by step and the whole output. The output is in the error if it fails."""
        out.mkdir(parents=True, exist_ok=True)
        metrics = out / "metrics.jsonl"
        metrics.unlink(missing_ok=True)
        environment = os.environ | {
            "VERL_PLATFORM": "cpu",
            "RAY_ADDRESS": "local",  # not a cluster that somebody else has running on this machine
            "HF_HUB_OFFLINE": "1",
            "VERL_FILE_LOGGER_PATH": str(metrics),
            "TOKENIZERS_PARALLELISM": "false",
        }
        done = subprocess.run(
            self.command(out, *overrides), env=environment, cwd=out, text=True, capture_output=True, check=False
        )
        output = done.stdout + done.stderr
        if expect_failure:
            assert done.returncode != 0, f"verl was expected to stop:\n{output[-6000:]}"
        else:
            assert done.returncode == 0, f"verl stopped with {done.returncode}:\n{output[-6000:]}"
        lines = metrics.read_text().splitlines() if metrics.exists() else []
        records = [json.loads(line) for line in lines]
        return {record["step"]: record["data"] for record in records}, output
