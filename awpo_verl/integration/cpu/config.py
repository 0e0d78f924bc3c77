"""The config keys that VERL_PLATFORM=cpu needs (verl 0.9.1), unless the user has set them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from omegaconf import OmegaConf

from awpo_verl.integration.keys import is_chosen, set_key

# key -> (verl's default, the value for a CPU, the reason)
CPU_KEYS: dict[str, tuple[Any, Any, str]] = {
    "trainer.device": ("cuda", "cpu", "no accelerator"),
    "trainer.n_gpus_per_node": (8, 1, "one worker; more of them share its cores"),
    "actor_rollout_ref.actor.strategy": ("fsdp", "fsdp2", "FSDP1 refuses to start without an accelerator"),
    "actor_rollout_ref.ref.strategy": ("fsdp", "fsdp2", "as the actor"),
    "critic.strategy": ("fsdp", "fsdp2", "as the actor"),
    "actor_rollout_ref.model.use_remove_padding": (True, False, "needs flash-attn"),
    "actor_rollout_ref.model.enable_gradient_checkpointing": (
        True,
        False,
        "saves too little memory for its time",
    ),
    "actor_rollout_ref.model.override_config.attn_implementation": (None, "eager", "flash-attn has no CPU kernels"),
    "critic.model.use_remove_padding": (True, False, "as the actor"),
    "critic.model.enable_gradient_checkpointing": (True, False, "as the actor"),
    "critic.model.override_config.attn_implementation": (None, "eager", "as the actor"),
    "actor_rollout_ref.rollout.tensor_model_parallel_size": (2, 1, "a vLLM server for each worker"),
    "actor_rollout_ref.rollout.enforce_eager": (False, True, "no CUDA graphs"),
    "actor_rollout_ref.rollout.free_cache_engine": (True, False, "vLLM has no sleep mode on a CPU"),
    "actor_rollout_ref.rollout.enable_sleep_mode": (None, False, "vLLM has no sleep mode on a CPU"),
    "actor_rollout_ref.rollout.agent.num_workers": (8, 1, "few cores"),
    "reward.num_workers": (8, 1, "few cores"),
    "data.dataloader_num_workers": (8, 0, "a worker dies noisily at exit"),
    "transfer_queue.backend.SimpleStorage.num_data_storage_units": (8, 1, "few cores"),
    "ray_kwargs.ray_init.num_cpus": (None, 16, "actors wait for Ray CPUs, of which a laptop has too few"),
}
NUM_GPUS = "ray_kwargs.ray_init.num_gpus"  # follows from the others
# further keys, if verl serves a reward model (a judge) in its own pool
REWARD_MODEL = "reward.reward_model"
REWARD_MODEL_KEYS: dict[str, tuple[Any, Any, str]] = {
    f"{REWARD_MODEL}.nnodes": (0, 1, "this machine"),
    f"{REWARD_MODEL}.n_gpus_per_node": (8, 1, "one worker"),
    f"{REWARD_MODEL}.rollout.tensor_model_parallel_size": (2, 1, "one worker"),
    f"{REWARD_MODEL}.rollout.free_cache_engine": (True, False, "vLLM has no sleep mode on a CPU"),
    f"{REWARD_MODEL}.rollout.enable_sleep_mode": (None, False, "vLLM has no sleep mode on a CPU"),
}


def apply_cpu_keys(config: Any, chosen: Collection[str]) -> list[str]:
    """Set each key that is at verl's default in verl's config. Returns lines to print."""
    served = config.reward.reward_model.enable and config.reward.reward_model.enable_resource_pool
    lines = ["VERL_PLATFORM=cpu", *_set(config, CPU_KEYS | REWARD_MODEL_KEYS if served else CPU_KEYS, chosen)]
    workers = config.trainer.n_gpus_per_node + (config.reward.reward_model.n_gpus_per_node if served else 0)
    return lines + _set(config, {NUM_GPUS: (None, workers, "each worker asks Ray for one GPU")}, chosen)


def _set(config: Any, keys: dict[str, tuple[Any, Any, str]], chosen: Collection[str]) -> list[str]:
    lines = []
    for key, (default, needed, why) in keys.items():
        given = OmegaConf.select(config, key)
        if given == needed:
            continue
        if is_chosen(key, chosen) or given not in (default, None):
            lines.append(f"  left alone      {key}={given}: your choice (the CPU wants {needed}: {why})")
            continue
        set_key(config, key, needed)
        lines.append(f"  implied         {key}={needed} ({why})")
    return lines
