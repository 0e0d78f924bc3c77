"""Models without weights, data, and verl's config of a recipe, composed without starting anything."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from awpo_verl.workbench.preflight import checks
from awpo_verl.workbench.preflight.gpus import Machine

QWEN3_4B = {
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "hidden_size": 2560,
    "intermediate_size": 9728,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151936,
    "max_position_embeddings": 40960,
    "tie_word_embeddings": True,
}

EIGHT = Machine(8, "NVIDIA H100 80GB HBM3", int(80e9), int(79e9), on_cpu=False)
AT = "actor_rollout_ref"


@pytest.fixture
def qwen4b(tmp_path: Path) -> Path:
    """A folder with the config of Qwen3-4B, and a file that passes for its weights."""
    folder = tmp_path / "qwen4b"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(QWEN3_4B))
    (folder / "model.safetensors").write_bytes(b"")
    return folder


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """300 rows of training data."""
    return write_rows(tmp_path / "prompts.parquet", 300)


def write_rows(path: Path, count: int, ground_truth: str = '{"tool_calls": []}') -> Path:
    row = {
        "data_source": "tools",
        "prompt": [{"role": "user", "content": "?"}],
        "reward_model": {"style": "rule", "ground_truth": ground_truth},
    }
    pq.write_table(pa.Table.from_pylist([row] * count), path)
    return path


@pytest.fixture
def composed(qwen4b: Path, prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """verl's config for 8 GPUs and these files, with further keys."""
    from awpo_verl.workbench.preflight.compose import compose_config

    monkeypatch.delenv("VERL_PLATFORM", raising=False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("awpo_verl.workbench.preflight.gpus.running_cluster", lambda: "")

    def make(*keys: str) -> Any:
        return compose_config(
            [
                "algorithm.adv_estimator=awpo",
                f"data.train_files={prompts}",
                f"data.val_files={prompts}",
                "data.train_batch_size=128",
                "data.max_prompt_length=4096",
                "data.max_response_length=4096",
                "data.filter_overlong_prompts=True",
                f"actor_rollout_ref.model.path={qwen4b}",
                "actor_rollout_ref.actor.ppo_mini_batch_size=32",
                "actor_rollout_ref.actor.use_dynamic_bsz=True",
                "actor_rollout_ref.rollout.name=vllm",
                "actor_rollout_ref.rollout.n=8",
                "actor_rollout_ref.rollout.tensor_model_parallel_size=1",
                "actor_rollout_ref.rollout.gpu_memory_utilization=0.6",
                "trainer.save_freq=50",
                "trainer.max_actor_ckpt_to_keep=3",
                "trainer.total_training_steps=10",
                f"trainer.default_local_dir={tmp_path}/checkpoints",
                *keys,
            ]
        ).config

    return make


def on_path() -> dict[str, str]:
    """The environment of a recipe: it calls `python` and `awpo-verl`."""
    import sys

    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def said(composed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[str, str, str]]]:
    """Findings of a config, as (level, what, said); flash-attn passes for installed, and the disk has 1 TB free."""
    usage = checks.shutil.disk_usage("/")
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda path: usage._replace(free=10**12))
    monkeypatch.setattr(checks, "_installed", lambda name: True)

    def look(*keys: str, machine: Machine = EIGHT) -> list[tuple[str, str, str]]:
        return [dataclasses.astuple(finding) for finding in checks.run_checks(composed(*keys), machine, "h100")]

    return look


def of(findings: list[tuple[str, str, str]], level: str) -> list[str]:
    return [f"{what}: {text}" for found, what, text in findings if found == level]
