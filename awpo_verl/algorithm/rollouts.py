"""What `estimate` is given, read and checked once: tensors, arrays or lists become float64 and bool tensors on the CPU.

B = rows (rollouts), N = groups (prompts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from awpo_verl.algorithm.groups import group_ids

Numbers = Tensor | np.ndarray | Sequence[float]
Flags = Tensor | np.ndarray | Sequence[bool]
Labels = Sequence[object] | np.ndarray | Tensor


@dataclass(frozen=True)
class Rollouts:
    """One train batch.

    Attributes:
        outcome: float64 [B], finite; 0 where rejected. reasoning: float64 [B], read only where valid.
        valid, judged, rejected: bool [B], as in `estimate`.
        ids: int64 [B], the row's group, in 0..n_groups-1.
    """

    outcome: Tensor
    reasoning: Tensor
    valid: Tensor
    judged: Tensor
    rejected: Tensor
    ids: Tensor
    n_groups: int

    def kept(self) -> Rollouts:
        """The rows that were not rejected; groups that lost all of their rows are gone."""
        if not self.rejected.any():
            return self
        rows = ~self.rejected
        ids = self.ids[rows]
        present = torch.bincount(ids, minlength=self.n_groups) > 0
        return Rollouts(
            outcome=self.outcome[rows],
            reasoning=self.reasoning[rows],
            valid=self.valid[rows],
            judged=self.judged[rows],
            rejected=self.rejected[rows],
            ids=(present.cumsum(0) - 1)[ids],
            n_groups=int(present.sum()),
        )


def read_rollouts(
    outcome: Numbers,
    reasoning: Numbers,
    valid: Flags,
    index: Labels,
    judged: Flags | None = None,
    rejected: Flags | None = None,
) -> Rollouts:
    """The arguments of `estimate`, checked.

    Raises:
        ValueError: no rows, shapes that differ, something else than numbers or flags, a label that cannot be compared,
            an outcome of a row that is kept and that is NaN or inf (names the groups).
    """
    columns = {
        "outcome": _tensor("outcome", outcome),
        "reasoning": _tensor("reasoning", reasoning),
        "reasoning_valid": _tensor("reasoning_valid", valid),
    }
    if judged is not None:
        columns["judged"] = _tensor("judged", judged)
    if rejected is not None:
        columns["rejected"] = _tensor("rejected", rejected)
    _check_shapes(columns, index)
    o, q, scored = columns["outcome"].double(), columns["reasoning"].double(), columns["reasoning_valid"]
    lost = columns.get("rejected", torch.zeros_like(o, dtype=torch.bool))
    o = o.masked_fill(lost, 0.0)  # nothing reads the outcome of a rejected row, and it may be NaN
    _check_outcome(o, index)
    ids, n = group_ids(index)
    return Rollouts(
        outcome=o,
        reasoning=q,
        valid=scored,
        judged=columns.get("judged", torch.ones_like(scored)),
        rejected=lost,
        ids=ids,
        n_groups=n,
    )


def _tensor(name: str, given: Any) -> Tensor:
    """A tensor on the CPU, without gradient."""
    if isinstance(given, Tensor):
        return given.detach().cpu()
    try:
        return torch.as_tensor(np.array(given, order="C"))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} cannot be read as one number for each rollout: {error} Give a tensor, an array or a list of "
            "numbers; mark a reasoning reward that is missing by reasoning_valid=False, and not by None."
        ) from error


def _check_shapes(columns: dict[str, Tensor], index: Labels) -> None:
    outcome = columns["outcome"]
    if outcome.ndim != 1 or len({column.shape for column in columns.values()}) != 1 or len(index) != len(outcome):
        given = ", ".join(f"{name} {tuple(column.shape)}" for name, column in columns.items())
        raise ValueError(
            f"AWPO needs one outcome, reasoning, reasoning_valid and group label for each row, all of shape [B]: "
            f"got {given}, {len(index)} labels."
        )
    if not len(outcome):
        raise ValueError("AWPO got a batch without rollouts: outcome has shape [0]. Give at least one row.")
    for name in columns.keys() & {"reasoning_valid", "judged", "rejected"}:
        if columns[name].dtype != torch.bool:
            raise ValueError(
                f"{name} must be a bool tensor (for reasoning_valid, True = the scorer answered), "
                f"got {columns[name].dtype}."
            )


def _check_outcome(o: Tensor, index: Labels) -> None:
    bad = [int(i) for i in (~torch.isfinite(o)).nonzero().flatten()]
    if bad:
        shown = ", ".join(f"row {i} (uid {index[i]}): {o[i].item()}" for i in bad[:5])
        raise ValueError(
            f"The outcome reward of {len(bad)} of {len(o)} rollouts is not a finite number: {shown}. An outcome is "
            "what the policy is trained on, so it cannot be guessed: make the outcome checker or your "
            "custom_reward_function return a finite float for every rollout."
        )
