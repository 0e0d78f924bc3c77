"""The parts of a reward: what a function returned, encoded for each row and decoded as columns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from awpo_verl.rewards.parts import RewardParts, Scored, read_outcome, read_parts, read_result
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


def test_a_result_is_read_into_outcome_reasoning_and_the_rest() -> None:
    assert read_result(1, "reasoning") == Scored(1.0)
    assert read_result(torch.tensor(0.5), "reasoning") == Scored(0.5)
    given = {"outcome": 1.0, "score": 7.0, "reasoning": None, "verl_rule": 1.0, "pred": "B"}
    assert read_result(given, "reasoning") == Scored(1.0, True, None, {"score": 7.0, "pred": "B"})
    assert read_result({"score": 1.0, "cot": 0.5}, "cot") == Scored(1.0, True, 0.5, {"score": 1.0})


numbers = st.floats(allow_nan=True, allow_infinity=True)
rows_of_parts = st.builds(
    RewardParts,
    outcome=st.floats(allow_nan=False, allow_infinity=False),
    reasoning=st.none() | numbers,
    checks=st.fixed_dictionaries(
        {"checked": st.sampled_from([0.0, 1.0])}, optional={"judge_status": st.sampled_from(["ok", "no_thinking"])}
    ),
    extra=st.dictionaries(st.sampled_from(["pred", "speed"]), st.text() | st.integers()),
    verl_rule=st.booleans(),
)


@hypothesis_given(st.lists(rows_of_parts, min_size=1, max_size=6), st.sampled_from(["reasoning", "cot"]))
def test_what_is_encoded_for_each_row_is_decoded_from_the_columns(rows: list[RewardParts], key: str) -> None:
    infos = [row.as_info(key) for row in rows]
    names = {name for info in infos for name in info}
    columns = {name: [info.get(name) for info in infos] for name in names} | {"data_source": ["set"] * len(rows)}
    for stacked in (columns, {name: np.array([*values, None], dtype=object)[:-1] for name, values in columns.items()}):
        found = read_parts(stacked, key, len(rows))
        outcome = read_outcome(stacked)
        assert outcome.dtype == found.reasoning.dtype == torch.float64
        assert outcome.tolist() == [row.outcome for row in rows]
        assert found.valid.tolist() == [row.reasoning is not None for row in rows]
        for row, reasoning in zip(rows, found.reasoning.tolist(), strict=True):
            if row.reasoning is None:
                continue
            if math.isfinite(row.reasoning):
                assert reasoning == row.reasoning
            else:  # counted as not finite, whichever it was
                assert math.isnan(reasoning)
        assert found.has_thinking.tolist() == [row.checks.get("judge_status") != "no_thinking" for row in rows]
        assert found.by_verl_rule.tolist() == [row.verl_rule and row.checks["checked"] == 0.0 for row in rows]
        assert found.data_source == ("set",) * len(rows)
        assert all(math.isfinite(value) for info in infos for value in info.values() if isinstance(value, float))


def test_columns_without_a_reasoning_reward_say_where_it_should_come_from() -> None:
    with pytest.raises(KeyError, match=r"no key 'reasoning' \(it has: acc\).*reward_manager\.name=awpo"):
        read_parts({"acc": [1.0], "data_source": ["set"], "uid": ["a"]}, "reasoning", 1)


def test_columns_of_another_reward_manager_have_no_validity() -> None:
    """And a column `outcome` of theirs may hold anything."""
    columns = {"reasoning": [0.5, None], "checked": ["a", "b"], "outcome": ["right", ["wrong"]]}
    found = read_parts(columns, "reasoning", 2)
    assert found.data_source is None
    assert found.valid.tolist() == [True, False]
    assert found.by_verl_rule.tolist() == [False, False]
    assert found.has_thinking.tolist() == [True, True]
