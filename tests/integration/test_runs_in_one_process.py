"""Runs share verl's processes only where they need the same workers."""

from __future__ import annotations

from omegaconf import OmegaConf

from tests.integration.runs_in_one_process import differences

FIRST = OmegaConf.create(
    {
        "algorithm": {"adv_estimator": "grpo"},
        "data": {"train_batch_size": 4},
        "trainer": {"total_training_steps": 1},
        "actor_rollout_ref": {"actor": {"ppo_epochs": 1, "policy_loss": {"loss_mode": "vanilla"}}},
        "reward": {"reward_manager": {"name": "naive"}},
    }
)


def test_a_later_run_may_differ_in_what_the_trainer_reads() -> None:
    later = OmegaConf.merge(
        FIRST,
        {
            "algorithm": {"adv_estimator": "awpo", "awpo": {"clip": {"shrink": 1.0}}},
            "data": {"train_batch_size": 3},
            "trainer": {"total_training_steps": 2, "default_local_dir": "elsewhere"},
            "actor_rollout_ref": {"actor": {"policy_loss": {"loss_mode": "awpo"}}},
        },
    )
    assert differences(later, FIRST) == []


def test_what_the_workers_have_read_already_is_named() -> None:
    changed = OmegaConf.merge(
        FIRST, {"actor_rollout_ref": {"actor": {"ppo_epochs": 2}}, "reward": {"reward_manager": {"name": "awpo"}}}
    )
    added = OmegaConf.merge(FIRST, {"actor_rollout_ref": {"rollout": {"n": 8}}})
    both = ["actor_rollout_ref.actor.ppo_epochs", "reward.reward_manager.name"]
    assert differences(changed, FIRST) == both
    assert differences(FIRST, changed) == both
    assert differences(added, FIRST) == ["actor_rollout_ref.rollout.n"]
    assert differences(FIRST, added) == ["actor_rollout_ref.rollout.n"]
