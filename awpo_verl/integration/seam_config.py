"""Seam of the config (verl 0.9.1, utils/config.py): what `algorithm.adv_estimator=awpo` implies, and what is refused.

verl calls `validate_config(config, use_reference_policy, use_critic)` in the driver, after Hydra has composed the
config and before Ray starts. A run that uses neither the estimator nor the reward manager `awpo` gets its config as
without this package.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

from omegaconf import OmegaConf, open_dict

from awpo_verl.algorithm.difficulty import DIFFICULTIES
from awpo_verl.algorithm.gate import GATES
from awpo_verl.algorithm.registry import find_function
from awpo_verl.config import AWPOConfig, AWPOConfigError, merge_defaults, parse
from awpo_verl.config.kinds import show_kind
from awpo_verl.integration import legacy_keys
from awpo_verl.integration.keys import AWPO, is_chosen, on_cpu, overridden_keys, set_key
from awpo_verl.integration.patching import read_arguments, require_all_seams, wrap
from awpo_verl.integration.reward_function import require_loadable
from awpo_verl.rewards.outcome.formats import check_name
from awpo_verl.rewards.reasoning.judge.endpoint import find_endpoint
from awpo_verl.rewards.reasoning.judge.prompt import load_template

APPLIED = "awpo_defaults_applied"  # in verl's config, after the implied keys have been set

AWAKE = "reward.reward_model.rollout.free_cache_engine"
# key -> (verl 0.9.1's default, the value that AWPO needs)
IMPLIED = {
    "actor_rollout_ref.actor.policy_loss.loss_mode": ("vanilla", AWPO),
    "reward.reward_manager.name": ("naive", AWPO),
}


def install(module: Any) -> None:
    """Wrap `validate_config` in verl.utils.config."""
    wrap(module, "validate_config", validate_config)


def validate_config(original: Any, *args: Any, **kwargs: Any) -> Any:
    """Around verl's validate_config."""
    config = read_arguments(original, args, kwargs)["config"]
    # the legacy trainer validates again inside Ray, where the command line is not known any more
    if not config.get(APPLIED, False):
        _apply(config)
    return original(*args, **kwargs)


def _apply(config: Any) -> None:
    """Set what the run implies, print it, and leave the section in a form that each process can read."""
    lines: list[str] = []
    if on_cpu():
        from awpo_verl.integration.cpu.config import apply_cpu_keys

        lines += apply_cpu_keys(config, overridden_keys())
    if config.algorithm.adv_estimator == AWPO:
        lines += prepare(config, overridden_keys())
    elif OmegaConf.select(config, "reward.reward_manager.name") == AWPO:
        lines += prepare_baseline(config, overridden_keys())
    elif _has_only_defaults(config):
        with open_dict(config.algorithm):
            config.algorithm.pop(AWPO)
    if lines:
        print("\n".join(["", *(f"[awpo] {line}" for line in lines), ""]), flush=True)
        set_key(config, APPLIED, True)
    if config.algorithm.get(AWPO) is not None:  # without its types, for a process without awpo_verl
        with open_dict(config.algorithm):
            config.algorithm.awpo = OmegaConf.to_container(config.algorithm.pop(AWPO))


def _has_only_defaults(config: Any) -> bool:
    """Whether the section is there, and is as seam_hydra.py has added it."""
    section = config.algorithm.get(AWPO)
    return section is not None and OmegaConf.to_container(section) == OmegaConf.to_container(merge_defaults(None))


def prepare(config: Any, chosen: Collection[str]) -> list[str]:
    """Check an AWPO config, and set the keys that it implies, unless the user has set them.

    Args:
        config: verl's whole config, which is changed.
        chosen: the keys on the command line, also those that are set to the default.

    Returns:
        Lines to print: the keys that were set, and those that were left alone.

    Raises:
        AWPOConfigError: gives the key, the reason, and what to use instead.
    """
    require_all_seams()
    section = parse(config.algorithm.get("awpo"))
    find_function(GATES, "gate", section.gate.kind)
    find_function(DIFFICULTIES, "difficulty", section.difficulty.kind)
    check_name(section.outcome.format)
    if config.algorithm.get("use_kl_in_reward", False):
        raise AWPOConfigError(
            "algorithm.use_kl_in_reward=True does not go with algorithm.adv_estimator=awpo: with the KL penalty, the "
            "outcomes of rollouts that all failed differ, so the gate sees no silent group. "
            "Use actor_rollout_ref.actor.use_kl_loss=True instead."
        )
    refuse_unused_model(config, f"algorithm.adv_estimator={AWPO}")
    lines = [f"algorithm.adv_estimator={AWPO}"]
    for key, (default, needed) in IMPLIED.items():
        lines.append(_imply(config, key, default, needed, chosen))
    lines += _rewards(section, config, chosen)
    lines += _find_warnings(config)
    lines.append(f"  method          {_summarize(section)}")
    return lines


