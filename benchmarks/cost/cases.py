"""The measured cases: verl's advantage seam and its policy loss, with AWPO and with verl's own, on the same inputs.

The floor is the least memory traffic: every input read once and every output written once.

B = rows (rollouts), T = response tokens. All [B, T] outputs are float32. Group statistics on [B] are float64 in AWPO
and float32 in verl.
"""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf
from tensordict import TensorDict
from torch import Tensor
from verl import DataProto
from verl.trainer.ppo.core_algos import compute_policy_loss_vanilla
from verl.trainer.ppo.v1 import trainer_base
from verl.workers.config import FSDPActorConfig

from awpo_verl.integration import seam_loss
from awpo_verl.integration.seam_v1 import V1Seam
from awpo_verl.integration.step import Step
from awpo_verl.integration.v1_rows import BatchRows, find_real_rows, get_parts

GROUP = 16  # rollouts of a prompt
FLOAT32, INT64, BOOL = 4, 8, 1  # bytes
# reward parts that awpo's reward manager sends with a rollout and the estimator does not read
LOGGED = ("acc", "format_ok", "n_calls", "schema_ok", "checked", "exact", "graded", "name_score", "key_score")
LOGGED += ("verl_rule", "value_score", "refused", "needless", "state_ok", "results_ok")


@dataclass(frozen=True)
class Case:
    """One size.

    Attributes:
        run: variant -> the timed function, which returns what it computes.
        floor_bytes: variant -> the fewest bytes that it must move.
    """

    run: dict[str, Callable[[], Any]]
    floor_bytes: dict[str, int]


