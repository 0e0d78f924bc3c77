"""The parts of one rollout's reward, as they travel through verl's `reward_extra_info`.

verl stacks every key over the rows (validation, dumps, GDPO), so ours are the same for each rollout: plain floats, none
of them NaN (a missing reasoning reward is `reasoning = 0, reasoning_valid = 0`), and the judge's two texts, which verl
skips in validation. What a user's function returns beside them travels on as it is, as under verl's naive manager.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

OUTCOME, VALID, NONFINITE = "outcome", "reasoning_valid", "reasoning_nonfinite"
CHECKED, VERL_RULE = "checked", "verl_rule"  # who scored the outcome: this package's checker, or verl's own rule


@dataclass(frozen=True)
class RewardParts:
    """One rollout's reward.

    Attributes:
        outcome: o, what GRPO would train on. Must be finite; the estimator refuses it otherwise.
        reasoning: q, or None where the scorer did not answer. NaN and inf count as missing, and are counted.
        checks: what the checkers, the rubric and the judge say (their as_info): the same keys for each rollout.
        extra: what else a user's reward function returned, for the logs.
        verl_rule: whether verl's own rule for the data source gave the outcome. Its range is known then.
    """

    outcome: float
    reasoning: float | None
    checks: Mapping[str, Any]
    extra: Mapping[str, Any]
    verl_rule: bool = False

    def as_info(self, reasoning_key: str) -> dict[str, Any]:
        """The row's `reward_extra_info`. `acc` is the name under which verl reports validation.

        A user's own `acc`, or one under the name of a check, takes the place of ours.
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


# Ours, or verl's (it adds a column `reward` of its own): a user's value under these names is not passed on.
_OWN = {"reward", OUTCOME, VALID, NONFINITE, VERL_RULE}


def read_result(result: Any, reasoning_key: str) -> tuple[float, dict[str, Any], bool, float | None]:
    """What a user's reward function returned: outcome, what else, whether it gave a reasoning reward, and which.

    Args:
        result: a number (the outcome), or a dict with `outcome` (or verl's `score`; `outcome` wins) and, if the
            function scores the reasoning itself, `reasoning_key`; None or NaN there means that it has no answer.

    Raises:
        TypeError, KeyError: anything else, with what was given.
    """
    if isinstance(result, Mapping):
        source = OUTCOME if OUTCOME in result else "score"
        if source not in result:
            raise KeyError(
                f"The reward function returned a dict without 'outcome' or 'score' (its keys: {sorted(result)}). "
                "AWPO takes the outcome reward from 'outcome', else from 'score'."
            )
        extra = {key: value for key, value in result.items() if key not in _OWN and key != reasoning_key}
        gave = reasoning_key in result
        reasoning = result.get(reasoning_key)
        if reasoning is not None:
            reasoning = _number(reasoning, reasoning_key)
        return _number(result[source], source), extra, gave, reasoning
    return _number(result, "the returned value"), {}, False, None


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) or (hasattr(value, "item") and getattr(value, "ndim", 1) == 0)


def _number(value: Any, name: str) -> float:
    if not _is_number(value):
        raise TypeError(
            f"The reward function returned {name} = {str(value)[:100]!r} ({type(value).__name__}); AWPO needs a number."
        )
    return float(value)
