"""The checks before a run, in the order in which their findings are printed.

A finding says what was found, why it would fail, and what to set instead, with the key. A check that fails itself is a
warning and does not stop a run.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from awpo_verl.integration import legacy_keys
from awpo_verl.workbench.preflight.batch_split import check_batch, check_heads, check_lengths
from awpo_verl.workbench.preflight.call_format import check_call_format
from awpo_verl.workbench.preflight.data import check_data
from awpo_verl.workbench.preflight.estimate import (
    GIB,
    GPUS,
    GpuKind,
    estimate_memory,
    estimate_step_time,
    rollouts_at_once,
    trains_adapters,
)
from awpo_verl.workbench.preflight.findings import Finding, error, ok, warning
from awpo_verl.workbench.preflight.gpus import Machine
from awpo_verl.workbench.preflight.model import ModelError, ModelSize, looks_local, read_size
from awpo_verl.workbench.preflight.reward_function import check_reward_function

CHECKPOINT_BYTES = {"model": 4, "optimizer": 8, "hf_model": 2}  # a parameter: fp32 weights, Adam's states, bf16 export


def run_checks(config: Any, machine: Machine, assumed: str) -> list[Finding]:
    """Run all checks of a composed config.

    Args:
        config: verl's config, composed and validated (compose.py).
        machine: this machine (gpus.py).
        assumed: the kind of GPU to estimate for if this machine has none; a key of estimate.GPUS.
    """
    size: ModelSize | None = None

    def model() -> list[Finding]:
        nonlocal size
        findings, size = check_model(config)
        return findings

    findings = _guarded("model", model)
    findings += _guarded("data", lambda: check_data(config))
    findings += _guarded("reward", lambda: check_legacy_keys(config))
    findings += _guarded("reward", lambda: check_reward_function(config))
    findings += _guarded("batch", lambda: check_batch(config))
    findings += _guarded("calls", lambda: check_call_format(config))
    findings += _guarded("packages", lambda: check_packages(config, machine))
    findings += _guarded("gpus", lambda: machine.check_gpus(config))
    if size is not None:
        of_model = size
        findings += _guarded("model", lambda: check_lengths(config, of_model))
        findings += _guarded("model", lambda: check_heads(config, of_model))
        if not machine.on_cpu:
            gpu = machine.gpu or GPUS[assumed]
            kind = assumed if machine.gpu is None else machine.name
            findings += _guarded("memory", lambda: check_memory(config, of_model, gpu, kind))
            findings += _guarded("time", lambda: [estimate_time(config, of_model, gpu)])
    findings += _guarded("output", lambda: check_output(config, size))
    return findings


def _guarded(subject: str, check: Callable[[], list[Finding]]) -> list[Finding]:
    """The findings of a check; a warning if the check itself fails, as with a config that it does not know."""
    try:
        return check()
    except Exception as problem:  # noqa: BLE001  # whatever it is, verl may still run the config
        lines = str(problem).strip().splitlines()
        return [warning(subject, f"not checked: {type(problem).__name__}: {lines[0] if lines else ''}")]


def check_model(config: Any) -> tuple[list[Finding], ModelSize | None]:
    """The model can be loaded. Also returns its size, None if that is unknown."""
    model = config.actor_rollout_ref.model
    try:
        size = read_size(model.path, model.trust_remote_code)
    except ModelError as problem:
        key = "actor_rollout_ref.model.path (MODEL in the recipes)"
        if looks_local(model.path) and problem.missing:
            return [error("model", f"{problem} Set {key}.")], None
        return [warning("model", f"{problem}. Without it nothing is estimated, and verl may not find it: {key}.")], None
    findings = [ok("model", f"{model.path}: {size.params / 1e9:.2f} billion parameters")]
    folder = Path(os.path.expanduser(model.path))
    if folder.is_dir() and not any(folder.glob("*.safetensors")) and not any(folder.glob("*.bin")):
        findings.append(error("model", f"{model.path} has a config and no weights (*.safetensors, *.bin)."))
    return findings, size


def check_legacy_keys(config: Any) -> list[Finding]:
    """The config has no reward keys of earlier versions of verl, which verl accepts and ignores."""
    ignored = legacy_keys.describe_ignored_keys(config)
    return [error("reward", ignored)] if ignored else []


def check_packages(config: Any, machine: Machine) -> list[Finding]:
    """The packages that the config needs are installed."""
    if OmegaConf.is_missing(config.actor_rollout_ref.rollout, "name"):
        return [error("packages", "actor_rollout_ref.rollout.name is not set, and verl has no default. Use vllm.")]
    wanted = {"vllm": "rollouts", "transfer_queue": "verl's v1 trainer"}
    if config.actor_rollout_ref.rollout.name != "vllm":
        del wanted["vllm"]
    model, actor = config.actor_rollout_ref.model, config.actor_rollout_ref.actor
    attention = model.override_config.get("attn_implementation", "flash_attention_2")  # verl's default
    cuda = not machine.on_cpu and config.trainer.device == "cuda"
    if cuda and actor.strategy.startswith("fsdp") and attention == "flash_attention_2" and not _installed("kernels"):
        wanted["flash_attn"] = "attn_implementation=flash_attention_2, verl's default"
    if actor.strategy == "megatron":
        wanted["megatron.core"] = "model_engine=megatron"
        if actor.megatron.use_mbridge:
            bridge = "mbridge" if actor.megatron.vanilla_mbridge else "megatron.bridge"
            wanted[bridge] = "loading HF weights into Megatron"
    missing = [f"{name} ({why})" for name, why in wanted.items() if not _installed(name)]
    if missing:
        hint = "pip install 'awpo_verl[gpu]', or for Megatron verl's own image"
        return [error("packages", f"not installed: {', '.join(missing)}. {hint}.")]
    return [ok("packages", ", ".join(wanted))]


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def check_memory(config: Any, size: ModelSize, gpu: GpuKind, kind: str) -> list[Finding]:
    """The estimated memory fits into a GPU."""
    needs = estimate_memory(config, size)
    rollout = config.actor_rollout_ref.rollout
    vllm = rollout.gpu_memory_utilization * gpu.memory
    at_once = rollouts_at_once(config, needs, gpu.memory)
    available = f"{gpu.memory / GIB:.0f} GiB of {kind}"
    training = (
        f"training needs about {needs.training / GIB:.0f} of the {available} (states {needs.states / GIB:.0f}, "
        f"micro-batch {needs.working / GIB:.0f})"
    )
    generating = (
        f"rollout about {(vllm + needs.resident) / GIB:.0f} (vLLM {vllm / GIB:.0f}, {max(at_once, 0)} rollouts of "
        f"full length at a time, {needs.resident / GIB:.0f} beside it)"
    )
    findings = []
    if needs.training > gpu.memory:
        findings.append(
            warning(
                "memory",
                f"{training}: too much by this estimate. Lower actor.ppo_max_token_len_per_gpu, use more GPUs, or "
                "actor.fsdp_config.offload_policy=True with actor.strategy=fsdp2.",
            )
        )
    if at_once < 1:
        quantized = size.quantized or rollout.get("quantization")
        level = error if needs.rollout_weights > vllm and not quantized else warning
        findings.append(
            level(
                "memory",
                f"vLLM's {vllm / GIB:.0f} GiB do not hold the weights ({needs.rollout_weights / GIB:.0f}) and one "
                "rollout. Raise rollout.gpu_memory_utilization or rollout.tensor_model_parallel_size.",
            )
        )
    elif 0 < needs.kv_tokens(vllm) < (context := rollout.max_model_len or size.max_positions):
        findings.append(
            warning(
                "memory",
                f"vLLM's {vllm / GIB:.0f} GiB hold about {needs.kv_tokens(vllm):,} tokens beside the weights, and it "
                f"does not start if one sequence of {context:,} does not fit. Set rollout.max_model_len to "
                "data.max_prompt_length + data.max_response_length.",
            )
        )
    elif vllm + needs.resident > gpu.memory:
        findings.append(
            warning(
                "memory",
                f"{generating}: too much by this estimate. Lower rollout.gpu_memory_utilization, or offload "
                "(actor.fsdp_config.param_offload=True, optimizer_offload=True).",
            )
        )
    return findings or [ok("memory", f"{training}; {generating}. An estimate")]


def estimate_time(config: Any, size: ModelSize, gpu: GpuKind) -> Finding:
    """The estimated time of a step."""
    time = estimate_step_time(config, size, gpu)
    return ok(
        "time",
        f"a step about {time.total:.0f} s: generation {time.generation:.0f}, old log-probs {time.old_log_probs:.0f}, "
        f"update {time.update:.0f}. A roofline estimate, perhaps off by a factor of 2, without rewards",
    )


def check_output(config: Any, size: ModelSize | None) -> list[Finding]:
    """There is room for the checkpoints. Also says if the run would resume."""
    trainer = config.trainer
    folder = Path(os.path.expanduser(trainer.default_local_dir)).absolute()
    findings = []
    marker = folder / "latest_checkpointed_iteration.txt"
    if trainer.resume_mode == "auto" and marker.exists():
        step = marker.read_text(encoding="utf-8").strip()[:20]
        findings.append(
            warning(
                "output",
                f"{folder} has a checkpoint of step {step}: the run continues from it (trainer.resume_mode=auto).",
            )
        )
    if trainer.save_freq <= 0:
        return [*findings, warning("output", "trainer.save_freq is off: no checkpoint is written.")]
    if size is None:
        return findings
    free = shutil.disk_usage(nearest_existing(folder)).free
    contents = config.actor_rollout_ref.actor.checkpoint.save_contents
    one = sum(CHECKPOINT_BYTES.get(content, 0) for content in contents) * size.params
    if trains_adapters(config.actor_rollout_ref.model):
        one = min(one, 6 * size.params)  # Adam's states cover only the adapter
    kept = trainer.max_actor_ckpt_to_keep
    room = f"a checkpoint has about {one / GIB:.0f} GiB, {folder} has {free / GIB:.0f} GiB free"
    if free < one:
        findings.append(error("output", f"{room}: not enough room."))
    elif free < one * (kept or 0):
        findings.append(warning("output", f"{room}, and {kept} are kept (trainer.max_actor_ckpt_to_keep)."))
    elif not kept:
        findings.append(warning("output", f"{room}, and all are kept. Set trainer.max_actor_ckpt_to_keep."))
    else:
        findings.append(ok("output", f"{room}; {kept} are kept"))
    return findings


def nearest_existing(folder: Path) -> Path:
    """The folder, or the nearest folder above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())
