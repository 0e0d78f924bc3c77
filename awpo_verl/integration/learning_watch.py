"""Warns that nothing is learned: rewards that never differ, advantages that are all 0.

A reward function that misses a key in each row, a wrong format or a broken ground truth often shows as a constant
reward. Training then goes on for hours with a gradient of 0. Each condition is printed once, with its value and what to
do. It is printed again only if it went away and came back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from awpo_verl.config import SECTION

ADVANTAGES, OUTCOME, REASONING, MISSING = "advantages", "outcome", "reasoning", "no reasoning"
BATCHES = 3  # in a row: one batch of easy or hard prompts may be constant
DUMPS = "Set trainer.rollout_data_dir and run `awpo-verl score` on the dump: it lists the most frequent failures."


@dataclass
class _Streak:
    """Batches in a row with the same condition and the same value in all rows."""

    value: float
    batches: int = 0
    warned: bool = False


class LearningWatch:
    """Watches the train batches of one process."""

    def __init__(self) -> None:
        self._streaks: dict[str, _Streak] = {}

    def check_batch(
        self, advantages: Tensor, outcome: Tensor, reasoning: Tensor, valid: Tensor, has_judge: bool, key: str
    ) -> None:
        """Look at one train batch of B rollouts, and print a warning, at most once for each condition.

        Args:
            advantages, outcome, reasoning: [B].
            valid: bool [B], False where the reasoning reward is missing.
            has_judge: a judge scores the reasoning. The judge has its own warning about missing rewards.
            key: `algorithm.awpo.reasoning_key`.
        """
        streaks: dict[str, _Streak] = {}
        for condition, value in _find_conditions(advantages, outcome, reasoning, valid, has_judge):
            earlier = self._streaks.get(condition)
            streaks[condition] = earlier if earlier is not None and earlier.value == value else _Streak(value)
            streaks[condition].batches += 1
        self._streaks = streaks
        for condition, streak in streaks.items():
            if streak.warned or streak.batches < (1 if condition == MISSING else BATCHES):
                continue
            print(f"[awpo] warning: {_describe(condition, streaks, len(outcome), key)}", flush=True)
            streak.warned = True
            if condition == ADVANTAGES:  # its line has the values of the others
                for other in streaks.values():
                    other.warned = True


def _describe(condition: str, streaks: Mapping[str, _Streak], rows: int, key: str) -> str:
    value, since = streaks[condition].value, f"in the last {BATCHES} train batches"
    if condition == ADVANTAGES:
        names = {OUTCOME: "the outcome", REASONING: f"'{key}'"}
        constant = [
            f"{name} was {streaks[kind].value:g} in all rollouts" for kind, name in names.items() if kind in streaks
        ]
        constant += [f"'{key}' was missing in all rollouts"] if MISSING in streaks else []
        why = " and ".join(constant) or "within each group, all rewards were equal"
        return (
            f"nothing is learned: the advantages of all rollouts were exactly 0 {since}; {why}. Check that your reward "
            f"function reads the keys that your data have, or use prompts of another difficulty. {DUMPS}"
        )
    if condition == OUTCOME:
        return (
            f"the outcome reward was {value:g} in all rollouts {since}. Check that your reward function reads the keys "
            f"that your data have, and that it knows the model's format. {DUMPS}"
        )
    if condition == REASONING:
        return (
            f"the reasoning reward '{key}' was {value:g} in all rollouts {since}, so AWPO learns from the outcome "
            "alone, as GRPO does. Check that the model writes <think>...</think>, and what your scorer returns."
        )
    return (
        f"the reasoning reward '{key}' is missing in all {rows} rollouts of this train batch, so AWPO learns from the "
        f"outcome alone, as GRPO does. Return a number under '{key}', or name your key with {SECTION}.reasoning_key."
    )


def _find_conditions(
    advantages: Tensor, outcome: Tensor, reasoning: Tensor, valid: Tensor, has_judge: bool
) -> Iterator[tuple[str, float]]:
    """Each condition of a batch, with the value that all rows have."""
    if len(outcome) < 2:
        return
    if not bool(advantages.any()):
        yield ADVANTAGES, 0.0
    if bool((outcome == outcome[0]).all()):
        yield OUTCOME, float(outcome[0])
    scored = reasoning.masked_select(valid & reasoning.isfinite())
    if len(scored):
        if len(scored) > 1 and bool((scored == scored[0]).all()):
            yield REASONING, float(scored[0])
    elif not has_judge:
        yield MISSING, 0.0
