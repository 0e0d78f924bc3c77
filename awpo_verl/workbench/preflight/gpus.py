"""Compare the GPUs that a run needs with those of this machine or of the Ray cluster."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from typing import Any

from awpo_verl.integration.keys import on_cpu
from awpo_verl.workbench.preflight.cluster import ClusterError, join_cluster, wait_for_port
from awpo_verl.workbench.preflight.estimate import GIB, GPUS, GpuKind, all_gpus
from awpo_verl.workbench.preflight.findings import Finding, error, ok, warning


@dataclass(frozen=True)
class Machine:
    """The GPUs of this machine.

    Attributes:
        count: GPUs that torch sees.
        name: name of the first GPU, "" without a GPU.
        total, free: bytes of its memory.
        on_cpu: the run uses the CPU platform.
    """

    count: int
    name: str
    total: int
    free: int
    on_cpu: bool

    @staticmethod
    def here() -> Machine:
        """This machine, now."""
        import torch

        count = torch.cuda.device_count()
        if not count:
            return Machine(0, "", 0, 0, on_cpu())
        free, total = torch.cuda.mem_get_info(0)
        return Machine(count, torch.cuda.get_device_name(0), total, free, on_cpu())

    @property
    def gpu(self) -> GpuKind | None:
        """The kind of the first GPU, with its real memory; an unknown kind gets the speed of an A100."""
        if not self.count:
            return None
        words = re.split(r"[^a-z0-9]+", self.name.lower())  # whole words: "h20" is in "h200"
        known = next((gpu for key, gpu in GPUS.items() if key in words or f"g{key}" in words), GPUS["a100"])
        return GpuKind(self.total, known.flops, known.bandwidth)

    def check_gpus(self, config: Any) -> list[Finding]:
        """The GPUs that the config needs exist and are free."""
        if self.on_cpu:
            return [ok("gpus", "VERL_PLATFORM=cpu: none needed")]
        if config.trainer.device != "cuda":
            return [warning("gpus", f"trainer.device={config.trainer.device}: its devices are not counted here.")]
        nodes, per_node = config.trainer.nnodes, config.trainer.n_gpus_per_node
        wanted, wanted_text = count_wanted_gpus(config)
        address = find_ray_address(config)
        if address:
            return [_check_cluster(address, wanted, wanted_text)]
        if nodes > 1:
            return [
                error(
                    "gpus",
                    f"trainer.nnodes={nodes}, and neither RAY_ADDRESS nor ray_kwargs.ray_init.address names a Ray "
                    "cluster, and none runs on this node: Ray would start a cluster of this machine only. "
                    "recipes/run_awpo_multinode.sh starts one over all nodes.",
                )
            ]
        if self.count < wanted:
            return [
                error(
                    "gpus",
                    f"the run asks for {wanted_text}, this machine has {self.count}. Set trainer.n_gpus_per_node (GPUS "
                    "in the recipes), or VERL_PLATFORM=cpu for a tiny model.",
                )
            ]
        findings = [ok("gpus", f"{wanted_text}; this machine has {self.count} ({self.name})")]
        if self.free < 0.9 * self.total:
            findings.append(
                warning(
                    "gpus",
                    f"the first of {per_node} GPUs has {self.free / GIB:.0f} of {self.total / GIB:.0f} GiB free: "
                    "another process holds the rest (nvidia-smi).",
                )
            )
        return findings


def count_wanted_gpus(config: Any) -> tuple[int, str]:
    """The number of GPUs that the run needs, and a text that says for what.

    As in verl 0.9.1, trainer_base.py, `_init_resource_pool_mgr`.
    """
    pools = {"the actor": all_gpus(config)}
    judge, rollout = config.reward.reward_model, config.actor_rollout_ref.rollout
    if judge.enable_resource_pool:
        pools["the reward model"] = judge.n_gpus_per_node * judge.nnodes
    if config.trainer.v1.trainer_mode == "separate_async":
        pools["rollout"] = rollout.n_gpus_per_node * rollout.nnodes
    teacher = config.get("distillation")
    if teacher and teacher.get("enabled"):
        pools["the teacher"] = teacher.n_gpus_per_node * teacher.nnodes
    total = sum(pools.values())
    parts = " + ".join(f"{count} for {name}" for name, count in pools.items())
    return total, f"{total} GPUs" + (f" ({parts})" if len(pools) > 1 else "")


def find_ray_address(config: Any) -> str:
    """The address of the cluster that verl's `ray.init` would join, "" if it would start one."""
    given = (config.ray_kwargs.get("ray_init") or {}).get("address") or os.environ.get("RAY_ADDRESS", "")
    if given == "local":
        return ""
    return given or running_cluster()


def running_cluster() -> str:
    """The address of a cluster that `ray start` runs on this node, "" if none answers."""
    try:
        from ray._private.services import find_bootstrap_address

        address = find_bootstrap_address(None) or ""  # ray 2.60: what /tmp/ray/ray_current_cluster says
        if address:
            wait_for_port(address, time.monotonic())
    except (ImportError, ClusterError, OSError):
        return ""
    return address


def _check_cluster(address: str, wanted: int, wanted_text: str) -> Finding:
    """The Ray cluster has the wanted GPUs."""
    import ray

    try:
        if address.rpartition(":")[2].isdigit():
            wait_for_port(address.removeprefix("ray://"), time.monotonic())  # Ray would try for minutes
        join_cluster(address)
    except ClusterError as problem:
        return error("gpus", str(problem))
    try:
        have = int(ray.cluster_resources().get("GPU", 0))
    finally:
        ray.shutdown()
    if have < wanted:
        return error(
            "gpus", f"the run asks for {wanted_text}, the Ray cluster at {address} has {have}. Has every node joined?"
        )
    return ok("gpus", f"{wanted_text}; the Ray cluster at {address} has {have}")
