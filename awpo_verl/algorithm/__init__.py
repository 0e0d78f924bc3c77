"""The method, in torch and NumPy alone: nothing here knows verl. docs/method.md has the equations.

Read in this order: groups.py, spread.py, gate.py, difficulty.py, advantage.py, policy_loss.py, ranges.py.
"""

from awpo_verl.algorithm.advantage import Estimate, estimate
from awpo_verl.algorithm.groups import Groups
from awpo_verl.algorithm.policy_loss import clip_scale, clipped_surrogate
from awpo_verl.algorithm.ranges import RowRanges, SeenRanges, fixed_ranges
from awpo_verl.algorithm.spread import Spread

__all__ = [
    "Estimate",
    "Groups",
    "RowRanges",
    "SeenRanges",
    "Spread",
    "clip_scale",
    "clipped_surrogate",
    "estimate",
    "fixed_ranges",
]
