"""Measure rollouts per second by format and length, the offline command by size, and the reward loop in a step."""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from awpo_verl.config import OutcomeConfig
from awpo_verl.rewards.row import read_row
from awpo_verl.workbench.files.rollout_files import Rollout
from awpo_verl.workbench.score import score_rollout
from benchmarks.rewards_scale import data

# columns of the first table: kind of rollout, characters of thinking (about 4 per token)
LOADS = {
    "short": ("right", 0),
    "2,000 tokens": ("right", 8_000),
    "8,000 tokens": ("right", 32_000),
    "wrong": ("wrong", 0),
    "malformed": ("malformed", 0),
    "hostile": ("hostile", 0),
}


def rows_of(kind: str, chars: int, format: str, number: int, seed: int = 0) -> list[Rollout]:
    """Rollouts of one kind, each with its own prompt."""
    found = []
    for i in range(number):
        prompt = data.make_prompt(seed, i)
        text = data.make_response(prompt, kind, format, seed, chars)
        found.append(Rollout(f"row {i}", text, read_row(prompt.ground_truth, prompt.question), kind))
    return found


def rate(rows: Sequence[Rollout], format: str, rounds: int = 5) -> float:
    """Rollouts per second of processor time, from text to all reward parts; the median of `rounds`.

    Raises:
        RuntimeError: a right answer does not score 1, so the rate would measure something else.
    """
    config = OutcomeConfig(format=format)
    for row in rows:
        if row.category == "right" and score_rollout(row, config)[1]["outcome"] != 1.0:
            raise RuntimeError(
                f"the right answer of {row.where} has not the outcome 1 as {format}: {row.response[:200]}"
            )
    times: list[float] = []
    for _ in range(rounds):
        started = time.process_time()
        for row in rows:
            score_rollout(row, config)
        times.append(time.process_time() - started)
    return len(rows) / statistics.median(times)


def offline(folder: Path, rows: int) -> dict[str, float]:
    """Run `awpo-verl score` on a file of `rows` rollouts: wall and processor seconds, peak memory, bytes.

    Raises:
        RuntimeError: the command failed, or did not write every row.
    """
    given, out = folder / "rollouts.jsonl", folder / "parts.jsonl"
    data.write_file(given, seed=0, rows=rows)
    program = str(Path(sys.executable).with_name("awpo-verl"))
    command = [program, "score", str(given), "--out", str(out)]
    started = time.monotonic()
    with (folder / "printed.txt").open("w") as printed:
        actions = [(os.POSIX_SPAWN_DUP2, printed.fileno(), 1)]
        pid = os.posix_spawn(program, command, os.environ, file_actions=actions)
        _, status, used = os.wait4(pid, 0)
    seconds = time.monotonic() - started
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"awpo-verl score ended with {os.waitstatus_to_exitcode(status)}; see {folder}.")
    with out.open("rb") as lines:
        written = sum(1 for _ in lines)
    if written != rows:
        raise RuntimeError(f"awpo-verl score wrote {written} of {rows} rows; see {folder}.")
    sizes = {"bytes_in": given.stat().st_size, "bytes_out": out.stat().st_size}
    given.unlink()
    out.unlink()
    return {"seconds": seconds, "cpu_seconds": _cpu(used), "peak_bytes": used.ru_maxrss * 1024, **sizes}


def _cpu(used: resource.struct_rusage) -> float:
    return used.ru_utime + used.ru_stime


def reward_loop(run: Path, tokenizer: Any, rounds: int = 3) -> dict[str, float]:
    """Time verl's reward loop on the rollouts of a real run: decode, check and score in AWPORewardManager.

    Args:
        run: the run's folder, with metrics.jsonl and verl's validation dumps.
        tokenizer: the model's tokenizer.

    Returns:
        rollouts: dumped rollouts; ms_a_rollout: processor time; step_s: mean seconds of a step, without the first.
    """
    from omegaconf import OmegaConf
    from verl.utils.reward_score import default_compute_score

    from awpo_verl.rewards.manager import AWPORewardManager

    config = OmegaConf.create(
        {"algorithm": {"awpo": None}, "reward": {"custom_reward_function": {"path": None}}},
    )
    manager = AWPORewardManager(config, tokenizer, default_compute_score)
    items = [
        _item(record, tokenizer) for file in sorted((run / "validation").glob("*.jsonl")) for record in _read(file)
    ]
    times = []
    for _ in range(rounds + 1):
        started = time.process_time()
        for item in items:
            manager.loop.run_until_complete(manager.run_single(item))
        times.append(time.process_time() - started)
    steps = [r["data"]["timing_s/step"] for r in _read(run / "metrics.jsonl") if "timing_s/step" in r["data"]]
    return {
        "rollouts": len(items),
        "ms_a_rollout": 1000 * statistics.median(times[1:]) / len(items),
        "step_s": statistics.mean(steps[1:]),
    }


def _item(record: dict[str, Any], tokenizer: Any) -> Any:
    """A dumped rollout as the reward loop receives it."""
    import numpy as np
    import torch
    from tensordict import TensorDict
    from verl import DataProto

    prompt, response = (tokenizer(record[key], add_special_tokens=False)["input_ids"] for key in ("input", "output"))
    batch = {
        "prompts": torch.tensor([prompt]),
        "responses": torch.tensor([response]),
        "input_ids": torch.tensor([prompt + response]),
        "attention_mask": torch.ones(1, len(prompt) + len(response), dtype=torch.int64),
    }
    columns = {
        "data_source": "dump",
        "reward_model": {"ground_truth": record["gts"]},
        "raw_prompt": [{"role": "user", "content": record["input"]}],
        "extra_info": {},
    }
    arrays = {key: np.array([value, None], dtype=object)[:1] for key, value in columns.items()}
    return DataProto(TensorDict(batch, batch_size=1), arrays)


def _read(path: Path) -> Iterable[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
