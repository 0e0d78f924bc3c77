"""Config seam (verl 0.9.1, utils/config.py): what `algorithm.adv_estimator=awpo` implies, and what is refused.

verl calls `validate_config` in the driver, after Hydra has composed the config and before Ray starts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

from omegaconf import OmegaConf, open_dict

from awpo_verl.algorithm.difficulty import DIFFICULTIES
from awpo_verl.algorithm.gate import GATES
from awpo_verl.algorithm.registry import find_function
from awpo_verl.config import AWPOConfig, AWPOConfigError, parse
from awpo_verl.config.kinds import show_kind
from awpo_verl.integration import legacy_keys
from awpo_verl.integration.keys import AWPO, is_chosen, on_cpu, overridden_keys, set_key
from awpo_verl.integration.patching import CHANGED, require_intact
from awpo_verl.integration.reward_function import require_loadable
from awpo_verl.rewards.outcome.formats import check_name
from awpo_verl.rewards.reasoning.judge.endpoint import find_endpoint
from awpo_verl.rewards.reasoning.judge.prompt import load_template

APPLIED = "awpo_defaults_applied"  # in verl's config, once what is implied has been set

AWAKE = "reward.reward_model.rollout.free_cache_engine"
# key -> (verl 0.9.1's default, what AWPO needs there)
IMPLIED = {
    "actor_rollout_ref.actor.policy_loss.loss_mode": ("vanilla", AWPO),
    "reward.reward_manager.name": ("naive", AWPO),
}


def validate_config(original: Any, config: Any, *args: Any, **kwargs: Any) -> Any:
    """Around verl's validate_config(config, use_reference_policy, use_critic)."""
    # the legacy trainer validates again inside Ray, where nobody knows any more what the user chose
    if not config.get(APPLIED, False):
        lines: list[str] = []
        if on_cpu():
            from awpo_verl.integration.cpu.config import apply

            lines += apply(config, overridden_keys())
        if config.algorithm.adv_estimator == AWPO:
            lines += prepare(config, overridden_keys())
        elif config.reward.reward_manager.name == AWPO:
            lines += prepare_baseline(config, overridden_keys())
        if lines:
            print("\n".join(["", *(f"[awpo] {line}" for line in lines), ""]), flush=True)
            set_key(config, APPLIED, True)
        _plain_section(config)
    return original(config, *args, **kwargs)


def _plain_section(config: Any) -> None:
    """The section without its types, so that a process without awpo_verl can read the config of a run without AWPO."""
    if config.algorithm.get("awpo") is not None:
        with open_dict(config.algorithm):
            config.algorithm.awpo = OmegaConf.to_container(config.algorithm.pop("awpo"))


def prepare(config: Any, chosen: Collection[str]) -> list[str]:
    """Check an AWPO config, and set what it implies where the user has not chosen otherwise.

    Args:
        config: verl's whole config; changed in place.
        chosen: keys that the user set on the command line, even if to the default.

    Returns:
        What was implied and what was left alone, as lines to print.

    Raises:
        AWPOConfigError: names the key, what is wrong, and what to use instead.
    """
    require_intact()
    section = parse(config.algorithm.get("awpo"))
    find_function(GATES, "gate", section.gate.kind)
    find_function(DIFFICULTIES, "difficulty", section.difficulty.kind)
    check_name(section.outcome.format)
    if config.algorithm.get("use_kl_in_reward", False):
        raise AWPOConfigError(
            "algorithm.use_kl_in_reward=True does not go with algorithm.adv_estimator=awpo: the KL penalty makes "
            "the outcome differ between rollouts that all failed, so no group would ever look undecided to the gate. "
            "Use actor_rollout_ref.actor.use_kl_loss=True instead."
        )
    refuse_unasked_model(config, f"algorithm.adv_estimator={AWPO}")
    lines = [f"algorithm.adv_estimator={AWPO}"]
    for key, (default, needed) in IMPLIED.items():
        lines.append(_imply(config, key, default, needed, chosen))
    lines += _rewards(section, config, chosen)
    lines += _remarks(config)
    lines += [f"  note            {changed} AWPO goes on; awpo-verl doctor shows all seams." for changed in CHANGED]
    lines.append(f"  method          {_summary(section)}")
    return lines


def prepare_baseline(config: Any, chosen: Collection[str]) -> list[str]:
    """The same for another estimator with our reward manager: it reads the section's rewards, and asks its judge.

    Args, Returns, Raises: as `prepare`.
    """
    section = parse(config.algorithm.get("awpo"))
    check_name(section.outcome.format)
    manager = f"reward.reward_manager.name={AWPO}"
    refuse_unasked_model(config, manager)
    header = f"{manager}, with algorithm.adv_estimator={config.algorithm.adv_estimator}"
    return [header, *_rewards(section, config, chosen)]


