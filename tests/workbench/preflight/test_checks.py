"""What is said before a launch, and of what."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from awpo_verl.workbench.preflight import checks
from awpo_verl.workbench.preflight.compose import ComposeError, compose_config
from awpo_verl.workbench.preflight.findings import Finding
from tests.workbench.preflight.conftest import AT, EIGHT, of


def test_a_good_config_has_no_warnings(said: Callable[..., Any]) -> None:
    findings = said()
    assert of(findings, "error") == []
    assert of(findings, "warning") == []
    assert [what for _, what, _ in findings] == [
        "model",
        "data",
        "batch",
        "packages",
        "gpus",
        "memory",
        "time",
        "output",
    ]
    text = "\n".join(of(findings, "ok"))
    assert "4.02 billion parameters" in text
    assert "300 training rows: 2 steps an epoch, 10 in all" in text
    assert "128 prompts * 8 rollouts, 4 update(s) a step" in text


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ([f"{AT}.model.path=/nowhere"], "model: /nowhere is not a folder"),
        (
            ["data.train_files=/nowhere.parquet"],
            "data: data.train_files=/nowhere.parquet does not exist. `awpo-verl prepare`",
        ),
        (["data.train_batch_size=320"], "data: data.train_files have 300 rows, fewer than data.train_batch_size=320"),
        (["data.train_batch_size=16"], "batch: data.train_batch_size=16 is less than actor.ppo_mini_batch_size=32"),
        (
            [f"{AT}.actor.ppo_mini_batch_size=3", f"{AT}.rollout.n=5"],
            "batch: an update has 3 prompts * 5 rollouts = 15 rows",
        ),
        ([f"{AT}.rollout.tensor_model_parallel_size=3"], "batch: 8 GPUs cannot be split into vLLMs of"),
        (
            [f"{AT}.actor.ppo_max_token_len_per_gpu=8000"],
            "batch: a rollout may have 8192 tokens, and a micro-batch at most 8000 (actor.ppo_max_token_len_per_gpu",
        ),
        (
            [f"{AT}.actor.fsdp_config.ulysses_sequence_parallel_size=3"],
            "actor.fsdp_config.ulysses_sequence_parallel_size=3 does not divide",
        ),
        ([f"{AT}.rollout.max_model_len=50000"], "model: its context is 40960 tokens, less than rollout.max_model_len"),
        (["data.max_prompt_length=40960"], "a long prompt leaves no room for a response"),
        ([f"{AT}.rollout.pipeline_model_parallel_size=3"], "batch: 8 GPUs cannot be split into vLLMs of 3"),
        (
            [f"{AT}.actor.ppo_max_token_len_per_gpu=9000", f"{AT}.rollout.log_prob_max_token_len_per_gpu=8000"],
            "a micro-batch at most 8000 (rollout.log_prob_max_token_len_per_gpu=8000)",
        ),
        (
            [
                f"{AT}.actor.use_dynamic_bsz=False",
                f"{AT}.actor.ppo_micro_batch_size_per_gpu=48",
                f"{AT}.rollout.log_prob_micro_batch_size_per_gpu=8",
            ],
            "256 rows, 32 a data-parallel worker, which cannot be split into micro-batches of 48 (actor.ppo_micro",
        ),
        (
            [f"{AT}.rollout.log_prob_use_dynamic_bsz=False", f"{AT}.rollout.log_prob_micro_batch_size_per_gpu=48"],
            "cannot be split into micro-batches of 48 (rollout.log_prob_micro_batch_size_per_gpu)",
        ),
        (["data.train_max_samples=100"], "data: data.train_files have 100 rows, fewer than"),
        (["trainer.nnodes=2"], "gpus: trainer.nnodes=2, and neither RAY_ADDRESS nor ray_kwargs.ray_init.address"),
        (
            [f"{AT}.rollout.multi_turn.enable=True", f"{AT}.rollout.multi_turn.tool_config_path=/nowhere.yaml"],
            "data: rollout.multi_turn.tool_config_path=/nowhere.yaml does not exist (TOOLS in the recipes)",
        ),
        (["trainer.n_gpus_per_node=16"], "gpus: the run asks for 16 GPUs, this machine has 8"),
        (
            [f"{AT}.rollout.gpu_memory_utilization=0.1"],
            "memory: vLLM's 7 GiB do not hold the weights (7) and one rollout",
        ),
    ],
)
def test_settings_that_would_fail_are_errors_with_a_remedy(
    said: Callable[..., Any], keys: list[str], expected: str
) -> None:
    errors = of(said(*keys), "error")
    assert any(expected in error for error in errors), errors


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            ["data.train_batch_size=120"],
            "batch: data.train_batch_size=120 is not a multiple of actor.ppo_mini_batch_size=32",
        ),
        (
            ["data.filter_overlong_prompts=False"],
            "data: a prompt of more than data.max_prompt_length=4096 tokens stops",
        ),
        (
            [f"{AT}.actor.ppo_max_token_len_per_gpu=65536"],
            "too much by this estimate. Lower actor.ppo_max_token_len_per_gpu",
        ),
        (
            [f"{AT}.rollout.gpu_memory_utilization=0.95"],
            "too much by this estimate. Lower rollout.gpu_memory_utilization",
        ),
        (["trainer.save_freq=-1"], "output: trainer.save_freq is off: no checkpoint is written"),
        # vLLM cuts a response off at its context, and asks for a cache of one sequence of it
        (
            [
                "data.max_response_length=40000",
                f"{AT}.actor.ppo_max_token_len_per_gpu=50000",
                f"{AT}.rollout.gpu_memory_utilization=0.3",
            ],
            "model: vLLM's context is 40960 tokens, and data.max_prompt_length + ",
        ),
        (
            [f"{AT}.rollout.gpu_memory_utilization=0.18"],
            "does not start if one sequence of 40,960 does not fit. Set rollout.max_model_len to",
        ),
    ],
)
def test_doubtful_settings_are_warnings(said: Callable[..., Any], keys: list[str], expected: str) -> None:
    findings = said(*keys)
    assert of(findings, "error") == []
    assert any(expected in warning for warning in of(findings, "warning")), findings


def test_a_model_without_weights_and_a_run_that_would_resume(
    said: Callable[..., Any], qwen4b: Path, tmp_path: Path
) -> None:
    (qwen4b / "model.safetensors").unlink()
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "latest_checkpointed_iteration.txt").write_text("40")
    findings = said()
    assert of(findings, "error") == [f"model: {qwen4b} has a config and no weights (*.safetensors, *.bin)."]
    assert "has a checkpoint of step 40: the run continues from it" in of(findings, "warning")[0]


def test_a_disk_without_room_for_one_checkpoint(said: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    usage = checks.shutil.disk_usage("/")
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda path: usage._replace(free=10**9))
    (error,) = of(said(), "error")
    assert "a checkpoint has about 45 GiB" in error
    assert "not enough room" in error


def test_a_missing_package_is_named_with_its_reason(
    composed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_installed", lambda name: name not in ("flash_attn", "megatron.core"))
    (finding,) = checks.check_packages(composed("model_engine=megatron"), EIGHT)
    assert "not installed: megatron.core (model_engine=megatron). " in finding.message  # it has its own attention
    (finding,) = checks.check_packages(composed(), EIGHT)
    assert "not installed: vllm" not in finding.message
    assert finding.level == "ok"  # `kernels` serves flash attention, too
    monkeypatch.setattr(checks, "_installed", lambda name: name not in ("flash_attn", "kernels", "mbridge"))
    (finding,) = checks.check_packages(composed(), EIGHT)
    assert "flash_attn (attn_implementation=flash_attention_2, verl's default)" in finding.message
    (finding,) = checks.check_packages(composed(f"+{AT}.model.override_config.attn_implementation=sdpa"), EIGHT)
    assert finding.level == "ok"
    (finding,) = checks.check_packages(composed("model_engine=megatron"), EIGHT)
    assert finding == Finding("ok", "packages", "vllm, transfer_queue, megatron.core, megatron.bridge")
    (finding,) = checks.check_packages(
        composed("model_engine=megatron", f"{AT}.actor.megatron.vanilla_mbridge=True"), EIGHT
    )
    assert "not installed: mbridge (" in finding.message
    (finding,) = checks.check_packages(composed(), dataclasses.replace(EIGHT, on_cpu=True))
    assert finding.level == "ok"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["algorithm.awpo.gate.knd=hard"], "knd'. The keys and their defaults: .*gate.kind=variance_ratio"),
        (["algorithm.awpo.gate.value=7"], "algorithm.awpo.gate.value"),
        (["algorithm.use_kl_in_reward=True"], "use_kl_in_reward=True does not go with"),
        ([f"{AT}.rollout.nam=vllm"], r"actor_rollout_ref\.rollout\.nam"),
        ([f"{AT}.rollout.n=eight"], "a value of another type than verl takes: .*'str' and 'int'"),
    ],
)
def test_refusals_of_verl_and_awpo_keep_their_messages(
    composed: Callable[..., Any], keys: list[str], expected: str
) -> None:
    with pytest.raises(ComposeError, match=expected):
        composed(*keys)


def test_composing_says_what_awpo_implies_and_leaves_hydra_as_it_was(composed: Callable[..., Any]) -> None:
    from hydra.core.hydra_config import HydraConfig

    composed()
    assert not HydraConfig.initialized()
    said = compose_config(
        ["algorithm.adv_estimator=awpo", f"{AT}.rollout.name=vllm", f"{AT}.actor.use_dynamic_bsz=True"]
    ).remarks
    assert "implied         actor_rollout_ref.actor.policy_loss.loss_mode=awpo (was vanilla, verl's default)" in said
    chosen = compose_config(
        [
            *("algorithm.adv_estimator=awpo", f"{AT}.rollout.name=vllm", f"{AT}.actor.use_dynamic_bsz=True"),
            f"{AT}.actor.policy_loss.loss_mode=vanilla",
        ]
    )
    assert "left alone      actor_rollout_ref.actor.policy_loss.loss_mode=vanilla: your choice" in chosen.remarks
    assert chosen.config[AT].actor.policy_loss.loss_mode == "vanilla"


def test_a_judges_extra_body_takes_any_keys(composed: Callable[..., Any]) -> None:
    body = "{chat_template_kwargs: {enable_thinking: false}, max_tokens: 512}"
    judge = ("algorithm.awpo.reasoning_source=judge", "algorithm.awpo.judge.base_url=http://j/v1")
    config = composed(*judge, "algorithm.awpo.judge.model=m", f"algorithm.awpo.judge.extra_body={body}")
    assert config.algorithm.awpo.judge.extra_body == {
        "chat_template_kwargs": {"enable_thinking": False},
        "max_tokens": 512,
    }


@pytest.mark.parametrize(
    "keys",
    [
        # verl's key for Ulysses: 4 data-parallel ranks, micro-batches of twice the tokens
        [f"{AT}.actor.fsdp_config.ulysses_sequence_parallel_size=2", f"{AT}.actor.ppo_max_token_len_per_gpu=4096"],
        [f"{AT}.actor.fsdp_config.ulysses_sequence_parallel_size=8", f"{AT}.actor.ppo_mini_batch_size=1"],
        # Megatron's context parallelism
        [
            "model_engine=megatron",
            f"{AT}.actor.megatron.context_parallel_size=2",
            f"{AT}.actor.ppo_max_token_len_per_gpu=4096",
        ],
        ["model_engine=veomni"],
        [f"{AT}.model.path=hdfs://there/model"],
        ["data.train_files=hdfs://there/train.parquet"],
        # 1 TB is free: one checkpoint fits, not all that are kept
        ["trainer.max_actor_ckpt_to_keep=100"],
        [f"{AT}.rollout.gpu_memory_utilization=0.08", f"{AT}.rollout.quantization=fp8"],
        # the limit is of micro-batches by tokens, and these are by rows
        [f"{AT}.rollout.log_prob_use_dynamic_bsz=False", f"{AT}.rollout.log_prob_max_token_len_per_gpu=100"],
    ],
)
def test_configs_that_verl_runs_have_no_errors(said: Callable[..., Any], keys: list[str]) -> None:
    assert of(said(*keys), "error") == []


def test_a_model_of_unknown_size_is_a_warning(said: Callable[..., Any], qwen4b: Path) -> None:
    (qwen4b / "config.json").write_text('{"model_type": "clip"}')  # no language model
    findings = said()
    assert of(findings, "error") == []
    assert "cannot be computed" in of(findings, "warning")[0]
    (qwen4b / "own_config.py").write_text("import a_package_that_is_not_here\n")
    own = {"model_type": "own", "auto_map": {"AutoConfig": "own_config.Own"}}
    (qwen4b / "config.json").write_text(json.dumps(own))
    findings = said(f"{AT}.model.trust_remote_code=True")
    assert of(findings, "error") == []
    assert "cannot be read here" in of(findings, "warning")[0]


def test_a_check_that_raises_is_a_warning(said: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: Any) -> None:
        raise KeyError("a key of tomorrow")

    monkeypatch.setattr(checks, "check_batch", broken)
    findings = said()
    assert of(findings, "error") == []
    assert of(findings, "warning") == ["batch: not checked: KeyError: 'a key of tomorrow'"]

    monkeypatch.setattr(checks, "read_size", broken)
    findings = said()
    assert of(findings, "error") == []
    assert "model: not checked: KeyError: 'a key of tomorrow'" in of(findings, "warning")
