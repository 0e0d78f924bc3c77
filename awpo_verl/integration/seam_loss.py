"""Seam of the actor's loss (verl 0.9.1, workers/utils/losses.py): the policy loss gets each row's clip scale.

verl's `ppo_loss(config, model_output, data, dp_group)` has the whole micro-batch, and passes a policy loss only the
log-probs, advantages and mask. The clip scale, [B], travels beside `advantages` as a field of its own
(keys.CLIP_SCALE). A context variable hands it over for the duration of one `ppo_loss` call. FSDP and Megatron engines
both call `ppo_loss`.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

from awpo_verl.algorithm.policy_loss import clipped_surrogate
from awpo_verl.integration.keys import AWPO, CLIP_SCALE
from awpo_verl.integration.patching import read_arguments, require_all_seams, wrap

_clip_scale: ContextVar[Tensor | None] = ContextVar("awpo_clip_scale", default=None)


def register(module: Any) -> None:
    """Register the policy loss `awpo` in verl.trainer.ppo.core_algos."""
    module.register_policy_loss(AWPO)(policy_loss)


def install(module: Any) -> None:
    """Wrap `ppo_loss` in verl.workers.utils.losses."""
    wrap(module, "ppo_loss", ppo_loss)


def ppo_loss(original: Any, *args: Any, **kwargs: Any) -> Any:
    """Around verl's ppo_loss: hands the clip scale to `policy_loss`; without one, nothing happens."""
    token = _clip_scale.set(read_arguments(original, args, kwargs)["data"].get(CLIP_SCALE, None))
    try:
        return original(*args, **kwargs)
    finally:
        _clip_scale.reset(token)


def policy_loss(
    old_log_prob: Tensor,
    log_prob: Tensor,
    advantages: Tensor,
    response_mask: Tensor,
    loss_agg_mode: str = "token-mean",
    config: Any = None,
    rollout_is_weights: Tensor | None = None,
) -> tuple[Tensor, dict[str, Any]]:
    """The policy loss `awpo`: verl's `vanilla` with a clip range for each row, and with the same metrics.

    Without a clip scale (another estimator uses this loss) it is `vanilla`.

    Args:
        old_log_prob, log_prob, advantages: [B, T], T response tokens.
        response_mask: [B, T], True or 1 = the policy wrote the token.
        loss_agg_mode: see core_algos.agg_loss.
        config: verl's ActorConfig.
        rollout_is_weights: [B, T] or None, the weights of verl's rollout correction.

    Returns:
        The loss, a scalar, and the metrics.

    Raises:
        ValueError: clip_ratio_c is at most 1.
    """
    require_all_seams()
    from verl.trainer.ppo.core_algos import agg_loss, compute_policy_loss_vanilla
    from verl.utils.torch_functional import masked_mean

    scale = _clip_scale.get()
    if scale is None:
        return compute_policy_loss_vanilla(
            old_log_prob, log_prob, advantages, response_mask, loss_agg_mode, config, rollout_is_weights
        )
    clip_ratio_c = config.get("clip_ratio_c", 3.0)
    if clip_ratio_c <= 1.0:
        raise ValueError(
            f"actor_rollout_ref.actor.clip_ratio_c={clip_ratio_c} is not usable: it must be > 1 (dual-clip PPO)."
        )
    log_ratio = torch.clamp(log_prob - old_log_prob, min=-20.0, max=20.0)
    losses, clipped, clipped_lower = clipped_surrogate(
        ratio=torch.exp(log_ratio),
        advantages=advantages,
        scale=scale,
        clip_ratio_low=config.clip_ratio if config.clip_ratio_low is None else config.clip_ratio_low,
        clip_ratio_high=config.clip_ratio if config.clip_ratio_high is None else config.clip_ratio_high,
        clip_ratio_c=clip_ratio_c,
    )
    if rollout_is_weights is not None:
        losses = losses * rollout_is_weights
    loss = agg_loss(loss_mat=losses, loss_mask=response_mask, loss_agg_mode=loss_agg_mode, **config.global_batch_info)
    metrics = {
        "actor/pg_clipfrac": _share(clipped, response_mask),
        "actor/ppo_kl": masked_mean(-log_ratio.detach(), response_mask).item(),
        "actor/pg_clipfrac_lower": _share(clipped_lower, response_mask),
    }
    return loss, metrics


def _share(true: Tensor, response_mask: Tensor) -> float:
    """verl's masked_mean of `true`, bool [B, T], as a float. It counts, which takes a tenth of the time.

    Bit for bit the same number up to 2^24 tokens; above that, verl's sum in float32 is rounded.
    """
    return (torch.count_nonzero(true & response_mask.bool()) / (response_mask.sum() + 1e-8)).item()