def prepare_baseline(config: Any, chosen: Collection[str]) -> list[str]:
    """The same for another estimator with our reward manager, which uses the rewards and the judge of the section.

    Args, Returns, Raises: as `prepare`.
    """
    section = parse(config.algorithm.get("awpo"))
    check_name(section.outcome.format)
    manager = f"reward.reward_manager.name={AWPO}"
    refuse_unused_model(config, manager)
    header = f"{manager}, with algorithm.adv_estimator={config.algorithm.adv_estimator}"
    return [header, *_rewards(section, config, chosen)]


def _rewards(section: AWPOConfig, config: Any, chosen: Collection[str]) -> list[str]:
    """Check where outcome and reasoning come from, and keep a judge that verl serves awake."""
    lines: list[str] = []
    refuse_legacy_keys(config)
    require_loadable(config)
    function = config.reward.custom_reward_function.path
    judge = check_judge(section, config)
    if section.reasoning_source == "judge" and not section.judge.base_url:
        # verl puts its reward model to sleep at the start, and wakes it only for its own requests
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
    """Raise AWPOConfigError if reward keys of earlier versions of verl are set, which verl ignores."""
    ignored = legacy_keys.describe_ignored_keys(config)
    if ignored:
        raise AWPOConfigError(ignored)


def refuse_unused_model(config: Any, asked: str) -> None:
    """Raise AWPOConfigError if a reward model would replace our outcome. asked: the key that conflicts with it."""
    model = config.reward.reward_model
    if model.enable and not model.enable_resource_pool:
        raise AWPOConfigError(
            "reward.reward_model.enable=True without reward.reward_model.enable_resource_pool=True does not go with "
            f"{asked}: verl hands a colocated reward model prompts and responses only, without the ground "
            "truth, so it cannot check the outcome. Give the model its own pool, or disable it."
        )
    source = (config.algorithm.get("awpo") or {}).get("reasoning_source")
    if model.enable and source != "judge" and not config.reward.custom_reward_function.path:
        raise AWPOConfigError(
            f"reward.reward_model.enable=True does not go with {asked} where nothing asks the model: verl would "
            "use the model's score alone. Set algorithm.awpo.reasoning_source=judge so that the model judges the "
            "thinking, or reward.custom_reward_function.path to a function that asks it, or disable it."
        )


def check_judge(section: AWPOConfig, config: Any) -> str:
    """Check the judge, and describe it for the log; "" without a judge.

    Raises:
        AWPOConfigError: the judge has no endpoint or two, nothing asks it, or its template cannot be used.
    """
    if section.reasoning_source != "judge":
        return ""
    judge, model = section.judge, config.reward.reward_model
    manager = config.reward.reward_manager
    if manager.name != AWPO and manager.get("source", "register") == "register":  # a user's own class may ask it
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
    return f"  left alone      {key}={given}: your choice; {_describe_consequence(key)}"


def _describe_consequence(key: str) -> str:
    if key == AWAKE:
        return "verl puts the judge to sleep at the start, and nothing wakes it"
    if key.endswith("loss_mode"):
        return "AWPO's clip scale is not used by this loss"
    return "it must put the reasoning reward into reward_extra_info"


def _find_warnings(config: Any) -> list[str]:
    warnings = []
    rollouts = config.actor_rollout_ref.rollout.n
    if rollouts < 2:
        warnings.append(
            f"  warning         actor_rollout_ref.rollout.n={rollouts}: a group of one has nothing to compare; use 8"
        )
    if config.algorithm.get("filter_groups") and config.algorithm.filter_groups.enable:
        warnings.append(
            "  warning         algorithm.filter_groups drops groups with equal outcomes, which the gate would use"
        )
    return warnings


def _summarize(c: AWPOConfig) -> str:
    return (
        f"reasoning_weight={c.reasoning_weight:g} gate={show_kind(GATES, c.gate)} "
        f"difficulty={show_kind(DIFFICULTIES, c.difficulty)} "
        f"clip.shrink={c.clip.shrink:g} clip.scope={c.clip.scope} outcome_range={c.outcome_range} "
        f"reasoning_range={list(c.reasoning_range)}"
    )