def _rewards(section: AWPOConfig, config: Any, chosen: Collection[str]) -> list[str]:
    """Where outcome and reasoning come from; a judge that verl serves is kept awake."""
    lines: list[str] = []
    refuse_legacy_keys(config)
    require_loadable(config)
    function = config.reward.custom_reward_function.path
    judge = check_judge(section, config)
    if section.reasoning_source == "judge" and not section.judge.base_url:
        # verl puts its reward model to sleep at start, and wakes it only to ask it itself
        lines.append(_imply(config, AWAKE, True, False, chosen))
    if function:
        lines.append(f"  your outcome    reward.custom_reward_function.path={function}")
    elif config.reward.reward_manager.name == AWPO:
        o = section.outcome
        lines.append(
            f"  outcome         expected calls (format={o.format} match={o.match} strings={o.strings}) or a trajectory "
            "in the ground truth; else verl's rule for the data_source"
        )
    if config.reward.reward_manager.name == AWPO:
        own = f" where your function returns no '{section.reasoning_key}'" if function else ""
        by = judge or "rubric over <think>...</think>; expected steps in extra_info.reasoning_steps"
        lines.append(f"  reasoning       {by}{own}")
    return lines


def refuse_legacy_keys(config: Any) -> None:
    """Raises AWPOConfigError where reward keys of earlier versions of verl are set, which verl does not read."""
    ignored = legacy_keys.describe(config)
    if ignored:
        raise AWPOConfigError(ignored)


def refuse_unasked_model(config: Any, asked: str) -> None:
    """A reward model that would score in the place of our outcome. asked: the key that does not go with it."""
    model = config.reward.reward_model
    if model.enable and not model.enable_resource_pool:
        raise AWPOConfigError(
            "reward.reward_model.enable=True without reward.reward_model.enable_resource_pool=True does not go with "
            f"{asked}: verl hands a colocated reward model prompts and responses only, no ground "
            "truth, so the outcome cannot be checked. Give it its own pool, or disable it."
        )
    source = (config.algorithm.get("awpo") or {}).get("reasoning_source")
    if model.enable and source != "judge" and not config.reward.custom_reward_function.path:
        raise AWPOConfigError(
            f"reward.reward_model.enable=True does not go with {asked} where nothing asks the model: verl would "
            "score with it alone. Set algorithm.awpo.reasoning_source=judge to have it judge the thinking, or "
            "reward.custom_reward_function.path to a function that asks it, or disable it."
        )


def check_judge(section: AWPOConfig, config: Any) -> str:
    """What the judge is, for the log; "" without one.

    Raises:
        AWPOConfigError: no endpoint, two of them, nobody who asks it, or a template that cannot be used.
    """
    if section.reasoning_source != "judge":
        return ""
    judge, model = section.judge, config.reward.reward_model
    manager = config.reward.reward_manager
    if manager.name != AWPO and manager.get("source", "register") == "register":  # a class of one's own may ask it
        raise AWPOConfigError(
            f"algorithm.awpo.reasoning_source=judge has no effect with reward.reward_manager.name={manager.name}: only "
            "the reward manager awpo asks the judge."
        )
    if judge.base_url and model.enable and not config.reward.custom_reward_function.path:
        raise AWPOConfigError(
            f"Two judges: algorithm.awpo.judge.base_url={judge.base_url} and reward.reward_model.enable=True. Leave "
            "base_url empty to ask verl's reward model, or disable that."
        )
    # the address of verl's router is not known yet
    router = "the-router-of-reward.reward_model" if model.enable else None
    endpoint = find_endpoint(dataclasses.replace(judge, api_key_env=""), router, model.get("model_path"))
    load_template(judge.template)
    return (
        f"judge {endpoint.model} at {endpoint.base_url} (template={judge.template} samples={judge.samples} "
        f"deadline={judge.deadline:g}s concurrency={judge.concurrency} for each of {config.reward.num_workers} reward "
        f"workers, required={judge.required})"
    )


def _imply(config: Any, key: str, default: Any, needed: Any, chosen: Collection[str]) -> str:
    given = OmegaConf.select(config, key)
    if given == needed:
        return f"  as you set it   {key}={given}"
    if given == default and not is_chosen(key, chosen):
        set_key(config, key, needed)
        return f"  implied         {key}={needed} (was {given}, verl's default)"
    return f"  left alone      {key}={given}: your choice; {_consequence(key)}"


def _consequence(key: str) -> str:
    if key == AWAKE:
        return "verl puts the judge to sleep at start, and nobody wakes it"
    if key.endswith("loss_mode"):
        return "AWPO's clip scale is not used by this loss"
    return "it must put the reasoning reward into reward_extra_info"


def _remarks(config: Any) -> list[str]:
    remarks = []
    rollouts = config.actor_rollout_ref.rollout.n
    if rollouts < 2:
        remarks.append(
            f"  warning         actor_rollout_ref.rollout.n={rollouts}: a group of one has nothing to compare; use 8"
        )
    if config.algorithm.get("filter_groups") and config.algorithm.filter_groups.enable:
        remarks.append(
            "  warning         algorithm.filter_groups drops groups with equal outcomes, which the gate would rescue"
        )
    return remarks


def _summary(c: AWPOConfig) -> str:
    return (
        f"reasoning_weight={c.reasoning_weight:g} gate={show_kind(GATES, c.gate)} "
        f"difficulty={show_kind(DIFFICULTIES, c.difficulty)} "
        f"clip.shrink={c.clip.shrink:g} clip.scope={c.clip.scope} outcome_range={c.outcome_range} "
        f"reasoning_range={list(c.reasoning_range)}"
    )
