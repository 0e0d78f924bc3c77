"""The table of seams: each function of another package that AWPO wraps, registers with, or calls.

A seam is in this table or it is not touched: patching.py refuses to wrap or replace anything else. The signature is
checked when a seam is put in place. `awpo-verl doctor` and `make compat` also compare the source with the one that
AWPO has been tested with (check_seams.py).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Seam:
    """A function, a method (`Class.method`) or another attribute of `module`.

    Attributes:
        parameters: the parameters that AWPO passes or reads, in this order, without `self`. Empty: AWPO relies on none,
            and only looks whether the attribute exists.
        source_hash: `hash_source` of it in `tested_with`. Empty where the source is not compared: it is generated, or
            the package may have any version.
        feature: what does not work without it.
        tested_with: the package and its version.
    """

    module: str
    name: str
    parameters: tuple[str, ...]
    source_hash: str
    feature: str
    tested_with: str = "verl 0.9.1"

    @property
    def full_name(self) -> str:
        """`module.name`."""
        return f"{self.module}.{self.name}"


_CORE, _V1 = "verl.trainer.ppo.core_algos", "verl.trainer.ppo.v1.trainer_base"
_REWARDS = "verl.experimental.reward_loop"
CPU = "VERL_PLATFORM=cpu"
_LAUNCH = "awpo-verl train and doctor, of a command line"
_LOSS = ("old_log_prob", "log_prob", "advantages", "response_mask", "loss_agg_mode", "config", "rollout_is_weights")
_ADVANTAGE = ("data", "adv_estimator", "gamma", "lam", "num_repeat", "norm_adv_by_std_in_grpo", "config")
_DUMP = ("inputs", "outputs", "gts", "scores", "reward_extra_infos_dict", "dump_path")
_SESSIONS = ("data", "batch_keys", "adv_estimator", "norm_adv_by_std_in_grpo", "config")

SEAMS = (
    Seam(
        "hydra._internal.config_loader_impl",
        "ConfigLoaderImpl._compose_config_from_defaults_list",
        ("defaults", "repo"),
        "136c76d6cb28",
        "algorithm.awpo.* on the command line",
        "hydra 1.3.2",
    ),
    Seam("verl.trainer.config.algorithm", "AlgoConfig.__init__", (), "", "algorithm.awpo in verl's AlgoConfig"),
    Seam("verl.utils.config", "validate_config", ("config",), "ab4096deecfe", "keys that adv_estimator=awpo implies"),
    Seam(_CORE, "register_adv_est", ("name_or_enum",), "d560ae823494", "the estimator"),
    Seam(_CORE, "register_policy_loss", ("name",), "a01f67e82d67", "the policy loss"),
    Seam(_CORE, "agg_loss", ("loss_mat", "loss_mask", "loss_agg_mode"), "fd052ff7eb53", "the policy loss"),
    Seam(_CORE, "compute_policy_loss_vanilla", _LOSS, "1a0214517a6d", "the policy loss where no clip scale is given"),
    Seam("verl.utils.torch_functional", "masked_mean", ("values", "mask"), "80f56bdaadd4", "the policy loss's metrics"),
    Seam("verl.trainer.ppo.ray_trainer", "compute_advantage", _ADVANTAGE, "314695381c75", "advantages, legacy trainer"),
    Seam(
        "verl.trainer.ppo.metric_utils",
        "compute_data_metrics",
        ("batch",),
        "081d0a19a827",
        "awpo/* metrics, legacy trainer",
    ),
    Seam(
        "verl.trainer.ppo.ray_trainer",
        "RayPPOTrainer._dump_generations",
        _DUMP,
        "be2e012a287c",
        "verl's columns in the dumps of the legacy trainer",
    ),
    Seam(_V1, "PPOTrainer._compute_advantage", ("batch", "metrics"), "2a4a2aa4a475", "advantages, v1 trainers"),
    Seam(_V1, "compute_advantage_for_multi_trajectories", _SESSIONS, "d973cc8aec79", "advantages, v1 trainers"),
    Seam(_V1, "PPOTrainer._log_rollout_data", ("batch",), "c1fa53a46df3", "reward parts in rollout dumps"),
    Seam(_V1, "PPOTrainer._dump_generations", _DUMP, "be2e012a287c", "reward parts in rollout dumps"),
    # TransferQueue: AWPO takes each version that verl takes, so only the parameters are checked
    Seam(
        "transfer_queue",
        "kv_batch_get",
        ("keys", "partition_id", "select_fields"),
        "",
        "reward parts, v1 trainers",
        "TransferQueue 0.1.11",
    ),
    Seam(
        "transfer_queue",
        "kv_batch_put",
        ("keys", "partition_id", "fields"),
        "",
        "the clip scale, v1 trainers",
        "TransferQueue 0.1.11",
    ),
    Seam("verl.utils.device", "auto_set_device", ("config",), "031feb0fd935", _LAUNCH),
    Seam("verl.trainer.ppo.utils", "need_critic", ("config",), "4c05026318c7", _LAUNCH),
    Seam("verl.trainer.ppo.utils", "need_reference_policy", ("config",), "b8a793a391c0", _LAUNCH),
    Seam(
        "verl.workers.utils.losses",
        "ppo_loss",
        ("config", "model_output", "data", "dp_group"),
        "d7c0f8772b44",
        "the clip scale",
    ),
    Seam(
        "verl.experimental.agent_loop.agent_loop",
        "AgentLoopWorker._compute_score",
        ("outputs", "kwargs"),
        "cf4b57719ad3",
        "telling the model's words from the tools', in rollouts of several turns",
    ),
    Seam(f"{_REWARDS}.reward_manager", "register", ("name",), "6d54c61c6868", "the reward manager"),
    Seam(
        f"{_REWARDS}.reward_manager.base",
        "RewardManagerBase.run_single",
        ("data",),
        "06eb307d94c7",
        "the reward manager",
    ),
    Seam(
        f"{_REWARDS}.reward_loop",
        "RewardLoopWorker.compute_score",
        ("data",),
        "163c1ca0102c",
        "a judge that verl serves",
    ),
    Seam(
        "verl.tools.base_tool",
        "BaseTool.execute",
        ("instance_id", "parameters"),
        "77ae00631d6b",
        "stateful environments",
    ),
    Seam("verl.plugin.platform.platform_manager", "PlatformRegistry.register", ("platform",), "81bf1fb5c8ae", CPU),
    Seam(
        "verl.utils.distributed",
        "initialize_global_process_group_ray",
        ("timeout_second", "backend"),
        "761a94d1a2e0",
        CPU,
    ),
    Seam("importlib.metadata", "version", ("distribution_name",), "", CPU, "Python 3.11"),
    Seam(
        "verl.workers.rollout.vllm_rollout.bucketed_weight_transfer",
        "rebuild_shared_memory",
        ("name", "size", "dtype"),
        "588c18b27cdd",
        CPU,
    ),
    Seam("verl.workers.rollout.vllm_rollout.bucketed_weight_transfer", "shared_memory", (), "", CPU),
    Seam("verl.workers.engine.fsdp.transformer_impl", "CPUOffloadPolicy", ("pin_memory",), "", CPU, "torch 2.13.0"),
    Seam(
        "verl.utils.model",
        "load_valuehead_model",
        ("local_path", "torch_dtype", "model_config", "trust_remote_code"),
        "2371ca280654",
        CPU,
    ),
    Seam(
        "vllm.model_executor.layers.utils",
        "dispatch_cpu_unquantized_gemm",
        ("layer", "remove_weight"),
        "5ea7e85e631e",
        CPU,
        "vllm 0.28.0",
    ),
)
_BY_PLACE = {(seam.module, seam.name): seam for seam in SEAMS}


def get_seam(module: str, name: str) -> Seam:
    """The seam of this name in this module.

    Raises:
        LookupError: it is not in SEAMS.
    """
    if (module, name) not in _BY_PLACE:
        raise LookupError(f"{module}.{name} is not in SEAMS (awpo_verl/integration/seams.py). Add it there.")
    return _BY_PLACE[module, name]
