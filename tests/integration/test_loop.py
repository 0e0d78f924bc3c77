"""verl's real training loop on the CPU. A process takes about a minute to start on two idle cores, and a step seconds.

So runs that need the same workers share a process (runs_in_one_process.py).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.conftest import AWPO, EIGHT, AwpoRuns
from tests.integration.seeded_runs import OneWorker
from tests.integration.verl_loop import Metrics, Workspace

pytestmark = pytest.mark.loop

OWN_REASONING = "reward.custom_reward_function.name=with_reasoning"


@pytest.fixture(scope="module")
def baselines(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Metrics], str]:
    """verl's GRPO; then AWPO with verl's own reward manager, which stops."""
    # naive is verl's default; named on the command line it is the user's choice and is kept
    runs = {"grpo": (EIGHT,), "naive": (EIGHT, AWPO, "reward.reward_manager.name=naive")}
    return workspace.run_in_one_process(tmp_path_factory.mktemp("baselines"), runs, expect_failure=True)


def test_one_key_turns_a_grpo_command_line_into_awpo(
    baselines: tuple[dict[str, Metrics], str], awpo_runs: AwpoRuns
) -> None:
    """Samples are not seeded. EIGHT in conftest.py bounds the chance that an assertion fails: 4e-9."""
    before, grpo_output = baselines
    assert sorted(before["grpo"]) == [1]
    assert not any(key.startswith("awpo/") for key in before["grpo"][1])
    assert before["grpo"][1]["actor/grad_norm"] > 0
    assert grpo_output.count("[awpo] algorithm.adv_estimator") == 1  # of the second run, which has the key

    after, output = awpo_runs.metrics["one_key"], awpo_runs.output
    assert "implied         actor_rollout_ref.actor.policy_loss.loss_mode=awpo" in output
    assert "implied         reward.reward_manager.name=awpo" in output
    assert after[1]["awpo/reasoning_valid_frac"] == 1.0
    # the user's function still is the outcome, and critic/score still shows it
    assert after[1]["critic/score/mean"] == pytest.approx(after[1]["awpo/outcome/mean"])
    assert 0.0 < after[1]["awpo/outcome/mean"] < 1.0
    assert after[1]["actor/grad_norm"] > 0


def test_a_reward_manager_without_reasoning_stops_the_run_and_says_what_is_missing(
    baselines: tuple[dict[str, Metrics], str],
) -> None:
    metrics, output = baselines
    assert metrics["naive"] == {}
    assert "left alone      reward.reward_manager.name=naive" in output
    assert (
        "AWPO needs the reasoning reward of each rollout, and reward_extra_info has no key 'reasoning' (it has: acc)"
        in output
    )


def test_training_stops_after_a_step_and_the_async_trainer_resumes_with_the_next(
    workspace: Workspace, awpo_runs: AwpoRuns
) -> None:
    """Nothing in it is left to chance: reasoning differs between rollouts, so the gradient is not 0."""
    assert sorted(awpo_runs.metrics["one_key"]) == [1]
    second, output = workspace.run(
        awpo_runs.folder,
        *(EIGHT, AWPO, OWN_REASONING, "trainer.v1.trainer_mode=colocate_async", "trainer.total_training_steps=2"),
        *("trainer.save_freq=1", "trainer.test_freq=1", "data.val_max_samples=2"),
    )
    assert sorted(second) == [2]
    assert "global_step_1" in output
    assert second[2]["awpo/reasoning_valid_frac"] == 1.0
    assert second[2]["awpo/gate/mean"] > 0
    assert second[2]["actor/grad_norm"] > 0
    assert (awpo_runs.folder / "checkpoints" / "latest_checkpointed_iteration.txt").read_text() == "2"
    # verl draws the two validation prompts at random: of either level, or of both
    validated = {key: value for key, value in second[2].items() if key.endswith("/reasoning/mean@1")}
    assert validated
    assert set(validated) <= {f"val-aux/shop_{level}/reasoning/mean@1" for level in ("easy", "hard")}
    assert max(validated.values()) > 0


def test_the_clip_scale_reaches_the_worker_and_padding_rows_count_for_nothing(one_worker: OneWorker) -> None:
    """Prompts and samples are seeded (seeded_runs.py), so nothing is left to chance. pg_clipfrac is about 0.5."""
    metrics = one_worker.metrics["padded"]
    assert "6 synthetic padding samples" in one_worker.output
    assert metrics[1]["awpo/clip_scale"] < 1e-5
    assert metrics[1]["actor/pg_clipfrac"] > 0.05
    # of 12 rollouts the outcome mean is a multiple of 1/12; padding, with outcome 0, would make it one of 1/18
    twelfths = metrics[1]["awpo/outcome/mean"] * 12
    assert twelfths == pytest.approx(round(twelfths), abs=1e-6)
    assert metrics[1]["awpo/outcome/mean"] == pytest.approx(metrics[1]["critic/score/mean"])


def test_gdpo_gets_its_reward_parts_in_the_v1_trainer(one_worker: OneWorker) -> None:
    """Prompts and samples are seeded. The advantages go from about -1.7 to 1.2."""
    metrics = one_worker.metrics["gdpo"]
    assert sorted(metrics) == [1]
    # two parts, each normalised in its group, summed and whitened over the tokens: mean 0, and not all 0
    assert metrics[1]["critic/advantages/max"] > 0.5
    assert metrics[1]["critic/advantages/min"] < -0.5
    assert metrics[1]["actor/grad_norm"] > 0


def test_the_legacy_trainer_trains_with_awpo(workspace: Workspace, tmp_path: Path) -> None:
    """Reasoning differs between rollouts, so neither the gate nor the gradient is 0.

    The first epoch's update moves the ratios of all 256 tokens towards their advantages. In the second epoch these are
    clipped at a radius of next to nothing; one token in ten is enough for the bound.
    """
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
