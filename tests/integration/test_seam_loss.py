"""The loss seam against verl's own `vanilla` and `ppo_loss`: I2 and I10."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tensordict import TensorDict
from verl.trainer.ppo.core_algos import compute_policy_loss_vanilla, get_policy_loss_fn
from verl.utils import tensordict_utils as tu
from verl.workers.config import FSDPActorConfig, PolicyLossConfig
from verl.workers.utils.losses import ppo_loss

from awpo_verl.integration import seam_loss
from awpo_verl.integration.keys import CLIP_SCALE

MODES = ["token-mean", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm"]


def actor_config(**kw: Any) -> FSDPActorConfig:
    return FSDPActorConfig(
        strategy="fsdp", rollout_n=1, ppo_micro_batch_size_per_gpu=2, ppo_mini_batch_size=4, use_dynamic_bsz=False, **kw
    )


def tokens(rows: int, length: int, seed: int, dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """Log-probs far enough apart that every branch of the clip is taken, and a ragged mask."""
    g = torch.Generator().manual_seed(seed)
    old = -torch.rand(rows, length, generator=g, dtype=dtype) * 3
    lengths = torch.randint(1, length + 1, (rows, 1), generator=g)
    return {
        "old_log_prob": old,
        "log_prob": old + torch.randn(rows, length, generator=g, dtype=dtype) * 0.7,
        "advantages": torch.randn(rows, 1, generator=g, dtype=dtype).expand(rows, length).contiguous(),
        "response_mask": torch.arange(length)[None, :] < lengths,
    }


def loss_and_gradient(
    fn: Any, batch: dict[str, torch.Tensor], scale: torch.Tensor | None, **kw: Any
) -> tuple[Any, ...]:
    log_prob = batch["log_prob"].clone().requires_grad_()
    token = seam_loss._clip_scale.set(scale)
    try:
        loss, metrics = fn(**{**batch, "log_prob": log_prob}, **kw)
    finally:
        seam_loss._clip_scale.reset(token)
    loss.backward()
    return loss.detach(), log_prob.grad, metrics


def test_the_loss_is_registered_under_its_name() -> None:
    assert get_policy_loss_fn("awpo") is seam_loss.policy_loss


@pytest.mark.parametrize("attached", [True, False])
@pytest.mark.parametrize("mode", MODES)
@given(
    seed=st.integers(0, 2**31),
    low=st.floats(0.0, 0.9),
    high=st.floats(0.0, 3.0),
    weighted=st.booleans(),
)
def test_i2_scale_of_one_or_none_is_vanilla_bit_for_bit(
    mode: str, attached: bool, seed: int, low: float, high: float, weighted: bool
) -> None:
    batch = tokens(5, 7, seed)
    config = actor_config(clip_ratio_low=low, clip_ratio_high=high, loss_agg_mode=mode)
    weights = torch.rand(5, 7, generator=torch.Generator().manual_seed(seed)) if weighted else None
    kw = {"loss_agg_mode": mode, "config": config, "rollout_is_weights": weights}
    ours = loss_and_gradient(seam_loss.policy_loss, batch, torch.ones(5) if attached else None, **kw)
    theirs = loss_and_gradient(compute_policy_loss_vanilla, batch, None, **kw)
    assert torch.equal(ours[0], theirs[0])
    assert torch.equal(ours[1], theirs[1])
    assert ours[2] == theirs[2]


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float32, torch.float64])
def test_i2_metrics_are_vanilla_s_whatever_the_mask_is_made_of(dtype: torch.dtype) -> None:
    batch = tokens(64, 96, 7)
    batch["response_mask"] = batch["response_mask"].to(dtype)
    kw = {"config": actor_config()}
    ours = loss_and_gradient(seam_loss.policy_loss, batch, torch.ones(64), **kw)
    theirs = loss_and_gradient(compute_policy_loss_vanilla, batch, None, **kw)
    assert ours[2] == theirs[2]
    assert 0 < ours[2]["actor/pg_clipfrac_lower"] < ours[2]["actor/pg_clipfrac"] < 1


def test_i2_holds_on_the_clip_boundary_itself() -> None:
    low, high = 0.2, 0.28
    edges = torch.tensor([[1 - low, 1 + high, 1 - low, 1 + high, 3.0, 1.0]])
    batch = {
        "old_log_prob": torch.zeros(1, 6),
        "log_prob": edges.log(),
        "advantages": torch.tensor([[1.0, 1.0, -1.0, -1.0, -1.0, 0.0]]),
        "response_mask": torch.ones(1, 6, dtype=torch.bool),
    }
    kw = {"config": actor_config(clip_ratio_low=low, clip_ratio_high=high)}
    ours = loss_and_gradient(seam_loss.policy_loss, batch, torch.ones(1), **kw)
    theirs = loss_and_gradient(compute_policy_loss_vanilla, batch, None, **kw)
    assert torch.equal(ours[0], theirs[0])
    assert torch.equal(ours[1], theirs[1])


def test_a_scale_below_one_clips_more() -> None:
    batch = tokens(16, 32, 3)
    kw = {"config": actor_config()}
    wide = loss_and_gradient(seam_loss.policy_loss, batch, torch.ones(16), **kw)[2]
    narrow = loss_and_gradient(seam_loss.policy_loss, batch, torch.full((16,), 0.5), **kw)[2]
    assert narrow["actor/pg_clipfrac"] > wide["actor/pg_clipfrac"]


def _lengths(mask: torch.Tensor) -> list[int]:
    """Tokens of each response; a padding row's has one, masked."""
    return mask.sum(-1).clamp(min=1).tolist()