def estimators(rows: int, tokens: int, device: str = "cpu", awpo: dict[str, Any] | None = None) -> Case:
    """Advantages, as verl's v1 trainer computes them once it has the rows from TransferQueue. Always on the CPU.

    `run` returns the advantages, float32 [B, T]. AWPO's reward parts are already in memory; only `timing_s/adv` of a
    real run includes fetching them. verl's `gdpo` gets its two rewards as ready columns, because the v1 trainer does
    not pass them and `gdpo` fails there.

    Args:
        rows, tokens: B, a multiple of 16; T.
        device: ignored.
        awpo: the section `algorithm.awpo`; None for its defaults.
    """
    g = torch.Generator().manual_seed(0)
    outcome = (torch.rand(rows, generator=g) > 0.6).float()
    reasoning = torch.rand(rows, generator=g)
    mask = response_mask(rows, tokens).long()
    rewards = torch.zeros(rows, tokens)
    rewards[torch.arange(rows), mask.sum(-1) - 1] = outcome
    uids = np.array([uuid.UUID(int=1 + i // GROUP).hex for i in range(rows)], dtype=object)
    keys = [f"{uid}_{i % GROUP}_0" for i, uid in enumerate(uids)]
    parts = [
        dict.fromkeys(LOGGED, 0.0) | {"outcome": o, "reasoning": q, "reasoning_valid": 1.0, "reasoning_nonfinite": 0.0}
        for o, q in zip(outcome.tolist(), reasoning.tolist(), strict=True)
    ]
    extra_fields = [{"reward_extra_info": part} for part in parts]
    sources = ["demo"] * rows
    tags: list[dict[str, Any]] = [{} for _ in parts]
    gdpo_keys = ["outcome", "reasoning"]

    seam = V1Seam(Step())
    verls = inspect.unwrap(trainer_base.compute_advantage_for_multi_trajectories)

    def compute(estimator: str, function: Callable[..., Any] = verls) -> Tensor:
        tensors = {"token_level_rewards": rewards, "response_mask": mask}
        columns: dict[str, Any] = {"uid": uids}
        if estimator == "gdpo":  # with an empty prompt, the attention mask is the response mask
            tensors |= {"prompts": torch.zeros(rows, 0, dtype=torch.int64), "attention_mask": mask}
            columns |= {"outcome": outcome.numpy(), "reasoning": reasoning.numpy()}
        algorithm = {"adv_estimator": estimator, "awpo": awpo, "gdpo_reward_keys": gdpo_keys}
        data = function(
            DataProto(TensorDict(tensors, batch_size=rows), columns),
            batch_keys=keys,
            adv_estimator=estimator,
            norm_adv_by_std_in_grpo=True,
            config=OmegaConf.create(algorithm),
        )
        return data.batch["advantages"]

    def compute_awpo() -> Tensor:
        found = [get_parts(extra) for extra in extra_fields]
        with seam.hand_over(BatchRows(found, find_real_rows(tags), list(sources))):
            return compute("awpo", partial(seam.compute_for_sessions, verls))

    cells = rows * tokens
    least = cells * (FLOAT32 + INT64 + FLOAT32)  # rewards and mask are read, advantages are written
    a_row = rows * 2 * FLOAT32
    return Case(
        {
            "awpo": compute_awpo,
            "grpo": lambda: compute("grpo"),
            "grpo_vectorized": lambda: compute("grpo_vectorized"),
            "gdpo": lambda: compute("gdpo"),
        },
        {
            "awpo": least + a_row,  # reads a reasoning reward, writes a clip scale
            "grpo": least,
            "grpo_vectorized": least,
            "gdpo": cells * (INT64 + FLOAT32) + a_row,  # reads two rewards a row, not the tokens' rewards
        },
    )


def losses(rows: int, tokens: int, device: str = "cpu", scale: Tensor | None = None, compiled: bool = False) -> Case:
    """The policy loss of one micro-batch, forward and backward, as verl's ppo_loss calls it, with verl's defaults.

    `run` returns the loss, its gradient on the log-probs [B, T], and the metrics.

    Args:
        rows, tokens: B, T.
        device: the device of the micro-batch.
        scale: float32 [B], the clip scale; None draws it from [0.5, 1).
        compiled: also run AWPO's loss under torch.compile.
    """
    g = torch.Generator().manual_seed(0)
    mask = response_mask(rows, tokens)
    old = torch.empty(rows, tokens).uniform_(-1.0, 0.0, generator=g)
    log_prob = torch.randn(rows, tokens, generator=g).mul_(0.3).add_(old)
    advantages = torch.randn(rows, 1, generator=g) * mask
    if scale is None:
        scale = torch.rand(rows, generator=g) * 0.5 + 0.5
    old, log_prob, advantages, mask, scale = (x.to(device) for x in (old, log_prob, advantages, mask, scale))
    log_prob.requires_grad_()
    config = FSDPActorConfig(strategy="fsdp", rollout_n=1, ppo_micro_batch_size_per_gpu=1, use_dynamic_bsz=False)
    config.global_batch_info.update(dp_size=1, batch_num_tokens=int(mask.sum()), global_batch_size=rows)

    def backward(fn: Callable[..., Any], attached: Tensor | None = None) -> tuple[Tensor, Tensor | None, dict]:
        log_prob.grad = None
        token = seam_loss._clip_scale.set(attached)
        try:
            loss, metrics = fn(old, log_prob, advantages, mask, "token-mean", config)
        finally:
            seam_loss._clip_scale.reset(token)
        loss.backward()
        return loss.detach(), log_prob.grad, metrics

    # old and new log-probs, advantages and mask are read, the gradient on the log-probs is written
    least = rows * tokens * (3 * FLOAT32 + BOOL + FLOAT32)
    run = {
        "awpo": lambda: backward(seam_loss.policy_loss, scale),
        "vanilla": lambda: backward(compute_policy_loss_vanilla),
    }
    if compiled:
        run["awpo_compiled"] = lambda: backward(compiled_loss(), scale)
    return Case(run, {variant: least + (0 if variant == "vanilla" else rows * FLOAT32) for variant in run})


@cache
def compiled_loss() -> Callable[..., Any]:
    """AWPO's policy loss under torch.compile, for any size."""
    return torch.compile(seam_loss.policy_loss, dynamic=True)


def response_mask(rows: int, tokens: int) -> Tensor:
    """bool [B, T], True for a token of the response; lengths are drawn from 1..T."""
    lengths = torch.randint(1, tokens + 1, (rows, 1), generator=torch.Generator().manual_seed(1))
    return torch.arange(tokens) < lengths


KINDS: dict[str, Callable[..., Case]] = {
    "estimator": estimators,
    "loss": losses,
    "compiled": partial(losses, compiled=True),
}
VARIANTS = {
    "estimator": ("awpo", "grpo", "grpo_vectorized", "gdpo"),
    "loss": ("awpo", "vanilla"),
    "compiled": ("awpo", "vanilla", "awpo_compiled"),
}
