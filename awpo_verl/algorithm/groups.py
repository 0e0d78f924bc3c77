"""Groups: the rollouts of one prompt, and their statistics.

B = rows (rollouts), N = groups (prompts). Everything is vectorised over rows and groups and computed in
float64, so that the result does not depend on the order of the rows and a constant group has a
standard deviation of exactly 0.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

# A group whose standard deviation is at most TOL is constant: its deviations are set to exactly 0.
# TOL also is METHOD's `tol` ("the outcome says nothing") and its `eps` has the same size.
TOL = 1e-6
EPS = 1e-6


def factorize(labels: Sequence[object] | np.ndarray | Tensor) -> tuple[Tensor, list[Hashable]]:
    """Dense ids of labels.

    Args:
        labels: B labels: texts, numbers, tuples, whatever can be a key of a dict.

    Returns:
        ids: int64 [B], in 0..N-1; and the N different labels, sorted by their text, so that the order of the rows
        changes nothing.

    Raises:
        ValueError: a label cannot be a key; shows it.
    """
    keys = _plain(labels)
    try:
        unique = sorted(dict.fromkeys(keys), key=str)
    except TypeError as error:
        wrong = next(key for key in keys if not _is_hashable(key))
        raise ValueError(
            f"The group label {str(wrong)[:100]} is a {type(wrong).__name__} and cannot be compared ({error}). Use one "
            "text, number or tuple for each row."
        ) from error
    number = {key: i for i, key in enumerate(unique)}
    ids = np.fromiter((number[key] for key in keys), dtype=np.int64, count=len(keys))
    return torch.as_tensor(ids), unique


def _is_hashable(key: object) -> bool:
    try:
        hash(key)
    except TypeError:
        return False
    return True


def _plain(labels: Sequence[object] | np.ndarray | Tensor) -> list[Any]:
    """The labels as Python's own objects. A tensor of one number becomes that number: tensors compare by identity."""
    if isinstance(labels, np.ndarray | Tensor):
        return cast(Any, labels).tolist()
    return [cast(Any, label).item() if isinstance(label, Tensor) and label.ndim == 0 else label for label in labels]


def group_ids(index: Sequence[object] | np.ndarray | Tensor) -> tuple[Tensor, int]:
    """Dense group ids of the rows.

    Args:
        index: B labels, equal for the rows of one prompt (verl: the `uid` strings).

    Returns:
        ids: int64 [B], in 0..N-1; and N.
    """
    ids, unique = factorize(index)
    return ids, len(unique)


def group_sizes(ids: Tensor, n_groups: int) -> Tensor:
    """Rows of each group. ids: int64 [B]. Returns float64 [N]."""
    return torch.bincount(ids, minlength=n_groups).double()


def group_sum(x: Tensor, ids: Tensor, n_groups: int) -> Tensor:
    """Sum over each group. x: [B], ids: int64 [B]. Returns [N], in x's dtype."""
    return torch.zeros(n_groups, dtype=x.dtype).index_add_(0, ids, x)


def to_rows(x: Tensor, ids: Tensor) -> Tensor:
    """What the groups have, spread to their rows. x: [N], ids: int64 [B]. Returns [B].

    The same as x[ids], which wakes torch's threads for every call; on a busy machine that costs milliseconds.
    """
    return x.index_select(0, ids)


def group_center(x: Tensor, ids: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Deviation from the group's mean, and the group's mean and sample standard deviation (ddof = 1).

    A group with one row, or with a standard deviation of at most TOL, is constant: its deviations and its
    standard deviation are exactly 0.

    Args:
        x: float64 [B].
        ids: int64 [B], in 0..N-1.
        sizes: float64 [N], rows per group. A group without rows has the mean NaN and the std 0.

    Returns:
        deviation: float64 [B]; mean: float64 [N]; std: float64 [N], >= 0.
    """
    n = len(sizes)
    mean = group_sum(x, ids, n) / sizes
    deviation = x - to_rows(mean, ids)
    std = (group_sum(deviation**2, ids, n) / (sizes - 1).clamp(min=1)).sqrt()
    constant = std <= TOL
    deviation = deviation.masked_fill(to_rows(constant, ids), 0.0)
    return deviation, mean, std.masked_fill(constant, 0.0)
