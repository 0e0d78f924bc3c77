"""GPUs and the cluster, looked at before a launch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from awpo_verl.workbench.preflight import gpus
from awpo_verl.workbench.preflight.estimate import GPUS
from awpo_verl.workbench.preflight.findings import Finding
from awpo_verl.workbench.preflight.gpus import Machine, count_wanted_gpus
from tests.workbench.preflight.conftest import EIGHT, of


def test_a_judge_asks_for_gpus_of_its_own(composed: Callable[..., Any]) -> None:
    judge = "reward.reward_model"
    keys = (
        f"{judge}.enable=True",
        f"{judge}.enable_resource_pool=True",
        f"{judge}.nnodes=2",
        f"{judge}.n_gpus_per_node=4",
    )
    config = composed(
        *keys, f"{judge}.model_path=/judge", f"{judge}.rollout.name=vllm", "algorithm.awpo.reasoning_source=judge"
    )
    assert count_wanted_gpus(config) == (16, "16 GPUs (8 for the actor + 8 for the reward model)")


def test_a_gpu_in_use_by_another_process(said: Callable[..., Any]) -> None:
    warnings = of(said(machine=dataclasses.replace(EIGHT, free=int(40e9))), "warning")
    assert "the first of 8 GPUs has 37 of 75 GiB free" in warnings[0]


def test_a_missing_cluster_is_named(said: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    (error,) = of(said("trainer.nnodes=2"), "error")
    assert error.startswith("gpus: nothing listens at 127.0.0.1:1 ")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("NVIDIA H200", "h200"), ("NVIDIA H20", "h20"), ("NVIDIA GH200 480GB", "h200"), ("NVIDIA A100-SXM4-80GB", "a100")],
)
def test_a_gpu_is_known_by_its_name(name: str, kind: str) -> None:
    gpu = Machine(1, name, int(80e9), int(80e9), on_cpu=False).gpu
    assert gpu is not None
    assert (gpu.flops, gpu.bandwidth) == (GPUS[kind].flops, GPUS[kind].bandwidth)


def test_devices_other_than_gpus_are_not_counted(composed: Callable[..., Any]) -> None:
    config = composed()
    config.trainer.device = "npu"  # verl sets it on such a machine
    (finding,) = Machine(0, "", 0, 0, on_cpu=False).check_gpus(config)
    assert finding == Finding("warning", "gpus", "trainer.device=npu: its devices are not counted here.")


def test_verl_joins_the_cluster_that_ray_start_runs(
    composed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of `ray start` on every node and no RAY_ADDRESS, which is verl's documented way."""
    monkeypatch.setattr(gpus, "running_cluster", lambda: "10.0.0.1:6379")
    assert gpus.find_ray_address(composed("trainer.nnodes=2")) == "10.0.0.1:6379"
    monkeypatch.setenv("RAY_ADDRESS", "local")  # ray.init() starts its own then
    assert gpus.find_ray_address(composed()) == ""
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.2:6379")
    assert gpus.find_ray_address(composed()) == "10.0.0.2:6379"
