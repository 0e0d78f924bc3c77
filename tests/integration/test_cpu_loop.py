"""VERL_PLATFORM=cpu with a reference model and a critic, which only some configs need."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.verl_loop import Workspace


@pytest.mark.loop
def test_a_reference_model_and_a_critic_train_on_the_cpu(workspace: Workspace, tmp_path: Path) -> None:
    """The reasoning reward differs between rollouts, so the gradient is never 0, and every step moves the policy."""
    metrics, output = workspace.run(
        tmp_path,
        *("algorithm.adv_estimator=awpo", "reward.custom_reward_function.name=with_reasoning"),
        *("actor_rollout_ref.actor.use_kl_loss=True", "actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu=16"),
        *("critic.enable=True", "critic.ppo_micro_batch_size_per_gpu=8", f"critic.model.path={workspace.folder}/model"),
        *("trainer.total_training_steps=2", "trainer.save_freq=2"),
    )
    assert "implied         critic.model.override_config.attn_implementation=eager (as the actor)" in output
    # at step 1 the policy is the reference model; after one update it is not
    assert metrics[1]["actor/kl_loss"] == pytest.approx(0.0, abs=1e-6)
    assert metrics[2]["actor/kl_loss"] > 0
    # the critic starts from a random value head, and learns
    assert metrics[1]["critic/vf_loss"] > 0
    assert metrics[2]["critic/grad_norm"] > 0
    assert (tmp_path / "checkpoints" / "global_step_2" / "critic").is_dir()
