"""Groups: the rollouts of one prompt, and their statistics.

B = rows (rollouts), N = groups (prompts). Everything is vectorised over rows and groups and computed in
float64, so that the result does not depend on the order of the rows and a constant group has a
standard deviation of exactly 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

# A group whose standard deviation is at most TOL is constant: its deviations are set to exactly 0.
# TOL also is METHOD's `tol` ("the outcome says nothing") and its `eps` has the same size.
TOL = 1e-6
EPS = 1e-6


def group_ids(index: Sequence[object] | np.ndarray) -> tuple[Tensor, int]:
    """Dense group ids of the rows.

    Args:
        index: B labels, equal for the rows of one prompt (verl: the `uid` strings).

    Returns:
        ids: int64 [B], in 0..N-1; and N.
    """
    labels = np.asarray(index)
    if labels.dtype == object:  # uuid strings: a fixed-width array sorts an order of magnitude faster
        labels = labels.astype(str)
    unique, inverse = np.unique(labels, return_inverse=True)
    return torch.as_tensor(inverse.reshape(-1), dtype=torch.int64), len(unique)


def group_sizes(ids: Tensor, n_groups: int) -> Tensor:
    """Rows of each group. ids: int64 [B]. Returns float64 [N]."""
    return torch.bincount(ids, minlength=n_groups).double()


def group_sum(x: Tensor, ids: Tensor, n_groups: int) -> Tensor:
    """Sum over each group. x: [B], ids: int64 [B]. Returns [N], in x's dtype."""
    return torch.zeros(n_groups, dtype=x.dtype).index_add_(0, ids, x)


def group_center(x: Tensor, ids: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Deviation from the group's mean, and the group's mean and sample standard deviation (ddof = 1).

    A group with one row, or with a standard deviation of at most TOL, is constant: its deviations and its
    standard deviation are exactly 0.

    Args:
        x: float64 [B].
        ids: int64 [B], in 0..N-1.
        sizes: float64 [N], rows per group, each at least 1.

    Returns:
        deviation: float64 [B]; mean: float64 [N]; std: float64 [N], >= 0.
    """
    n = len(sizes)
    mean = group_sum(x, ids, n) / sizes
    deviation = x - mean[ids]
    std = (group_sum(deviation**2, ids, n) / (sizes - 1).clamp(min=1)).sqrt()
    constant = std <= TOL
    deviation = deviation.masked_fill(constant[ids], 0.0)
    return deviation, mean, std.masked_fill(constant, 0.0)
