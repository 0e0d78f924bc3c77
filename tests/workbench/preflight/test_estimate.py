"""The estimates, by hand for Qwen3-4B."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from awpo_verl.workbench.preflight.estimate import (
    GPUS,
    REST,
    estimate_memory,
    estimate_step_time,
    micro_batch_tokens,
    rollouts_at_once,
)
from awpo_verl.workbench.preflight.model import ModelError, ModelSize, read_size

PARAMS = 4_022_468_096  # as its model card has it: 4.0B, 3.6B without the embedding
NO_EMBEDDING = PARAMS - 151936 * 2560


def test_the_size_of_a_model_comes_only_from_its_config(qwen4b: Path) -> None:
    size = read_size(str(qwen4b))
    # a layer: q 2560*4096, k and v 2560*1024 each, o 4096*2560, three of 2560*9728, norms 2*2560 + 2*128
    layer = 2560 * (4096 + 1024 + 1024 + 4096) + 3 * 2560 * 9728 + 2 * 2560 + 2 * 128
    assert size.params == PARAMS == 36 * layer + 2560 + 151936 * 2560
    assert size == ModelSize(PARAMS, PARAMS, 36, 2560, 9728, 151936, 32, 8, 128, 40960)
    assert size.kv_bytes_per_token == 2 * 36 * 8 * 128 * 2 == 147_456


def test_fsdp_shares_sixteen_bytes_a_parameter(composed: Callable[..., Any], qwen4b: Path) -> None:
    size = read_size(str(qwen4b))
    needs = estimate_memory(composed(), size)
    assert needs.states == pytest.approx(16 * PARAMS / 8)
    assert needs.resident == pytest.approx(12 * PARAMS / 8 + REST)  # weights and Adam stay, gradients go
    assert needs.rollout_weights == 2 * PARAMS
    assert needs.kv_per_rollout == 8192 * 147_456
    # 16,384 tokens: the embedding is the largest block; checkpoints, a layer's own, three copies of the logits
    tokens = 16384
    working = 2 * 2 * 151936 * 2560 + tokens * 2560 * 2 * 36 + tokens * (8 * 2560 + 4 * 9728) * 2 + 6 * tokens * 151936
    assert needs.working == pytest.approx(working + REST)
    assert needs.training == needs.states + needs.working


@pytest.mark.parametrize(
    ("keys", "resident"),
    [
        (["actor_rollout_ref.actor.fsdp_config.param_offload=True"], 8 * PARAMS / 8),
        (["actor_rollout_ref.actor.fsdp_config.optimizer_offload=True"], 4 * PARAMS / 8),
        (["actor_rollout_ref.actor.fsdp_config.offload_policy=True", "actor_rollout_ref.actor.strategy=fsdp2"], 0),
        (["actor_rollout_ref.actor.fsdp_config.fsdp_size=4"], 12 * PARAMS / 4),
        (["trainer.nnodes=8"], 12 * PARAMS / 64),
    ],
)
def test_offloaded_or_further_shared_states_do_not_stay_beside_vllm(
    composed: Callable[..., Any], qwen4b: Path, keys: list[str], resident: float
) -> None:
    assert estimate_memory(composed(*keys), read_size(str(qwen4b))).resident == pytest.approx(resident + REST)


def test_megatron_shares_the_optimizer_over_data_parallel_ranks(composed: Callable[..., Any], qwen4b: Path) -> None:
    at = "actor_rollout_ref.actor.megatron"
    config = composed("model_engine=megatron", f"{at}.tensor_model_parallel_size=2")
    # of half the parameters: 2 weights, 4 gradients, and 12 of the optimizer over 4 ranks
    assert estimate_memory(config, read_size(str(qwen4b))).states == pytest.approx(PARAMS / 2 * (2 + 4 + 12 / 4))


@pytest.mark.parametrize(
    ("keys", "adapters", "states"),
    [([], {"lora_rank": 8}, 4 * PARAMS / 8), (["model_engine=megatron"], {"lora": {"rank": 8}}, 2 * PARAMS)],
)
def test_adapters_leave_the_weights_alone(
    composed: Callable[..., Any], qwen4b: Path, keys: list[str], adapters: dict[str, Any], states: float
) -> None:
    config = composed(*keys)
    config.actor_rollout_ref.model.merge_with(adapters)  # not on the command line: verl asks for a GPU's vLLM then
    assert estimate_memory(config, read_size(str(qwen4b))).states == pytest.approx(states)


def test_fused_kernels_keep_no_logits_and_without_checkpoints_all_layers_stay(
    composed: Callable[..., Any], qwen4b: Path
) -> None:
    size = read_size(str(qwen4b))
    plain = estimate_memory(composed(), size).working
    fused = estimate_memory(composed("actor_rollout_ref.model.use_fused_kernels=True"), size).working
    assert plain - fused == pytest.approx(6 * 16384 * 151936)
    kept = estimate_memory(composed("actor_rollout_ref.model.enable_gradient_checkpointing=False"), size).working
    assert kept - plain == pytest.approx(16384 * ((8 * 2560 + 4 * 9728) * 2 * 35 - 2560 * 2 * 36))


def test_tokens_of_a_micro_batch(composed: Callable[..., Any]) -> None:
    assert micro_batch_tokens(composed()) == 16384
    keys = (
        "actor_rollout_ref.actor.use_dynamic_bsz=False",
        "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=4",
    )
    rows = composed(*keys, "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=4")
    assert micro_batch_tokens(rows) == 4 * 8192


def test_rollouts_that_fit_into_a_vllm(composed: Callable[..., Any], qwen4b: Path) -> None:
    size = read_size(str(qwen4b))
    config = composed()
    # 0.6 * 80e9 - 2 * 4.02e9 - 2 GiB = 37.8e9, over 1.208e9 a rollout
    assert rollouts_at_once(config, estimate_memory(config, size), 80e9) == 31
    assert rollouts_at_once(config, estimate_memory(config, size), 12e9) < 0  # not even the weights


def test_the_time_of_a_step_by_the_roofline(composed: Callable[..., Any], qwen4b: Path) -> None:
    time = estimate_step_time(composed(), read_size(str(qwen4b)), GPUS["h100"])
    trained = 128 * 8 * 4096  # tokens: half of 8192 each
    assert time.update == pytest.approx(8 * PARAMS * trained / (8 * 989e12 * 0.4))
    assert time.old_log_probs == pytest.approx(time.update / 4)
    # 128 rollouts a vLLM, 62 at a time: the longest takes 4096 tokens, those that waited half of that a wave
    tokens = 4096 * (1 + (128 / 62 - 1) / 2)
    read = 2 * PARAMS + 62 * 4096 * 147_456
    assert time.generation == pytest.approx(tokens * read / (3.35e12 * 0.6))
    assert time.total == time.generation + time.old_log_probs + time.update


def test_a_missing_model_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match=r"/nowhere is not a folder\. Give a folder with a model, or a hub id"):
        read_size("/nowhere")
    with pytest.raises(ModelError, match=r"has no config\.json"):
        read_size(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot be loaded"):
        read_size(str(tmp_path))


def test_more_gpus_than_key_value_heads_share_no_more_cache(composed: Callable[..., Any], qwen4b: Path) -> None:
    """vLLM copies the 8 heads of Qwen3-4B on the GPUs beyond 8."""
    keys = ("trainer.nnodes=2", "actor_rollout_ref.rollout.tensor_model_parallel_size=16")
    needs = estimate_memory(composed(*keys), read_size(str(qwen4b)))
    assert needs.kv_per_token == 147_456 / 8
    assert needs.rollout_weights == 2 * PARAMS / 16
    # 2 GiB of REST aside: (10e9 - weights) / a token's
    assert needs.kv_tokens(10e9) == int((10e9 - needs.rollout_weights - REST / 2) // (147_456 / 8))


def test_a_token_visits_few_experts_and_a_gpu_gathers_all(composed: Callable[..., Any], tmp_path: Path) -> None:
    """Qwen3-30B-A3B: 30.5 billion parameters, of which 3.3 billion a token."""
    from tests.workbench.preflight.conftest import QWEN3_4B

    config = QWEN3_4B | {
        "architectures": ["Qwen3MoeForCausalLM"],
        "model_type": "qwen3_moe",
        "hidden_size": 2048,
        "intermediate_size": 6144,
        "moe_intermediate_size": 768,
        "num_hidden_layers": 48,
        "num_key_value_heads": 4,
        "num_experts": 128,
        "num_experts_per_tok": 8,
        "tie_word_embeddings": False,
    }
    (tmp_path / "moe").mkdir()
    (tmp_path / "moe" / "config.json").write_text(json.dumps(config))
    size = read_size(str(tmp_path / "moe"))
    assert size.params / 1e9 == pytest.approx(30.5, abs=0.05)
    assert size.active / 1e9 == pytest.approx(3.3, abs=0.06)
    update = 8 * size.active * 0.5 * 8192 * composed().data.train_batch_size * composed().actor_rollout_ref.rollout.n
    time = estimate_step_time(composed(), size, GPUS["h100"])
    assert time.update == pytest.approx(update / (8 * 989e12 * 0.4))
    # a layer has all of its experts
    assert estimate_memory(composed(), size).working > 2 * 2 * 128 * 3 * 2048 * 768


def test_a_cache_shared_by_more_gpus_than_heads_is_copied(composed: Callable[..., Any], qwen4b: Path) -> None:
    size = read_size(str(qwen4b))  # 8 heads of keys and values
    keys = ("trainer.n_gpus_per_node=16", "actor_rollout_ref.rollout.tensor_model_parallel_size=16")
    assert estimate_memory(composed(*keys), size).kv_per_token == size.kv_bytes_per_token / 8
