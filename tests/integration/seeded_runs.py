"""Runs with seeded samples (seeded_loop.py), and the comparison of two such runs.

The samples depend on the weights only, so nothing in such a run is left to chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.verl_loop import Metrics, Workspace

ACTOR, ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
KEYS = (
    *("algorithm.adv_estimator=awpo", "reward.custom_reward_function.name=with_reasoning", "data.shuffle=False"),
    *("data.train_batch_size=3", f"{ROLLOUT}.n=3", "trainer.total_training_steps=2"),
    *(f"{ACTOR}.use_dynamic_bsz=True", f"{ACTOR}.ppo_max_token_len_per_gpu=400"),
    *(f"{ACTOR}.ppo_epochs=2", "algorithm.awpo.clip.shrink=10"),
    *(f"{ROLLOUT}.dtype=float32", f"{ROLLOUT}.calculate_log_probs=True"),
    # bfloat16, verl's default, would hide differences
    f"+{ACTOR}.fsdp_config.mixed_precision={{param_dtype:fp32,reduce_dtype:fp32,buffer_dtype:fp32}}",
)
# Metrics that do not depend on how rows are split into workers and micro-batches. The clip fractions depend on it: verl
# averages over tokens in a micro-batch, and then over micro-batches.
COMPARED = (
    *("actor/loss", "actor/pg_loss", "actor/grad_norm", "actor/entropy"),
    *("awpo/", "critic/", "response_length/", "training/rollout_probs_diff_mean"),
)


def agent_loop(folder: Path, loop: str) -> tuple[str, str]:
    """The keys that select an agent loop of tests.integration. Writes its file to the folder.

    loop: `module.Class`, such as seeded_loop.SeededLoop.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "agent_loop.yaml").write_text(f"- name: of_the_tests\n  _target_: tests.integration.{loop}\n")
    at = f"{ROLLOUT}.agent"
    return f"{at}.default_agent_loop=of_the_tests", f"{at}.agent_loop_config_path={folder}/agent_loop.yaml"


def keys(folder: Path) -> tuple[str, ...]:
    """KEYS and an agent loop with seeded samples of different lengths."""
    return *KEYS, *agent_loop(folder, "seeded_loop.UnequalLoop")


def assert_same(one: dict[str, Any], two: dict[str, Any], rel: float) -> None:
    """Every metric in COMPARED is the same in both steps."""
    names = [name for name in one if name.startswith(COMPARED)]
    assert {"actor/loss", "actor/grad_norm", "awpo/gate/mean", "awpo/clip_scale", "critic/advantages/min"} <= set(names)
    assert {name: two[name] for name in names} == pytest.approx({name: one[name] for name in names}, rel=rel, abs=1e-6)


@dataclass(frozen=True)
class OneWorker:
    """Runs in a process with one worker: `alone`, then `padded` (AWPO with padding rows), then `gdpo`.

    folder: of `alone`, with its checkpoint of step 2 and its rollouts in `rollouts/`.
    metrics: by run and step. output: of all of them.
    """

    folder: Path
    metrics: dict[str, Metrics]
    output: str


def run_one_worker(workspace: Workspace, folder: Path) -> OneWorker:
    # alone: 9 rollouts in one mini-batch of 3 x 3. padded: 12 in mini-batches of 9, so verl appends 6 rows; there a
    # radius of 0.2 / (1 + 1e6 w) clips whatever moves at all in the second epoch.
    shared = (*keys(folder), f"{ACTOR}.ppo_mini_batch_size=3")
    once = (*shared, "data.train_batch_size=4", "trainer.total_training_steps=1")
    manager = "reward.reward_manager.name=awpo"  # AWPO implies it
    gdpo = ("algorithm.adv_estimator=gdpo", "+algorithm.gdpo_reward_keys=[outcome,reasoning]", manager)
    runs = {
        "alone": (*shared, "trainer.save_freq=2", f"trainer.rollout_data_dir={folder}/rollouts"),
        "padded": (*once, "algorithm.awpo.clip.shrink=1e6"),
        "gdpo": (*once, *gdpo),
    }
    return OneWorker(folder, *workspace.run_in_one_process(folder, runs))