def _micro_batch(batch: dict[str, torch.Tensor], rows: torch.Tensor, scale: torch.Tensor, **info: Any) -> TensorDict:
    """What the worker hands to ppo_loss: nested rows, prompt of one token, and the scale beside the advantages."""
    lengths = _lengths(batch["response_mask"][rows])

    def nested(x: torch.Tensor) -> torch.Tensor:
        return torch.nested.as_nested_tensor(
            [r[:n] for r, n in zip(x[rows], lengths, strict=True)], layout=torch.jagged
        )

    prompts = torch.nested.as_nested_tensor([torch.ones(1, dtype=torch.long) for _ in lengths], layout=torch.jagged)
    fields = {
        "prompts": prompts,
        "responses": nested(torch.zeros_like(batch["old_log_prob"], dtype=torch.long)),
        "input_ids": torch.nested.as_nested_tensor(
            [torch.ones(1 + n, dtype=torch.long) for n in lengths], layout=torch.jagged
        ),
        "attention_mask": torch.nested.as_nested_tensor(
            [torch.ones(1 + n, dtype=torch.long) for n in lengths], layout=torch.jagged
        ),
        "response_mask": nested(batch["response_mask"].long()),
        "old_log_probs": nested(batch["old_log_prob"]),
        "advantages": nested(batch["advantages"]),
        CLIP_SCALE: scale[rows],
    }
    data = TensorDict(fields, batch_size=len(lengths))
    tu.assign_non_tensor(data, **info)
    return data


def _accumulated(
    batch: dict[str, torch.Tensor], scale: torch.Tensor, micro: int, mode: str, workers: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """Through verl's ppo_loss, as its engines run it; returns the loss, and the gradient on the log-probs.

    Each worker gets as many rows as the others and accumulates over its micro-batches; what comes out of them is
    averaged over the workers.
    """
    config = actor_config(loss_agg_mode=mode, policy_loss=PolicyLossConfig(loss_mode="awpo"))
    leaf = batch["log_prob"].clone().requires_grad_()
    mask = batch["response_mask"]
    info = {"batch_num_tokens": int(mask.sum()), "global_batch_size": 8, "dp_size": workers}
    total = torch.zeros((), dtype=leaf.dtype)
    for share in torch.arange(len(mask)).chunk(workers):
        for rows in share.split(micro):
            data = _micro_batch(batch, rows, scale, **info)
            # a model's output has one value for each token of prompt + response, shifted left by one
            output = torch.nested.as_nested_tensor(
                [torch.cat([r[:n], r.new_zeros(1)]) for r, n in zip(leaf[rows], _lengths(mask[rows]), strict=True)],
                layout=torch.jagged,
            )
            loss, _ = ppo_loss(config, {"log_probs": output}, data)
            loss.backward()
            total += loss.detach()
    return total / workers, leaf.grad / workers


@pytest.mark.parametrize("mode", ["token-mean", "seq-mean-token-sum", "seq-mean-token-mean"])
def test_i10_micro_batch_size_does_not_change_the_accumulated_gradient(mode: str) -> None:
    batch = tokens(8, 24, 11, torch.float64)
    scale = torch.linspace(0.1, 0.8, 8)
    _, whole = _accumulated(batch, scale, 8, mode)
    assert whole.abs().max() > 0
    for micro in (1, 2, 4):
        torch.testing.assert_close(_accumulated(batch, scale, micro, mode)[1], whole, rtol=1e-12, atol=1e-12)
    # and the scale does arrive: without it the gradient is another one
    assert not torch.equal(_accumulated(batch, torch.ones(8), 8, mode)[1], whole)


@pytest.mark.parametrize("mode", ["token-mean", "seq-mean-token-sum", "seq-mean-token-mean"])
def test_neither_dealing_the_rows_to_workers_nor_padding_rows_change_loss_and_gradient(mode: str) -> None:
    batch = tokens(8, 24, 11, torch.float64)
    scale = torch.linspace(0.1, 0.8, 8)
    loss, gradient = _accumulated(batch, scale, 8, mode)
    # a worker that divided by its own number of tokens would be wrong here
    first, second = batch["response_mask"].sum(-1).view(2, 4).sum(-1).tolist()
    assert first < 0.9 * second
    for workers in (2, 4):
        for_all, on_all = _accumulated(batch, scale, 2, mode, workers)
        torch.testing.assert_close(for_all, loss, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(on_all, gradient, rtol=1e-12, atol=1e-12)

    padding = {name: value[:4] * 0 for name, value in batch.items()}
    padded = {name: torch.cat([value, padding[name]]) for name, value in batch.items()}
    for_all, on_all = _accumulated(padded, torch.cat([scale, torch.ones(4)]), 3, mode, workers=2)
    torch.testing.assert_close(for_all, loss, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(on_all[:8], gradient, rtol=1e-12, atol=1e-12)
    assert on_all[8:].abs().max() == 0
