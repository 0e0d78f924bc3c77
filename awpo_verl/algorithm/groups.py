"""Groups: the rollouts of one prompt, and their statistics.

A group has the mean and the sample standard deviation (ddof = 1) of its rows. A group of one row, and a group whose
standard deviation is at most TOL, is constant: its deviations and its standard deviation are exactly 0.

All functions are vectorised over rows and groups. They compute in float64, so the order of the rows does not matter.

B = rows (rollouts), N = groups (prompts).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from typing import cast

import numpy as np
import torch
from torch import Tensor

TOL = 1e-6  # a standard deviation that is at most this counts as 0
EPS = 1e-6  # added to each denominator

Labels = Sequence[object] | np.ndarray | Tensor


@dataclass(frozen=True)
class Centered:
    """A reward [B] less the means of its groups.

    Attributes:
        deviation: float64 [B]. mean, std: float64 [N], std >= 0.
    """

    deviation: Tensor
    mean: Tensor
    std: Tensor


@dataclass(frozen=True)
class Groups:
    """Which group each of B rows is in. Every group has at least one row.

    Attributes:
        ids: int64 [B], in 0..N-1.
        labels: the N different group labels (verl: the `uid` strings), sorted by their text.

    >>> groups = Groups.of(["b", "a", "b"])
    >>> groups.labels, groups.ids.tolist(), groups.sizes.tolist()
    (['a', 'b'], [1, 0, 1], [1.0, 2.0])
    """

    ids: Tensor
    labels: list[Hashable]

    @classmethod
    def of(cls, index: Labels | Groups) -> Groups:
        """The groups of B labels, equal for the rows of one prompt. Groups are returned as they are.

        Raises:
            ValueError: a label cannot be the key of a dict; shows it.
        """
        return index if isinstance(index, Groups) else cls(*factorize(index))

    def __len__(self) -> int:
        """N."""
        return len(self.labels)

    @property
    def n_rows(self) -> int:
        """B."""
        return len(self.ids)

    @cached_property
    def sizes(self) -> Tensor:
        """float64 [N], the rows of each group."""
        return torch.bincount(self.ids, minlength=len(self)).double()

    def select(self, rows: Tensor) -> Groups:
        """The groups of some rows, without the groups that have none of them. rows: bool [B], True where selected."""
        if rows.all():
            return self
        ids = self.ids.masked_select(rows)
        present = torch.bincount(ids, minlength=len(self)) > 0
        return Groups(to_rows(present.cumsum(0) - 1, ids), list(compress(self.labels, present.numpy())))

    def to_rows(self, x: Tensor) -> Tensor:
        """Each group's value, at its rows. x: [N]. Returns [B]."""
        return to_rows(x, self.ids)

    def sum(self, x: Tensor) -> Tensor:
        """The sum over each group. x: [B]. Returns [N], in x's dtype."""
        return torch.zeros(len(self), dtype=x.dtype).index_add_(0, self.ids, x)

    def center(self, x: Tensor) -> Centered:
        """Deviation from the group's mean, mean and standard deviation. x: float64 [B]."""
        mean = self.sum(x) / self.sizes
        deviation = x - self.to_rows(mean)
        std = (self.sum(deviation**2) / (self.sizes - 1).clamp(min=1)).sqrt()
        constant = std <= TOL
        return Centered(deviation.masked_fill(self.to_rows(constant), 0.0), mean, std.masked_fill(constant, 0.0))


def to_rows(x: Tensor, ids: Tensor) -> Tensor:
    """x[ids], without waking torch's threads, which costs milliseconds on a busy machine.

    x: [N]. ids: int64 [B], in 0..N-1. Returns [B].
    """
    return x.index_select(0, ids)


def factorize(labels: Labels) -> tuple[Tensor, list[Hashable]]:
    """Number the different labels.

    Args:
        labels: B labels: texts, numbers, tuples, or whatever can be the key of a dict.

    Returns:
        ids: int64 [B], in 0..N-1; and the N different labels, sorted by their text, so that the order of the rows
        does not matter.

    Raises:
        ValueError: a label cannot be a key; shows it.
    """
    keys = _to_python(labels)
    try:
        unique = sorted(dict.fromkeys(cast(Iterable[Hashable], keys)), key=str)
    except TypeError as error:
        wrong = next(key for key in keys if not _is_hashable(key))
        raise ValueError(
            f"The group label {str(wrong)[:100]} is a {type(wrong).__name__} and cannot be compared ({error}). Use one "
            "text, number or tuple for each row."
        ) from error
    number: dict[object, int] = {key: i for i, key in enumerate(unique)}
    ids = np.fromiter((number[key] for key in keys), dtype=np.int64, count=len(keys))
    return torch.as_tensor(ids), unique


def _is_hashable(key: object) -> bool:
    try:
        hash(key)
    except TypeError:
        return False
    return True


def _to_python(labels: Labels) -> list[object]:
    """The labels as Python's own objects. A tensor of one number becomes that number: tensors compare by identity."""
    if isinstance(labels, Tensor):
        labels = labels.cpu().numpy()
    if isinstance(labels, np.ndarray):
        return cast(list[object], labels.tolist())
    return [label.item() if isinstance(label, Tensor) and label.ndim == 0 else label for label in labels]
