"""What AWPO costs: its estimator against verl's grpo_vectorized, its loss against verl's vanilla, in one run.

    python benchmarks/cost.py [--rows 16384] [--tokens 2048] [--group 16] [--repeats 9]

Each pair runs interleaved, so that a noisy machine hits both. Prints the median times and their ratio, and writes
benchmarks/cost.json. The loss is timed on a micro-batch, forward and backward.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl import DataProto
from verl.trainer.ppo.core_algos import compute_policy_loss_vanilla
from verl.trainer.ppo.v1 import trainer_base
from verl.workers.config import FSDPActorConfig

from awpo_verl.integration import actor_loss, trainer_v1


def estimators(rows: int, tokens: int, group: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """AWPO and verl's grpo_vectorized, both as the v1 trainer calls them, once it has the rows from TransferQueue."""
    g = torch.Generator().manual_seed(0)
    rewards = torch.zeros(rows, tokens)
    rewards[:, -1] = (torch.rand(rows, generator=g) > 0.6).float()
    mask = (torch.arange(tokens)[None] < torch.randint(1, tokens + 1, (rows, 1), generator=g)).long()
    uids = [uuid.UUID(int=1 + i // group).hex for i in range(rows)]
    keys = [f"{uid}_{i % group}_0" for i, uid in enumerate(uids)]
    scores = torch.rand(rows, generator=g).tolist()
    parts: list[dict[str, Any]] = [
        {"reasoning": q, "reasoning_valid": 1.0, "reasoning_nonfinite": 0.0, "outcome": 0.0} for q in scores
    ]
    handover = trainer_v1._Handover(parts, [True] * rows)

    def compute(estimator: str) -> None:
        tensors = TensorDict({"token_level_rewards": rewards, "response_mask": mask}, batch_size=rows)
        data = DataProto(tensors, {"uid": np.array(uids, dtype=object)})
        config = OmegaConf.create({"adv_estimator": estimator})
        trainer_base.compute_advantage_for_multi_trajectories(
            data, batch_keys=keys, adv_estimator=estimator, norm_adv_by_std_in_grpo=True, config=config
        )

    def awpo() -> None:
        token = trainer_v1._handover.set(handover)
        try:
            compute("awpo")
        finally:
            trainer_v1._handover.reset(token)

    return awpo, lambda: compute("grpo_vectorized")


def losses(rows: int, tokens: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """AWPO's loss with a clip scale per row, and verl's vanilla: forward and backward."""
    g = torch.Generator().manual_seed(0)
    old = -torch.rand(rows, tokens, generator=g)
    log_prob = (old + 0.3 * torch.randn(rows, tokens, generator=g)).requires_grad_()
    advantages = torch.randn(rows, 1, generator=g).expand(rows, tokens).contiguous()
    mask = torch.arange(tokens)[None] < torch.randint(1, tokens + 1, (rows, 1), generator=g)
    config = FSDPActorConfig(strategy="fsdp", rollout_n=1, ppo_micro_batch_size_per_gpu=1, use_dynamic_bsz=False)
    scale = torch.rand(rows, generator=g) * 0.5 + 0.5

    def backward(fn: Callable[..., tuple[torch.Tensor, dict[str, float]]]) -> None:
        log_prob.grad = None
        fn(old, log_prob, advantages, mask, "token-mean", config)[0].backward()

    def awpo() -> None:
        token = actor_loss._clip_scale.set(scale)
        try:
            backward(actor_loss.policy_loss)
        finally:
            actor_loss._clip_scale.reset(token)

    return awpo, lambda: backward(compute_policy_loss_vanilla)


def compare(ours: Callable[[], object], theirs: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median seconds of each, run in turn, after one warm-up of both."""
    times: tuple[list[float], list[float]] = ([], [])
    for repeat in range(repeats + 1):
        for fn, spent in zip((ours, theirs), times, strict=True):
            start = time.perf_counter()
            fn()
            if repeat:
                spent.append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=16384)
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--group", type=int, default=16)
    parser.add_argument("--micro-rows", type=int, default=512, help="rows of the micro-batch for the loss")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=Path, default=Path(__file__).with_suffix(".json"))
    o = parser.parse_args()

    results = {}
    cases = {
        f"estimator, {o.rows} x {o.tokens}, groups of {o.group}": (
            estimators(o.rows, o.tokens, o.group),
            "grpo_vectorized",
        ),
        f"loss, {o.micro_rows} x {o.tokens}, forward and backward": (losses(o.micro_rows, o.tokens), "vanilla"),
    }
    print(f"{'':48}{'awpo':>10}{'verl':>10}{'ratio':>8}")
    for name, ((ours, theirs), reference) in cases.items():
        a, b = compare(ours, theirs, o.repeats)
        results[name] = {"awpo_s": a, f"{reference}_s": b, "ratio": a / b}
        print(f"{name:48}{a:9.3f}s{b:9.3f}s{a / b:8.2f}  ({reference})", flush=True)
    o.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
