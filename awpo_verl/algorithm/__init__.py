"""The method: advantages (advantage.py), gate, difficulty, clip scale and loss. torch, numpy; scipy for one gate."""

from awpo_verl.algorithm.advantage import Estimate, estimate
from awpo_verl.algorithm.policy_loss import clip_scale, clipped_surrogate

__all__ = ["Estimate", "clip_scale", "clipped_surrogate", "estimate"]
