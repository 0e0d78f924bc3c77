"""The parts of a reward: what a function returned, encoded for each row and decoded as columns."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.rewards.managing import KEYS, RIGHT, manager, score


@pytest.mark.parametrize(("given", "nonfinite"), [(None, 0.0), (math.nan, 1.0), (-math.inf, 1.0)])
def test_no_answer_is_a_missing_reward_and_never_a_zero(tokenizer: Any, given: float | None, nonfinite: float) -> None:
    _, info = score(manager(tokenizer, lambda **kw: {"score": 1.0, "reasoning": given}), RIGHT)
    assert (info["reasoning"], info["reasoning_valid"], info["reasoning_nonfinite"]) == (0.0, 0.0, nonfinite)
    assert set(info) == KEYS | {"score"}


def test_the_reasoning_key_can_be_named(tokenizer: Any) -> None:
    _, info = score(manager(tokenizer, lambda **kw: {"score": 0.0, "cot": 0.75}, reasoning_key="cot"), RIGHT)
    assert info["cot"] == 0.75
    assert "reasoning" not in info


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        ({"reward": 1.0}, KeyError, "without 'outcome' or 'score'.*reward"),
        ("1.0", TypeError, "'1.0' .str.; AWPO needs a number"),
        ({"score": None}, TypeError, "score = 'None'"),
        ({"score": 1.0, "reasoning": "good"}, TypeError, "reasoning = 'good'"),
    ],
)
def test_a_result_that_is_no_reward_is_an_error(tokenizer: Any, result: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        score(manager(tokenizer, lambda **kw: result), RIGHT)
