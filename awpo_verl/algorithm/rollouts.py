"""The arguments of `estimate`, read and checked once: float64 and bool tensors on the CPU.

B = rows (rollouts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from awpo_verl.algorithm.groups import Groups, Labels

Numbers = Tensor | np.ndarray | Sequence[float]
Flags = Tensor | np.ndarray | Sequence[bool]


@dataclass(frozen=True)
class Rollouts:
    """One train batch of B rollouts.

    Attributes:
        outcome: float64 [B], finite; 0 where rejected.
        reasoning: float64 [B], read only where valid.
        valid: bool [B], True where the scorer answered.
        has_thinking: bool [B], True where there was a thinking to judge.
        rejected: bool [B], True where no response token is left to train on.
        groups: the group of each row.
    """

    outcome: Tensor
    reasoning: Tensor
    valid: Tensor
    has_thinking: Tensor
    rejected: Tensor
    groups: Groups

    def select_kept(self) -> Rollouts:
        """The rows that are not rejected. Groups that lost all of their rows are gone."""
        if not self.rejected.any():
            return self
        rows = ~self.rejected
        return Rollouts(
            outcome=self.outcome[rows],
            reasoning=self.reasoning[rows],
            valid=self.valid[rows],
            has_thinking=self.has_thinking[rows],
            rejected=self.rejected[rows],
            groups=self.groups.select(rows),
        )


def read_rollouts(
    outcome: Numbers,
    reasoning: Numbers,
    valid: Flags,
    index: Labels | Groups,
    has_thinking: Flags | None = None,
    rejected: Flags | None = None,
) -> Rollouts:
    """Read and check the arguments of `estimate`.

    Raises:
        ValueError: there are no rows, shapes differ, a column does not hold numbers or flags, a label cannot be
            compared, or the outcome of a row that is not rejected is NaN or inf (names the groups).
    """
    columns = {
        "outcome": _to_tensor("outcome", outcome),
        "reasoning": _to_tensor("reasoning", reasoning),
        "reasoning_valid": _to_tensor("reasoning_valid", valid),
    }
    if has_thinking is not None:
        columns["has_thinking"] = _to_tensor("has_thinking", has_thinking)
    if rejected is not None:
        columns["rejected"] = _to_tensor("rejected", rejected)
    _check_shapes(columns, index.n_rows if isinstance(index, Groups) else len(index))
    o, q, scored = columns["outcome"].double(), columns["reasoning"].double(), columns["reasoning_valid"]
    lost = columns.get("rejected", torch.zeros_like(o, dtype=torch.bool))
    o = o.masked_fill(lost, 0.0)  # the outcome of a rejected row is never read, and may be NaN
    groups = Groups.of(index)
    _check_outcome(o, groups)
    return Rollouts(
        outcome=o,
        reasoning=q,
        valid=scored,
        has_thinking=columns.get("has_thinking", torch.ones_like(scored)),
        rejected=lost,
        groups=groups,
    )


def _to_tensor(name: str, given: Numbers | Flags) -> Tensor:
    """A tensor [B] on the CPU, without gradient."""
    if isinstance(given, Tensor):
        return given.detach().cpu()
    try:
        return torch.as_tensor(np.array(given, order="C"))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} cannot be read as one number for each rollout: {error} Give a tensor, an array or a list of "
            "numbers, and mark a missing reasoning reward by reasoning_valid=False instead of None."
        ) from error


def _check_shapes(columns: dict[str, Tensor], n_labels: int) -> None:
    outcome = columns["outcome"]
    if outcome.ndim != 1 or len({column.shape for column in columns.values()}) != 1 or n_labels != len(outcome):
        given = ", ".join(f"{name} {tuple(column.shape)}" for name, column in columns.items())
        raise ValueError(
            f"AWPO needs one outcome, reasoning, reasoning_valid and group label for each row, all of shape [B]: "
            f"got {given}, {n_labels} labels."
        )
    if not len(outcome):
        raise ValueError("AWPO got a batch without rollouts: outcome has shape [0]. Give at least one row.")
    for name in columns.keys() & {"reasoning_valid", "has_thinking", "rejected"}:
        if columns[name].dtype != torch.bool:
            raise ValueError(
                f"{name} must be a bool tensor (for reasoning_valid, True = the scorer answered), "
                f"got {columns[name].dtype}."
            )


def _check_outcome(o: Tensor, groups: Groups) -> None:
    bad = [int(i) for i in (~torch.isfinite(o)).nonzero().flatten()]
    if bad:
        shown = ", ".join(f"row {i} (uid {groups.labels[int(groups.ids[i])]}): {o[i].item()}" for i in bad[:5])
        raise ValueError(
            f"The outcome reward of {len(bad)} of {len(o)} rollouts is not a finite number: {shown}. The policy is "
            "trained on the outcome: let the outcome checker or your custom_reward_function return a finite float for "
            "every rollout."
        )
