"""Every function of another package that AWPO is hung on or calls: what we rely on, and the version we know it in.

    python -m awpo_verl.integration.seams [--json]      # a line for each, of the verl that is installed here

Checked where a seam is put in place (patching.wrap), by `awpo-verl doctor`, and in the tests on other versions of verl.
A parameter that is gone is an error: AWPO cannot run there. A source that differs is a remark: what we wrap is not what
we have tested with, because of another version or because somebody patched it.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import sys
from dataclasses import asdict, dataclass
from typing import Any, Literal

from awpo_verl.integration.keys import on_cpu

State = Literal["ok", "changed", "broken"]


@dataclass(frozen=True)
class Seam:
    """A function, or a method as `Class.method`, of `module`.

    Attributes:
        parameters: that we pass or read by name or position, in this order; `self` is left out.
        source: `fingerprint` of its source in `known_in`; "" where it has none (a dataclass's `__init__`).
        loss: what does not work without it.
    """

    module: str
    name: str
    parameters: tuple[str, ...]
    source: str
    loss: str
    known_in: str = "verl 0.9.1"

    @property
    def where(self) -> str:
        """Its full name."""
        return f"{self.module}.{self.name}"


_CORE, _V1 = "verl.trainer.ppo.core_algos", "verl.trainer.ppo.v1.trainer_base"
_REWARDS = "verl.experimental.reward_loop"
_CPU = "VERL_PLATFORM=cpu"
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
    Seam("verl.utils.config", "validate_config", ("config",), "ab4096deecfe", "what adv_estimator=awpo implies"),
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
    # of TransferQueue any version that verl takes: the names count, not the source
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
        "telling the model's words from its tools', in rollouts of several turns",
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
    Seam("verl.plugin.platform.platform_manager", "PlatformRegistry.register", ("platform",), "81bf1fb5c8ae", _CPU),
    Seam(
        "verl.utils.distributed",
        "initialize_global_process_group_ray",
        ("timeout_second", "backend"),
        "761a94d1a2e0",
        _CPU,
    ),
    Seam(
        "verl.workers.rollout.vllm_rollout.bucketed_weight_transfer",
        "rebuild_shared_memory",
        ("name", "size", "dtype"),
        "588c18b27cdd",
        _CPU,
    ),
    Seam("verl.workers.engine.fsdp.transformer_impl", "CPUOffloadPolicy", ("pin_memory",), "", _CPU, "torch 2.13.0"),
    Seam(
        "verl.utils.model",
        "load_valuehead_model",
        ("local_path", "torch_dtype", "model_config", "trust_remote_code"),
        "2371ca280654",
        _CPU,
    ),
    Seam(
        "vllm.model_executor.layers.utils",
        "dispatch_cpu_unquantized_gemm",
        ("layer", "remove_weight"),
        "5ea7e85e631e",
        _CPU,
        "vllm 0.28.0",
    ),
)
_BY_PLACE = {(seam.module, seam.name): seam for seam in SEAMS}


@dataclass(frozen=True)
class SeamStatus:
    """Of one seam. `said`: what differs; "" if nothing does. `cause`: what keeps its module, which is there, or
    its whole package from being imported; "" if nothing does."""

    where: str
    state: State
    said: str
    loss: str
    cause: str = ""


def find(module: Any, name: str) -> tuple[Any, str, Any]:
    """Who has the function `name` or `Class.method` of a module, under which attribute, and the function itself.

    Raises:
        AttributeError: it is not there.
    """
    owner_name, _, attribute = name.rpartition(".")
    owner = getattr(module, owner_name) if owner_name else module
    return owner, attribute, getattr(owner, attribute)


def fingerprint(function: Any) -> str:
    """Of the function's source, under whatever it is wrapped in; "" if it has none."""
    try:
        return hashlib.sha256(inspect.getsource(inspect.unwrap(function)).encode()).hexdigest()[:12]
    except (OSError, TypeError):
        return ""


def check(seam: Seam, module: Any) -> SeamStatus:
    """The seam in its module, imported."""

    def verdict(state: State, said: str) -> SeamStatus:
        return SeamStatus(seam.where, state, said, seam.loss)

    try:
        _, _, function = find(module, seam.name)
        there = [name for name in inspect.signature(function).parameters if name != "self"]
    except (AttributeError, TypeError, ValueError):
        return verdict("broken", f"it is not there: upstream has moved it. It is known in {seam.known_in}.")
    known = iter(there)
    missing = [name for name in seam.parameters if name not in known]  # in order: each goes on where the last was found
    if missing:
        return verdict(
            "broken",
            f"its parameters are ({', '.join(there)}), and {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} "
            f"not where AWPO relies on it. It is known in {seam.known_in} with ({', '.join(seam.parameters)}).",
        )
    if seam.source and fingerprint(function) != seam.source:
        return verdict("changed", f"its source is not that of {seam.known_in}, which AWPO has been tested with.")
    return verdict("ok", "")


def known(module: str, name: str) -> Seam:
    """The seam of this name in this module.

    Raises:
        LookupError: it is none of SEAMS, where every seam has to be.
    """
    if (module, name) not in _BY_PLACE:
        raise LookupError(f"{module}.{name} is not in SEAMS (awpo_verl/integration/seams.py); add it there.")
    return _BY_PLACE[module, name]


def check_all() -> list[SeamStatus]:
    """All seams of the packages that are installed here, those of the CPU where it is asked for. Takes seconds."""
    found = []
    for seam in SEAMS:
        if seam.loss == _CPU and not on_cpu():
            continue
        try:
            module = importlib.import_module(seam.module)
        except Exception as error:  # noqa: BLE001  # a module of verl's may raise anything where its packages clash
            cause = f"{type(error).__name__}: {error}"
            said = f"{seam.module} cannot be imported: {cause}"
            found.append(SeamStatus(seam.where, "broken", said, seam.loss, "" if _moved(error, seam) else cause))
        else:
            found.append(check(seam, module))
    return found


def _moved(error: Exception, seam: Seam) -> bool:
    """Whether the seam's own module is missing from a package that is there."""
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return False
    return "." in error.name and f"{seam.module}.".startswith(f"{error.name}.")


def main() -> int:
    """Print a line for each seam; the exit code is 1 if one is broken."""
    verdicts = check_all()
    for verdict in verdicts:
        if "--json" in sys.argv:
            print(json.dumps(asdict(verdict)))
        else:
            print(f"{verdict.state:>8}  {verdict.where}" + (f": {verdict.said}" if verdict.said else ""))
    return int(any(verdict.state == "broken" for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
