"""The parts of a rollout's reward, and how they travel through verl: encoded for each row, decoded as columns.

The reward manager encodes one rollout's parts into verl's `reward_extra_info` (`RewardParts.as_info`). verl stacks each
key over the rows of a batch, and the trainer's seams decode those columns (`read_parts`).

Because verl stacks the keys (validation, dumps, GDPO), our keys are the same for every rollout. They are plain floats,
none of them NaN (a missing reasoning reward is `reasoning = 0, reasoning_valid = 0`), and the judge's two texts, which
verl skips in validation. What a user's function returns beside them travels unchanged, as with verl's naive manager.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from awpo_verl.config import SECTION
from awpo_verl.rewards.reasoning.judge.scorer import NO_THINKING
from awpo_verl.rewards.reasoning.judge.scorer import STATUS as JUDGE_STATUS

OUTCOME, VALID, NONFINITE = "outcome", "reasoning_valid", "reasoning_nonfinite"
CHECKED, VERL_RULE = "checked", "verl_rule"  # who scored the outcome: this package's checker, or verl's own rule
DATA_SOURCE, UID = "data_source", "uid"  # columns of verl's batch beside the parts
# Ours, or verl's (it adds a column `reward`): a user's value under these names is not passed on.
_OWN = {"reward", OUTCOME, VALID, NONFINITE, VERL_RULE}

Columns = Mapping[str, Sequence[Any]]  # the keys of reward_extra_info, B values each, and data_source


@dataclass(frozen=True)
class Scored:
    """The outcome of one rollout, from the checker, verl's rule or the user's function.

    Attributes:
        outcome: o.
        has_reasoning: the user's function scores the reasoning itself.
        reasoning: its score; None = it has no answer for this rollout.
        extra: what else the function returned, for the logs.
    """

    outcome: float
    has_reasoning: bool = False
    reasoning: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


def read_result(result: Any, reasoning_key: str) -> Scored:
    """Read what a user's reward function, or verl's rule, returned.

    Args:
        result: a number (the outcome), or a dict with `outcome` (or verl's `score`; `outcome` wins). The dict may have
            `reasoning_key` too: None or NaN there means that the function has no answer.

    Raises:
        TypeError, KeyError: anything else; shows what was given.

    Example:
        >>> read_result({"score": 1, "reasoning": 0.5}, "reasoning")
        Scored(outcome=1.0, has_reasoning=True, reasoning=0.5, extra={'score': 1})
    """
    if not isinstance(result, Mapping):
        return Scored(_read_number(result, "the returned value"))
    given = cast("Mapping[str, Any]", result)
    source = OUTCOME if OUTCOME in given else "score"
    if source not in given:
        raise KeyError(
            f"The reward function returned a dict without 'outcome' or 'score' (its keys: {sorted(given)}). "
            "AWPO takes the outcome reward from 'outcome', else from 'score'."
        )
    reasoning = given.get(reasoning_key)
    return Scored(
        outcome=_read_number(given[source], source),
        has_reasoning=reasoning_key in given,
        reasoning=None if reasoning is None else _read_number(reasoning, reasoning_key),
        extra={key: value for key, value in given.items() if key not in _OWN and key != reasoning_key},
    )


def _read_number(value: Any, name: str) -> float:
    if isinstance(value, Real) or (hasattr(value, "item") and getattr(value, "ndim", 1) == 0):
        return float(value)
    raise TypeError(
        f"The reward function returned {name} = {str(value)[:100]!r} ({type(value).__name__}); AWPO needs a number."
    )


@dataclass(frozen=True)
class RewardParts:
    """One rollout's reward.

    Attributes:
        outcome: o, what GRPO would train on. It must be finite; the estimator refuses it otherwise.
        reasoning: q, or None where the scorer did not answer. NaN and inf count as missing, and are counted.
        checks: what the checker, the rubric and the judge found (their as_info), the same keys for each rollout.
        extra: what else a user's reward function returned, for the logs.
        verl_rule: whether verl's own rule for the data source gave the outcome. Its range is then known.
    """

    outcome: float
    reasoning: float | None
    checks: Mapping[str, Any] = field(default_factory=dict[str, Any])
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    verl_rule: bool = False

    def as_info(self, reasoning_key: str) -> dict[str, Any]:
        """Encode the parts as the row's `reward_extra_info`. verl reports validation under the name `acc`.

        A user's own `acc`, or a value under the name of a check, replaces ours.
        """
        reasoning = self.reasoning
        nonfinite = reasoning is not None and not math.isfinite(reasoning)
        valid = reasoning is not None and not nonfinite
        return {
            "acc": self.outcome,
            **self.checks,
            **self.extra,
            OUTCOME: self.outcome,
            reasoning_key: float(reasoning) if reasoning is not None and valid else 0.0,
            VALID: float(valid),
            NONFINITE: float(nonfinite),
            VERL_RULE: float(self.verl_rule),
        }


@dataclass(frozen=True)
class PartsColumns:
    """The parts of B rows.

    Attributes:
        reasoning: float64 [B], on the scale of `reasoning_range`; NaN where the scorer gave NaN or inf, and without
            meaning where not valid.
        valid: bool [B], True = there is a reasoning reward. Also True for NaN and inf, which the estimator counts.
        has_thinking: bool [B], False = the reasoning is 0 because there was no thinking to judge.
        by_verl_rule: bool [B], True = verl's own rule for the data source gave the outcome.
        data_source: of each row; None where it is not known.
    """

    reasoning: Tensor
    valid: Tensor
    has_thinking: Tensor
    by_verl_rule: Tensor
    data_source: tuple[str, ...] | None


def read_parts(columns: Columns, reasoning_key: str, n_rows: int) -> PartsColumns:
    """Decode the parts of B rows.

    Args:
        columns: the keys of reward_extra_info with B values each, None where a row lacks the key, and data_source.
        reasoning_key: `algorithm.awpo.reasoning_key`.
        n_rows: B.

    Raises:
        KeyError: no row has a reasoning reward; says where it should come from.
    """
    reasoning, valid = read_reasoning(columns, reasoning_key, n_rows)
    sources = columns.get(DATA_SOURCE)
    return PartsColumns(
        reasoning=reasoning,
        valid=valid,
        has_thinking=read_has_thinking(columns, n_rows),
        by_verl_rule=read_by_verl_rule(columns, n_rows),
        data_source=None if sources is None else tuple(map(str, sources)),
    )


def read_outcome(columns: Columns) -> Tensor:
    """Decode the outcome that our reward manager wrote, float64 [B]; NaN where a row has none.

    A user's own column of that name, with another reward manager, may hold anything. So only call it where the other
    columns are ours.
    """
    return _read_floats(columns[OUTCOME], float("nan"))[0]


def read_reasoning(columns: Columns, key: str, n_rows: int) -> tuple[Tensor, Tensor]:
    """Decode `PartsColumns.reasoning` and `.valid`.

    A value that is None is missing. A row that the reward manager marked as not finite becomes NaN again, so that the
    estimator counts it.

    Raises:
        KeyError: no row has a reasoning reward; says where it should come from.
    """
    if key not in columns:
        given = ", ".join(sorted(str(name) for name in columns if name not in (UID, DATA_SOURCE))) or "nothing"
        raise KeyError(
            "AWPO needs the reasoning reward of each rollout, and reward_extra_info has no key "
            f"'{key}' (it has: {given}). Use reward.reward_manager.name=awpo, or let your reward function return "
            f"a dict with '{key}', or name its key with {SECTION}.reasoning_key."
        )
    reasoning, present = _read_floats(columns[key], 0.0)
    nonfinite = _read_floats(columns[NONFINITE], 0.0)[0] > 0.5 if NONFINITE in columns else _all(False, n_rows)
    scored = _read_floats(columns[VALID], 1.0)[0] > 0.5 if VALID in columns else _all(True, n_rows)
    return reasoning.masked_fill(nonfinite, float("nan")), present & scored | nonfinite


def read_has_thinking(columns: Columns, n_rows: int) -> Tensor:
    """Decode `PartsColumns.has_thinking`."""
    statuses = columns.get(JUDGE_STATUS)
    if statuses is None:
        return _all(True, n_rows)
    return torch.tensor([status != NO_THINKING for status in statuses], dtype=torch.bool)


def read_by_verl_rule(columns: Columns, n_rows: int) -> Tensor:
    """Decode `PartsColumns.by_verl_rule`."""
    return _read_flags(columns.get(VERL_RULE), n_rows) & ~_read_flags(columns.get(CHECKED), n_rows)


def _read_flags(values: Sequence[Any] | None, n_rows: int) -> Tensor:
    """bool [B]: which rows have a 1 there. A user's function may have put anything into `checked`."""
    try:
        numbers = np.zeros(n_rows) if values is None else np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        return _all(False, n_rows)
    return torch.as_tensor(numbers == 1.0)


def _read_floats(values: Sequence[Any], default: float) -> tuple[Tensor, Tensor]:
    """One column as float64 [B], the default where a value is None; and bool [B], True where it is not None."""
    numbers = np.array(values, dtype=np.float64)  # None becomes NaN
    present = ~np.isnan(numbers)
    for row in np.flatnonzero(~present):
        present[row] = values[row] is not None
    return torch.as_tensor(np.where(present, numbers, default)), torch.as_tensor(present)


def _all(value: bool, n_rows: int) -> Tensor:
    return torch.full((n_rows,), value, dtype=torch.bool)
