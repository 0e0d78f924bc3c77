"""Estimate the memory of each GPU and the time of a step from a run's config. These are formulas, not measurements.

Memory, in bytes a GPU, for FSDP (P parameters, W GPUs that share them):

    training states   P / W * (4 weights + 4 gradients + 8 Adam): verl keeps fp32 master weights
    gathered          2 * 2 bytes of the largest block: bf16, and the next one in flight
    activations       2 bytes * layers * hidden a token, kept at checkpoints, and those within one layer (without
                      checkpoints: within all layers)
    logits            3 copies in bf16 of tokens * vocab: logits, gradient, softmax; none with fused kernels
    rest              4 GiB: CUDA, NCCL, fragments

For Megatron the same with P / (tensor * pipeline) parameters: 2 weights + 4 gradients, and 12 for the optimizer, which
the data-parallel ranks share. During rollout a GPU holds vLLM (its share is gpu_memory_utilization), and the weights
and optimizer states that are not offloaded.

Time, by the roofline: 8 A FLOP a token for the update (forward, again for checkpoints, backward) and 2 A for the old
log-probs, at 40 % of the peak. A is the number of parameters that a token visits: P, less the unused experts. Decoding
reads the weights and the cache of all running rollouts once a token, at 60 % of the bandwidth: once for each token of
the longest response, and more often if rollouts have to wait for others. Prompts and responses are assumed to have half
their limit. Expect errors of a factor of 1.5 in the small terms of memory, and of 2 in time.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from awpo_verl.workbench.preflight.model import ModelSize

GIB = 2**30
REST = 4 * GIB
MFU, BANDWIDTH_SHARE, LENGTH_SHARE = 0.4, 0.6, 0.5


@dataclass(frozen=True)
class GpuKind:
    """A kind of GPU: memory in bytes, dense bf16 FLOP/s, memory bandwidth in bytes/s (the makers' data sheets)."""

    memory: float
    flops: float
    bandwidth: float


GPUS = {
    "a100": GpuKind(80e9, 312e12, 2.04e12),
    "h20": GpuKind(96e9, 148e12, 4.0e12),
    "h100": GpuKind(80e9, 989e12, 3.35e12),
    "h200": GpuKind(141e9, 989e12, 4.8e12),
    "b200": GpuKind(180e9, 2250e12, 8.0e12),
}


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes per GPU.

    Attributes:
        states: weights, gradients and optimizer states in training.
        working: gathered blocks, activations, logits, the rest.
        resident: what stays beside vLLM during rollout.
        rollout_weights: vLLM's weights.
        kv_per_rollout: keys and values of a rollout of full length, in one vLLM's share of a GPU.
        kv_per_token: keys and values of one token, in that share.
    """

    states: float
    working: float
    resident: float
    rollout_weights: float
    kv_per_rollout: float
    kv_per_token: float

    @property
    def training(self) -> float:
        """Bytes in training."""
        return self.states + self.working

    def kv_tokens(self, vllm: float) -> int:
        """Tokens whose keys and values fit into a vLLM of `vllm` bytes per GPU, beside its weights."""
        return int((vllm - self.rollout_weights - REST / 2) // self.kv_per_token)


@dataclass(frozen=True)
class StepTime:
    """Seconds of one step, by the roofline."""

    generation: float
    old_log_probs: float
    update: float

    @property
    def total(self) -> float:
        return self.generation + self.old_log_probs + self.update


def all_gpus(config: Any) -> int:
    """GPUs of the trainer."""
    return config.trainer.n_gpus_per_node * config.trainer.nnodes


def engine_gpus(rollout: Any) -> int:
    """GPUs of one vLLM engine."""
    return rollout.tensor_model_parallel_size * rollout.data_parallel_size * rollout.pipeline_model_parallel_size


def data_parallel(actor: Any, gpus: int) -> int:
    """Workers that share an update's rows in the Megatron engine."""
    model_parallel = actor.megatron.tensor_model_parallel_size * actor.megatron.pipeline_model_parallel_size
    return max(1, gpus // (model_parallel * actor.megatron.context_parallel_size))


def trains_adapters(model: Any) -> bool:
    """Whether the run trains LoRA adapters, by verl's key for FSDP or for Megatron."""
    return model.get("lora_rank", 0) > 0 or (model.get("lora") or {}).get("rank", 0) > 0


def estimate_memory(config: Any, size: ModelSize) -> MemoryEstimate:
    """The memory that `config` (verl's, composed) needs on each GPU for a model of this size."""
    actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    stages = rollout.pipeline_model_parallel_size
    shares = rollout.tensor_model_parallel_size * stages
    experts = rollout.expert_parallel_size > 1  # over all GPUs of an engine, data parallelism included
    kv = size.kv_bytes_per_token / (min(rollout.tensor_model_parallel_size, size.kv_heads) * stages)
    weights, gradients, optimizer, offloaded = _states(config, size.params)
    length = config.data.max_prompt_length + config.data.max_response_length
    return MemoryEstimate(
        states=weights + gradients + optimizer,
        working=_working(config, actor, size),
        resident=(0 if offloaded.params else weights) + (0 if offloaded.optimizer else optimizer) + REST,
        rollout_weights=2 * size.params / (shares * (rollout.data_parallel_size if experts else 1)),
        kv_per_rollout=length * kv,
        kv_per_token=kv,
    )


def rollouts_at_once(config: Any, needs: MemoryEstimate, gpu_memory: float) -> int:
    """Rollouts of full length whose keys and values fit into one vLLM; negative if its weights do not fit."""
    rollout = config.actor_rollout_ref.rollout
    room = rollout.gpu_memory_utilization * gpu_memory - needs.rollout_weights - REST / 2
    return int(room // needs.kv_per_rollout)


def estimate_step_time(config: Any, size: ModelSize, gpu: GpuKind) -> StepTime:
    """The time of a step on GPUs of this kind."""
    rollout, data, gpus = config.actor_rollout_ref.rollout, config.data, all_gpus(config)
    rows = data.train_batch_size * rollout.n
    length = LENGTH_SHARE * (data.max_prompt_length + data.max_response_length)
    needs = estimate_memory(config, size)
    per_engine = ceil(rows / max(1, gpus // engine_gpus(rollout)))
    room = rollouts_at_once(config, needs, gpu.memory) / LENGTH_SHARE
    running = max(1, min(rollout.max_num_seqs, per_engine, int(room)))
    cache = running * length * needs.kv_per_token
    waiting = max(0.0, per_engine / running - 1)
    tokens = data.max_response_length * (1 + waiting * LENGTH_SHARE)
    trained = rows * length * config.actor_rollout_ref.actor.ppo_epochs
    return StepTime(
        generation=tokens * (needs.rollout_weights + cache) / (gpu.bandwidth * BANDWIDTH_SHARE),
        old_log_probs=2 * size.active * rows * length / (gpus * gpu.flops * MFU),
        update=8 * size.active * trained / (gpus * gpu.flops * MFU),
    )


@dataclass(frozen=True)
class _Offloaded:
    params: bool
    optimizer: bool


def _states(config: Any, params: int) -> tuple[float, float, float, _Offloaded]:
    """Bytes of weights, gradients and optimizer states on one GPU, and which of them verl moves to the host."""
    actor = config.actor_rollout_ref.actor
    gpus = all_gpus(config)
    trained = 0 if trains_adapters(config.actor_rollout_ref.model) else 1  # adapters are small
    if actor.strategy == "megatron":
        engine = actor.megatron
        share = params / (engine.tensor_model_parallel_size * engine.pipeline_model_parallel_size)
        states = trained * 12 * share / (data_parallel(actor, gpus) if engine.use_distributed_optimizer else 1)
        return 2 * share, trained * 4 * share, states, _Offloaded(engine.param_offload, engine.optimizer_offload)
    engine = actor.fsdp_config
    share = params / (engine.fsdp_size if 0 < engine.fsdp_size < gpus else gpus)
    weights = (4 if engine.model_dtype in ("fp32", "float32") else 2) * share
    if engine.offload_policy and actor.strategy == "fsdp2":
        return 0.0, 0.0, 0.0, _Offloaded(True, True)
    return weights, trained * 4 * share, trained * 8 * share, _Offloaded(engine.param_offload, engine.optimizer_offload)


def _working(config: Any, actor: Any, size: ModelSize) -> float:
    """Bytes that a micro-batch needs on top of the states."""
    model = config.actor_rollout_ref.model
    tensor_parallel = actor.megatron.tensor_model_parallel_size if actor.strategy == "megatron" else 1
    tokens = micro_batch_tokens(config)
    embedding = size.vocab * size.hidden
    largest = max(embedding, (size.params - embedding) // size.layers)
    layer = tokens * (8 * size.hidden + 4 * size.intermediate) * 2
    kept = tokens * size.hidden * 2 * size.layers
    activations = kept + layer if model.enable_gradient_checkpointing else layer * size.layers
    logits = 0 if model.use_fused_kernels else 3 * 2 * tokens * size.vocab
    gathered = 0 if actor.strategy == "megatron" else 2 * 2 * largest
    return gathered + (activations + logits) / tensor_parallel + REST


def micro_batch_tokens(config: Any) -> int:
    """Tokens that one GPU holds at a time in the update."""
    actor = config.actor_rollout_ref.actor
    length = config.data.max_prompt_length + config.data.max_response_length
    if actor.use_dynamic_bsz:
        return max(actor.ppo_max_token_len_per_gpu, length // sequence_parallel(actor))
    rows = actor.ppo_micro_batch_size_per_gpu or 1
    return rows * length // sequence_parallel(actor)


def sequence_parallel(actor: Any) -> int:
    """GPUs that share a sequence: Ulysses (verl's new or deprecated key), or context parallelism."""
    if actor.strategy == "megatron":
        return actor.megatron.context_parallel_size
    if not actor.strategy.startswith("fsdp"):
        engine = actor.get(actor.strategy) or {}
        return engine.get("ulysses_parallel_size") or engine.get("context_parallel_size") or 1
    old = actor.get("ulysses_sequence_parallel_size", 1)
    return old if old > 1 else actor.fsdp_config.ulysses_sequence_parallel_size
