"""Reward keys of earlier versions of verl: each has a replacement that is in verl's config, and is refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from awpo_verl.config import AWPOConfigError
from awpo_verl.integration.legacy_keys import SECTIONS, describe_ignored_keys, find_ignored_keys
from awpo_verl.integration.seam_config import prepare

NOT_READ = {"reward_model.model.external_lib", "reward_model.model.trust_remote_code"}


def composed(*overrides: str) -> Any:
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", overrides=list(overrides))


def leaves(section: Any, prefix: str) -> list[str]:
    if not OmegaConf.is_dict(section):
        return [prefix]
    return [leaf for name in section for leaf in leaves(section[name], f"{prefix}.{name}")]


def test_every_legacy_key_is_found_with_a_key_of_verls_in_its_place() -> None:
    config = composed()
    assert find_ignored_keys(config) == []
    keys = [leaf for section in SECTIONS for leaf in leaves(config[section], section)]
    assert len(keys) > 30
    for key in keys:
        OmegaConf.update(config, key, "mine")
    found = {ignored.key: ignored.replacement for ignored in find_ignored_keys(config)}
    assert set(found) == set(keys)
    assert {key for key, new in found.items() if not new} == NOT_READ
    fresh = composed()
    for new in filter(None, found.values()):
        section, _, name = new.rpartition(".")
        assert name in list(OmegaConf.select(fresh, section)), new


@pytest.mark.parametrize(
    ("override", "told"),
    [
        (
            "custom_reward_function.path=/a/r.py",
            "custom_reward_function.path=/a/r.py (use reward.custom_reward_function.path)",
        ),
        ("reward_model.num_workers=3", "reward_model.num_workers=3 (use reward.num_workers)"),
        ("reward_model.enable=True", "reward_model.enable=True (use reward.reward_model.enable)"),
        ("reward_model.reward_manager=dapo", "reward_model.reward_manager=dapo (use reward.reward_manager.name)"),
        ("+reward_model.reward_kwargs.a=1", "reward_model.reward_kwargs.a=1 (use reward.reward_kwargs.a)"),
        ("sandbox_fusion.url=http://s", "sandbox_fusion.url=http://s (use reward.sandbox_fusion.url)"),
    ],
)
def test_awpo_refuses_a_legacy_key_and_names_its_replacement(override: str, told: str) -> None:
    config = composed("algorithm.adv_estimator=awpo", override)
    assert told in describe_ignored_keys(config)
    with pytest.raises(AWPOConfigError, match=r"verl 0\.9\.1 ignores its earlier reward keys"):
        prepare(config, set())


MODEL_KEYS = ("reward_model.rollout.name=sglang", "reward_model.model.path=/m", "reward_model.model.external_lib=lib")


def test_keys_of_a_reward_model_that_is_off_are_harmless() -> None:
    config = composed("algorithm.adv_estimator=awpo", "reward_model.enable=False", *MODEL_KEYS)
    assert find_ignored_keys(config) == []
    prepare(config, set())
    # the manager is no part of the model
    config = composed("reward_model.enable=False", *MODEL_KEYS, "reward_model.reward_manager=dapo")
    assert [ignored.key for ignored in find_ignored_keys(config)] == ["reward_model.reward_manager"]


@pytest.mark.parametrize("enabled", ["reward_model.enable=True", "reward.reward_model.enable=True"])
def test_keys_of_a_reward_model_that_is_on_are_refused(enabled: str) -> None:
    told = describe_ignored_keys(composed(enabled, *MODEL_KEYS))
    assert "reward_model.rollout.name=sglang (use reward.reward_model.rollout.name)" in told
    assert "reward_model.model.path=/m (use reward.reward_model.model_path)" in told
    assert "reward_model.model.external_lib=lib (remove it)" in told


def test_a_legacy_key_that_says_the_same_as_its_replacement_is_harmless() -> None:
    config = composed("reward_model.reward_manager=naive", "reward_model.num_workers=8")  # verl's defaults
    assert find_ignored_keys(config) == []


def test_a_config_without_the_legacy_sections_has_none() -> None:
    assert describe_ignored_keys(OmegaConf.create({"reward": {"num_workers": 8}})) == ""
