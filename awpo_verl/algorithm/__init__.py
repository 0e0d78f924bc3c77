"""The method: advantage (advantage.py), gate, difficulty, ranges, clip scale, loss. torch, numpy; scipy in one gate."""

from awpo_verl.algorithm.advantage import Estimate, estimate
from awpo_verl.algorithm.policy_loss import clip_scale, clipped_surrogate
from awpo_verl.algorithm.ranges import RowRanges, SeenRanges, fixed_ranges

__all__ = ["Estimate", "RowRanges", "SeenRanges", "clip_scale", "clipped_surrogate", "estimate", "fixed_ranges"]
