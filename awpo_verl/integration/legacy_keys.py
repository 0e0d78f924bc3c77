"""verl's earlier reward keys, which its trainers accept and ignore (verl 0.9.1, legacy_reward_impl.yaml).

`reward_model.*`, `custom_reward_function.*` and `sandbox_fusion.*` moved to `reward.*`. The old keys are still in the
config, so Hydra accepts them. Only verl's fully asynchronous trainer copies them to their new places
(experimental/reward_loop/reward_loop.py, migrate_legacy_reward_impl). The other trainers ignore them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

# earlier key or section -> where it is now; the longest prefix counts
MOVED = {
    "custom_reward_function": "reward.custom_reward_function",
    "sandbox_fusion": "reward.sandbox_fusion",
    "reward_model": "reward.reward_model",
    "reward_model.num_workers": "reward.num_workers",
    "reward_model.reward_manager": "reward.reward_manager.name",
    "reward_model.reward_kwargs": "reward.reward_kwargs",
    "reward_model.reward_loop_source": "reward.reward_manager.source",
    "reward_model.reward_loop_module_path": "reward.reward_manager.module.path",
    "reward_model.reward_loop_class_name": "reward.reward_manager.name",
    "reward_model.model.path": "reward.reward_model.model_path",
    "reward_model.model.external_lib": "",  # nothing reads it
    "reward_model.model.trust_remote_code": "",
}
SECTIONS = ("reward_model", "custom_reward_function", "sandbox_fusion")
MODEL = "reward.reward_model"  # its keys are read only while it is enabled


@dataclass(frozen=True)
class IgnoredKey:
    """An earlier key that is set. replacement: the key to use instead; "" where there is none."""

    key: str
    value: Any
    replacement: str


def find_ignored_keys(config: Any) -> list[IgnoredKey]:
    """The earlier keys that are set and change nothing.

    A key whose replacement has the same value is left out. So are the keys of the reward model itself (which model, how
    it is served), unless `reward_model.enable` or `reward.reward_model.enable` is true.

    Args:
        config: verl's whole config; it may lack the legacy sections.
    """
    has_model = any(OmegaConf.select(config, f"{section}.enable") for section in ("reward_model", MODEL))
    found: list[IgnoredKey] = []
    for section in SECTIONS:
        for key, value in _list_values(section, OmegaConf.select(config, section)):
            replacement = _find_replacement(key)
            if not has_model and (not replacement or f"{replacement}.".startswith(f"{MODEL}.")):
                continue
            if not replacement or OmegaConf.select(config, replacement) != value:
                found.append(IgnoredKey(key, value, replacement))
    return found


def describe_ignored_keys(config: Any) -> str:
    """One message about all ignored keys and what to set instead; "" if there are none."""
    found = find_ignored_keys(config)
    if not found:
        return ""
    keys = "; ".join(f"{k.key}={k.value} ({f'use {k.replacement}' if k.replacement else 'remove it'})" for k in found)
    return f"verl 0.9.1 ignores its earlier reward keys, and the run would train without them: {keys}."


def _list_values(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Each key below a key, with its value, if it is not null. A list is a value."""
    if isinstance(value, DictConfig):
        for name in value:
            yield from _list_values(f"{key}.{name}", OmegaConf.select(value, str(name)))
    elif value is not None:
        yield key, value


def _find_replacement(key: str) -> str:
    prefix = max((old for old in MOVED if f"{key}.".startswith(f"{old}.")), key=len)
    return MOVED[prefix] + key[len(prefix) :]
