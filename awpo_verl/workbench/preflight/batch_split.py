"""How a batch is split: into updates, over workers, into micro-batches, vLLMs, attention heads and contexts."""

from __future__ import annotations

from typing import Any

from awpo_verl.workbench.preflight.estimate import (
    all_gpus,
    data_parallel,
    engine_gpus,
    micro_batch_tokens,
    sequence_parallel,
)
from awpo_verl.workbench.preflight.findings import Finding, error, ok, warning
from awpo_verl.workbench.preflight.model import ModelSize

SUBJECT = "batch"


def check_batch(config: Any) -> list[Finding]:
    """The batch can be split as the config says, without padding rows."""
    ranks = _data_parallel(config)
    findings = [
        *_check_updates(config, ranks),
        *_check_engines(config),
        *_check_token_limits(config),
        *_check_fixed_micro_batches(config, ranks),
    ]
    if findings:
        return findings
    prompts, mini = config.data.train_batch_size, config.actor_rollout_ref.actor.ppo_mini_batch_size
    tokens = f", micro-batches of {micro_batch_tokens(config):,} tokens a GPU"
    rollouts = f"{prompts} prompts * {config.actor_rollout_ref.rollout.n} rollouts"
    return [ok(SUBJECT, f"{rollouts}, {prompts // mini} update(s) a step{tokens}")]


def _check_updates(config: Any, ranks: int) -> list[Finding]:
    """A step splits into whole updates, and an update over the data-parallel workers."""
    prompts, mini = config.data.train_batch_size, config.actor_rollout_ref.actor.ppo_mini_batch_size
    n = config.actor_rollout_ref.rollout.n
    findings: list[Finding] = []
    if prompts < mini:
        message = f"data.train_batch_size={prompts} is less than actor.ppo_mini_batch_size={mini} (prompts both)."
        findings.append(error(SUBJECT, message))
    elif prompts % mini:
        findings.append(
            warning(
                SUBJECT,
                f"data.train_batch_size={prompts} is not a multiple of actor.ppo_mini_batch_size={mini}: verl pads the "
                "last update with rows that teach nothing.",
            )
        )
    if mini * n % ranks:
        findings.append(
            error(
                SUBJECT,
                f"an update has {mini} prompts * {n} rollouts = {mini * n} rows, which {ranks} data-parallel workers "
                "cannot share. Make actor.ppo_mini_batch_size * rollout.n a multiple of it.",
            )
        )
    return findings


def _check_engines(config: Any) -> list[Finding]:
    """The GPUs split into whole vLLMs, if training and rollout share them."""
    rollout = config.actor_rollout_ref.rollout
    gpus, engine = all_gpus(config), engine_gpus(rollout)
    shared = config.trainer.v1.trainer_mode != "separate_async" or config.actor_rollout_ref.get("hybrid_engine", True)
    if not shared or gpus % engine == 0:
        return []
    return [
        error(
            SUBJECT,
            f"{gpus} GPUs cannot be split into vLLMs of {engine} (rollout.tensor_model_parallel_size="
            f"{rollout.tensor_model_parallel_size}, times data_parallel_size and pipeline_model_parallel_size).",
        )
    ]


def _check_token_limits(config: Any) -> list[Finding]:
    """A dynamic micro-batch has room for the longest rollout."""
    actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    length = config.data.max_prompt_length + config.data.max_response_length
    limits = {
        "actor.ppo_max_token_len_per_gpu": (actor.ppo_max_token_len_per_gpu, actor.use_dynamic_bsz),
        "rollout.log_prob_max_token_len_per_gpu": (
            rollout.log_prob_max_token_len_per_gpu,
            rollout.log_prob_use_dynamic_bsz,
        ),
    }
    return [
        error(
            SUBJECT,
            f"a rollout may have {length} tokens, and a micro-batch at most {room} ({key}={tokens}): verl stops at the "
            "first longer rollout. Set it to twice the length or more.",
        )
        for key, (tokens, dynamic) in limits.items()
        if dynamic and (room := tokens * sequence_parallel(actor)) < length
    ]


def _check_fixed_micro_batches(config: Any, ranks: int) -> list[Finding]:
    """Micro-batches with a fixed number of rows (use_dynamic_bsz=False): verl stops a run at the first remainder."""
    actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    prompts, mini, n = config.data.train_batch_size, actor.ppo_mini_batch_size, rollout.n
    fixed = []
    if not actor.use_dynamic_bsz:
        fixed.append(("an update", mini * n, "actor.ppo_micro_batch_size_per_gpu", actor.ppo_micro_batch_size_per_gpu))
    if not rollout.log_prob_use_dynamic_bsz and prompts % mini == 0:
        key = "log_prob_micro_batch_size_per_gpu"
        fixed.append(("a step", prompts * n, f"rollout.{key}", rollout[key]))
    return [
        error(
            SUBJECT,
            f"{part} has {rows} rows, {rows // ranks} a data-parallel worker, which cannot be split into micro-batches "
            f"of {micro} ({key}). Make it a divisor, or set use_dynamic_bsz=True.",
        )
        for part, rows, key, micro in fixed
        if micro and rows % ranks == 0 and rows // ranks % micro
    ]


def _data_parallel(config: Any) -> int:
    """Workers that share an update's rows."""
    actor, gpus = config.actor_rollout_ref.actor, all_gpus(config)
    if actor.strategy == "megatron":
        return 1 if actor.megatron.dynamic_context_parallel else data_parallel(actor, gpus)
    if not actor.strategy.startswith("fsdp"):
        return 1  # torchtitan and veomni have keys of their own
    return max(1, gpus // sequence_parallel(actor))


def check_heads(config: Any, size: ModelSize) -> list[Finding]:
    """Tensor and sequence parallelism divide the attention heads."""
    parallel = config.actor_rollout_ref.rollout.tensor_model_parallel_size
    actor = config.actor_rollout_ref.actor
    sequence = sequence_parallel(actor) if actor.strategy.startswith("fsdp") else 1
    findings = []
    if size.heads % parallel:
        findings.append(
            error("model", f"rollout.tensor_model_parallel_size={parallel} does not divide its {size.heads} heads.")
        )
    if size.heads % sequence:
        findings.append(
            error(
                "model",
                f"actor.fsdp_config.ulysses_sequence_parallel_size={sequence} does not divide its {size.heads} heads.",
            )
        )
    return findings


def check_lengths(config: Any, size: ModelSize) -> list[Finding]:
    """The model's context holds a prompt and a response."""
    length = config.data.max_prompt_length + config.data.max_response_length
    changed = config.actor_rollout_ref.model.override_config
    context = changed.get("max_position_embeddings", (changed.get("model_config") or {}).get("max_position_embeddings"))
    context = context or size.max_positions
    limit = config.actor_rollout_ref.rollout.max_model_len
    if limit and 0 < context < limit:
        message = (
            f"its context is {context} tokens, less than rollout.max_model_len={limit}: verl refuses to start vLLM."
        )
        return [error("model", message)]
    context = min((known for known in (limit, context) if known), default=0)  # 0: unknown
    if 0 < context < length:
        length_message = (
            f"vLLM's context is {context} tokens, and data.max_prompt_length + data.max_response_length is {length}"
        )
        if context <= config.data.max_prompt_length:
            return [error("model", f"{length_message}: a long prompt leaves no room for a response, where verl stops.")]
        return [warning("model", f"{length_message}: a response to a long prompt is cut off before its limit.")]
    return []
