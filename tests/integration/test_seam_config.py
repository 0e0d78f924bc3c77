"""What the one key implies, what is left alone, what is refused; and the section in Hydra's hands."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import verl  # noqa: F401  # loads the plugin, as verl's own entry points do
from hydra import compose, initialize_config_dir, initialize_config_module
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf

from awpo_verl.config import AWPOConfigError, parse
from awpo_verl.integration import seam_config
from awpo_verl.integration.cpu.config import CPU_KEYS, apply_cpu_keys
from awpo_verl.integration.seam_config import IMPLIED, prepare, validate_config

LOSS, MANAGER = "actor_rollout_ref.actor.policy_loss.loss_mode", "reward.reward_manager.name"


def composed(*overrides: str, name: str = "ppo_trainer") -> Any:
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose(name, overrides=list(overrides))


def test_verls_defaults_are_what_we_take_them_for() -> None:
    config = composed()
    assert {key: OmegaConf.select(config, key) for key in IMPLIED} == {
        key: default for key, (default, _) in IMPLIED.items()
    }
    assert {key: OmegaConf.select(config, key) for key in CPU_KEYS} == {key: v[0] for key, v in CPU_KEYS.items()}


@pytest.mark.parametrize("name", ["ppo_trainer", "ppo_megatron_trainer"])
def test_keys_of_the_section_are_set_without_a_plus(name: str) -> None:
    section = composed("algorithm.awpo.gate.kind=hard", "algorithm.awpo.clip.shrink=0.5", name=name).algorithm.awpo
    assert (section.gate.kind, section.clip.shrink, section.difficulty.d_min) == ("hard", 0.5, 0.1)


def test_hydra_refuses_an_unknown_key_and_a_wrong_type_by_name() -> None:
    with pytest.raises(ConfigCompositionException, match=r"algorithm\.awpo\.gate\.knd"):
        composed("algorithm.awpo.gate.knd=hard")
    with pytest.raises(ConfigCompositionException, match=r"algorithm\.awpo\.clip\.shrink=much"):
        composed("algorithm.awpo.clip.shrink=much")


def test_a_config_without_verls_algorithm_section_is_not_touched() -> None:
    assert "awpo" not in str(composed(name="evaluation"))


def test_one_key_implies_loss_and_reward_manager() -> None:
    config = composed("algorithm.adv_estimator=awpo")
    lines = prepare(config, set())
    assert (OmegaConf.select(config, LOSS), OmegaConf.select(config, MANAGER)) == ("awpo", "awpo")
    assert f"  implied         {LOSS}=awpo (was vanilla, verl's default)" in lines
    assert f"  implied         {MANAGER}=awpo (was naive, verl's default)" in lines
    assert any("outcome         expected calls (format=auto match=exact strings=strict)" in line for line in lines)


JUDGE, AT = "algorithm.awpo.reasoning_source=judge", "algorithm.awpo.judge"
HOSTED = (f"{AT}.base_url=http://h:8000/v1", f"{AT}.model=qwen")
POOL = (
    *("reward.reward_model.enable=True", "reward.reward_model.enable_resource_pool=True"),
    "reward.reward_model.model_path=/models/judge",
)


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        (f"{LOSS}=gspo", LOSS, "gspo"),
        (f"{MANAGER}=dapo", MANAGER, "dapo"),
        (f"{LOSS}=vanilla", LOSS, "vanilla"),  # verl's default, but the user said so
        (f"{MANAGER}=naive", MANAGER, "naive"),
    ],
)
def test_a_users_own_choice_is_kept_and_said(override: str, key: str, value: str) -> None:
    config = composed("algorithm.adv_estimator=awpo", override)
    lines = prepare(config, {key})
    assert OmegaConf.select(config, key) == value
    assert any(line.startswith(f"  left alone      {key}={value}") for line in lines)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["algorithm.use_kl_in_reward=True"], r"algorithm\.use_kl_in_reward.*use_kl_loss=True instead"),
        (["reward.reward_model.enable=True"], r"enable_resource_pool=True.*without the ground truth"),
        (
            ["reward.reward_model.enable=True", "reward.reward_model.enable_resource_pool=True"],
            r"nothing asks the model.*reasoning_source=judge",
        ),
        ([JUDGE], r"reasoning_source=judge without a judge.*base_url.*reward_model\.enable=True"),
        ([JUDGE, f"{AT}.base_url=http://h:8000/v1"], r"judge\.model=.*the name of the model"),
        ([JUDGE, *HOSTED, f"{AT}.template=nope"], r"judge\.template=nope: no such template.*tool_use"),
        ([JUDGE, *HOSTED, f"{MANAGER}=dapo"], r"no effect with reward\.reward_manager\.name=dapo"),
        ([JUDGE, *HOSTED, *POOL], r"Two judges.*http://h:8000/v1"),
        ([f"{AT}.samples=3"], r"judge\.samples has no effect with .*reasoning_source=rubric"),
        ([JUDGE, *HOSTED, f"{AT}.samples=3"], r"judge\.temperature=0 asks for the same reply 3 times"),
        (
            [JUDGE, *HOSTED, f"{AT}.deadline=5"],
            r"judge\.attempt_timeout=30\.0 .* at most algorithm|at most judge\.deadline=5",
        ),
        (["algorithm.awpo.gate.kind=soft"], r"algorithm\.awpo\.gate\.kind=soft"),
    ],
)
def test_what_cannot_work_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(AWPOConfigError, match=message):
        prepare(composed("algorithm.adv_estimator=awpo", *overrides), set())


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (HOSTED, "  reasoning       judge qwen at http://h:8000/v1 (template=tool_use samples=1 deadline=60s"),
        (
            POOL,
            "  reasoning       judge /models/judge at http://the-router-of-reward.reward_model/v1 (template=tool_use",
        ),
    ],
)
def test_the_judge_is_said(overrides: tuple[str, ...], line: str) -> None:
    lines = prepare(composed("algorithm.adv_estimator=awpo", JUDGE, *overrides), set())
    assert any(given.startswith(line) for given in lines), lines


def test_verls_own_judge_is_kept_awake() -> None:
    """verl puts its reward model to sleep at start, and wakes it only to ask it itself."""
    config = composed("algorithm.adv_estimator=awpo", JUDGE, *POOL)
    assert config.reward.reward_model.rollout.free_cache_engine is True  # verl's default
    lines = prepare(config, set())
    assert config.reward.reward_model.rollout.free_cache_engine is False
    assert any("implied         reward.reward_model.rollout.free_cache_engine=False" in line for line in lines)
    config = composed("algorithm.adv_estimator=awpo", JUDGE, *HOSTED)
    prepare(config, set())
    assert config.reward.reward_model.rollout.free_cache_engine is True


BASELINES = pytest.mark.parametrize("algorithm", ["grpo", "gdpo"])


@BASELINES
def test_a_baseline_with_our_rewards_has_them_checked_and_its_judge_kept_awake(
    algorithm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = composed(f"algorithm.adv_estimator={algorithm}", f"{MANAGER}=awpo", JUDGE, *POOL)
    validate_config(lambda config, *_: None, config, False, False)
    assert config.reward.reward_model.rollout.free_cache_engine is False
    assert OmegaConf.select(config, LOSS) == "vanilla"
    printed = capsys.readouterr().out
    assert f"[awpo] reward.reward_manager.name=awpo, with algorithm.adv_estimator={algorithm}" in printed
    assert "judge /models/judge at" in printed
    assert "method" not in printed


@BASELINES
@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("algorithm.awpo.outcome.match=fuzzy", r"outcome\.match=fuzzy"),
        (JUDGE, "reasoning_source=judge without a judge"),
        ("reward.reward_model.enable=True", r"does not go with reward\.reward_manager\.name=awpo"),
    ],
)
def test_a_baseline_with_our_rewards_is_refused_before_ray_starts(algorithm: str, override: str, message: str) -> None:
    config = composed(f"algorithm.adv_estimator={algorithm}", f"{MANAGER}=awpo", override)
    with pytest.raises(AWPOConfigError, match=message):
        validate_config(lambda config, *_: None, config, False, False)


def test_a_run_with_verls_own_rewards_is_not_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    config = composed("algorithm.adv_estimator=grpo", "algorithm.awpo.outcome.match=fuzzy")
    validate_config(lambda config, *_: None, config, False, False)
    assert "[awpo]" not in capsys.readouterr().out


@pytest.mark.parametrize("given", ["api_key_env=sk-abc123", "base_url=http://user:sk-abc123@h/v1"])
def test_a_secret_in_the_wrong_key_is_refused_without_showing_it(given: str) -> None:
    # HOSTED first: the later one wins
    with pytest.raises(AWPOConfigError) as caught:
        prepare(composed("algorithm.adv_estimator=awpo", JUDGE, *HOSTED, f"{AT}.{given}"), set())
    assert "sk-abc123" not in str(caught.value)
    assert "not shown" in str(caught.value)


def test_a_second_validation_changes_nothing_and_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """The legacy trainer validates again inside Ray, where what the user chose is not known."""
    from verl.utils.config import validate_config

    def original(config: Any, *args: Any) -> None: ...

    config = composed("algorithm.adv_estimator=awpo", "reward.reward_manager.name=dapo")
    seam_config.validate_config(original, config, False, False)
    OmegaConf.update(config, LOSS, "vanilla")
    capsys.readouterr()
    again = pickle.loads(pickle.dumps(config))
    seam_config.validate_config(original, again, False, False)
    assert (OmegaConf.select(again, LOSS), OmegaConf.select(again, MANAGER)) == ("vanilla", "dapo")
    assert capsys.readouterr().out == ""
    assert validate_config.__wrapped__ is not None  # and it is ours that verl calls


def test_a_section_chosen_as_a_whole_is_chosen() -> None:
    config = composed("algorithm.adv_estimator=awpo")
    prepare(config, {"actor_rollout_ref.actor.policy_loss"})
    assert OmegaConf.select(config, LOSS) == "vanilla"


def test_values_are_judged_after_the_command_line_is_applied(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "defaults: [ppo_trainer, _self_]\nhydra: {searchpath: ['pkg://verl.trainer.config']}\n"
        "algorithm: {awpo: {gate: {value: 0.7}, reasoning_weight: '${algorithm.gamma}'}}\n"
    )
    with initialize_config_dir(str(tmp_path), version_base=None):
        config = compose("mine", overrides=["algorithm.awpo.gate.kind=fixed", "algorithm.gamma=0.25"])
    section = parse(config.algorithm.awpo)
    assert (section.gate.kind, section.gate.value, section.reasoning_weight) == ("fixed", 0.7, 0.25)


def test_verls_dataclass_of_the_algorithm_section_can_still_be_made() -> None:
    from verl.utils.config import omega_conf_to_dataclass

    algorithm = omega_conf_to_dataclass(composed("algorithm.awpo.clip.shrink=0.5").algorithm)
    assert algorithm.adv_estimator == "gae"
    assert parse(algorithm.get("awpo")).clip.shrink == 0.5


def test_remarks_warn_of_groups_of_one_and_of_filtered_groups() -> None:
    lines = "\n".join(prepare(composed("algorithm.adv_estimator=awpo", "algorithm.filter_groups.enable=True"), set()))
    assert "rollout.n=1: a group of one" in lines
    assert "filter_groups drops groups" in lines


def test_a_gate_of_ones_own_that_cannot_be_imported_stops_in_the_driver() -> None:
    with pytest.raises(AWPOConfigError, match=r"gate\.kind=nothing_here:gate cannot be used: ModuleNotFoundError"):
        prepare(composed("algorithm.adv_estimator=awpo", "algorithm.awpo.gate.kind=nothing_here:gate"), set())


def test_cpu_keys_are_implied_and_a_users_choice_is_kept() -> None:
    config = composed("reward.num_workers=3")
    lines = "\n".join(apply_cpu_keys(config, {"data.dataloader_num_workers"}))
    assert config.actor_rollout_ref.actor.strategy == "fsdp2"
    assert config.actor_rollout_ref.model.override_config.attn_implementation == "eager"
    assert config.ray_kwargs.ray_init.num_gpus == 1
    assert (config.reward.num_workers, config.data.dataloader_num_workers) == (3, 8)
    assert "left alone      reward.num_workers=3" in lines


def test_ray_is_told_of_as_many_cpu_workers_as_there_are() -> None:
    model = "reward.reward_model"
    judged = (f"{model}.enable=True", f"{model}.enable_resource_pool=True")
    for workers, keys in {
        2: ["trainer.n_gpus_per_node=2"],
        3: ["trainer.n_gpus_per_node=2", *judged],
        4: [f"{model}.n_gpus_per_node=3", *judged],
    }.items():
        config = composed(*keys)
        apply_cpu_keys(config, {key.partition("=")[0] for key in keys})
        assert config.ray_kwargs.ray_init.num_gpus == workers


def _main_ppo(*overrides: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "verl.trainer.main_ppo", "actor_rollout_ref.rollout.name=vllm", *overrides]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"VERL_PLATFORM": "cpu"}
    )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("algorithm.awpo.gate.knd=hard", "Could not override 'algorithm.awpo.gate.knd'"),
        ("algorithm.awpo.gate.kind=soft", "algorithm.awpo.gate.kind=soft is not usable: it must be one of"),
    ],
)
def test_a_wrong_key_or_value_stops_the_run_before_ray_starts(override: str, message: str) -> None:
    done = _main_ppo("algorithm.adv_estimator=awpo", override)
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    assert "ray init kwargs" not in done.stdout
