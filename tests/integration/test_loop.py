"""verl's real training loop on the CPU. Each run takes about a minute on two idle cores."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.verl_loop import Workspace

pytestmark = pytest.mark.loop

AWPO = "algorithm.adv_estimator=awpo"
OWN_REASONING = "reward.custom_reward_function.name=with_reasoning"


def test_one_key_turns_a_grpo_command_line_into_awpo(workspace: Workspace, tmp_path: Path) -> None:
    before, grpo_output = workspace.run(tmp_path / "grpo")
    assert not any(key.startswith("awpo/") for key in before[1])
    assert "[awpo] algorithm.adv_estimator" not in grpo_output

    after, output = workspace.run(tmp_path / "awpo", AWPO)
    assert "implied         actor_rollout_ref.actor.policy_loss.loss_mode=awpo" in output
    assert "implied         reward.reward_manager.name=awpo" in output
    assert after[1]["awpo/reasoning_valid_frac"] == 1.0
    # the user's function still is the outcome, and critic/score still shows it
    assert after[1]["critic/score/mean"] == pytest.approx(after[1]["awpo/outcome/mean"])
    assert 0.0 < after[1]["awpo/outcome/mean"] < 1.0
    assert after[1]["actor/grad_norm"] > 0


def test_training_stops_after_a_step_and_resumes_with_the_next(workspace: Workspace, tmp_path: Path) -> None:
    keys = (AWPO, OWN_REASONING, "trainer.save_freq=1", "trainer.test_freq=1", "data.val_max_samples=2")
    first, _ = workspace.run(tmp_path, *keys)
    assert sorted(first) == [1]
    assert first[1]["awpo/gate/mean"] > 0
    # verl draws the two validation prompts at random: of either level, or of both
    validated = {key: value for key, value in first[1].items() if key.endswith("/reasoning/mean@1")}
    assert validated
    assert set(validated) <= {f"val-aux/shop_{level}/reasoning/mean@1" for level in ("easy", "hard")}
    assert max(validated.values()) > 0

    second, output = workspace.run(tmp_path, *keys, "trainer.total_training_steps=2")
    assert sorted(second) == [2]
    assert "global_step_1" in output
    assert second[2]["awpo/reasoning_valid_frac"] == 1.0
    assert second[2]["actor/grad_norm"] > 0
    assert (tmp_path / "checkpoints" / "latest_checkpointed_iteration.txt").read_text() == "2"


def test_the_clip_scale_reaches_the_worker_and_padding_rows_count_for_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    # 3 prompts x 4 rollouts = 12 rows, mini-batches of 2 prompts = 8 rows: verl appends 4 padding rows.
    # A radius of 0.2 / (1 + 1e6 w) clips whatever moves at all in the second epoch.
    metrics, output = workspace.run(
        tmp_path,
        *(AWPO, OWN_REASONING, "algorithm.awpo.clip.shrink=1e6", "actor_rollout_ref.actor.ppo_epochs=2"),
        *("data.train_batch_size=3", "actor_rollout_ref.actor.ppo_mini_batch_size=2"),
        *("actor_rollout_ref.actor.use_dynamic_bsz=True", "actor_rollout_ref.actor.ppo_max_token_len_per_gpu=512"),
    )
    assert "4 synthetic padding samples" in output
    assert metrics[1]["awpo/clip_scale"] < 1e-5
    assert metrics[1]["actor/pg_clipfrac"] > 0.05
    # of 12 rollouts the outcome mean is a multiple of 1/12; padding, with outcome 0, would make it one of 1/16
    twelfths = metrics[1]["awpo/outcome/mean"] * 12
    assert twelfths == pytest.approx(round(twelfths), abs=1e-6)
    assert metrics[1]["awpo/outcome/mean"] == pytest.approx(metrics[1]["critic/score/mean"])


def test_gdpo_gets_its_reward_parts_in_the_v1_trainer(workspace: Workspace, tmp_path: Path) -> None:
    metrics, _ = workspace.run(
        tmp_path,
        *("algorithm.adv_estimator=gdpo", "+algorithm.gdpo_reward_keys=[outcome,reasoning]"),
        *(OWN_REASONING, "reward.reward_manager.name=awpo"),
    )
    # two parts, each normalised in its group, summed and whitened over the tokens: mean 0, and not all 0
    assert metrics[1]["critic/advantages/max"] > 0.5
    assert metrics[1]["critic/advantages/min"] < -0.5
    assert metrics[1]["actor/grad_norm"] > 0


def test_the_legacy_trainer_trains_with_awpo(workspace: Workspace, tmp_path: Path) -> None:
    metrics, output = workspace.run(
        tmp_path,
        *(AWPO, OWN_REASONING, "trainer.use_v1=False"),
        *("algorithm.awpo.clip.shrink=1e6", "actor_rollout_ref.actor.ppo_epochs=2"),
    )
    assert output.count("[awpo] algorithm.adv_estimator=awpo") == 1  # it validates twice
    assert metrics[1]["awpo/gate/mean"] > 0
    assert metrics[1]["actor/pg_clipfrac"] > 0.05  # the scale has reached the worker
    assert metrics[1]["awpo/outcome/mean"] == pytest.approx(metrics[1]["critic/score/mean"])
    assert metrics[1]["actor/grad_norm"] > 0


def test_the_async_trainer_trains_with_awpo(workspace: Workspace, tmp_path: Path) -> None:
    metrics, _ = workspace.run(tmp_path, AWPO, OWN_REASONING, "trainer.v1.trainer_mode=colocate_async")
    assert metrics[1]["awpo/reasoning_valid_frac"] == 1.0
    assert metrics[1]["actor/grad_norm"] > 0


def test_a_reward_manager_without_reasoning_stops_the_run_and_says_what_is_missing(
    workspace: Workspace, tmp_path: Path
) -> None:
    # naive is verl's default; named on the command line it is the user's choice and is kept
    _, output = workspace.run(tmp_path, AWPO, "reward.reward_manager.name=naive", expect_failure=True)
    assert "left alone      reward.reward_manager.name=naive" in output
    assert (
        "AWPO needs the reasoning reward of each rollout, and reward_extra_info has no key 'reasoning' (it has: acc)"
        in output
    )
