"""The reward manager: where outcome and reasoning come from."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.rewards.managing import KEYS, RIGHT, TRUTH, manager, score


def test_built_in_checker_and_rubric(tokenizer: Any) -> None:
    reward, info = score(manager(tokenizer), RIGHT, extra_info={"reasoning_steps": ["2*3=6", "6+1=7"]})
    assert reward == 1.0
    assert info == {
        "acc": 1.0,
        "outcome": 1.0,
        "reasoning": 0.5,
        "reasoning_valid": 1.0,
        "reasoning_nonfinite": 0.0,
        "verl_rule": 0.0,
        "format_ok": 1.0,
        "n_calls": 1.0,
        "schema_ok": 1.0,
        "checked": 1.0,
        "exact": 1.0,
        "graded": 1.0,
        "name_score": 1.0,
        "key_score": 1.0,
        "value_score": 1.0,
        "refused": 0.0,
        "needless": 0.0,
        "state_ok": 0.0,
        "results_ok": 0.0,
        "rubric": 0.5,
        "rubric_steps": 0.5,
        **{f"rubric_{name}": 0.0 for name in ("tools", "arguments", "sources")},  # steps are stated: not looked at
        **{f"rubric_{name}": 1.0 for name in ("follows", "arithmetic", "loops", "padding")},
    }
    assert all(type(value) is float for value in info.values())


def test_the_users_function_stays_the_outcome_even_where_the_ground_truth_is_ours(tokenizer: Any) -> None:
    def half(data_source: str, solution_str: str, ground_truth: Any, extra_info: Any, **kwargs: Any) -> float:
        assert (data_source, solution_str, ground_truth) == ("shop", RIGHT, TRUTH)
        return 0.5

    reward, info = score(manager(tokenizer, half), RIGHT)
    assert (reward, info["outcome"]) == (0.5, 0.5)
    assert info["reasoning_valid"] == 1.0  # the rubric scored the reasoning
    assert set(info) == KEYS


def test_the_users_function_may_be_async_and_may_score_the_reasoning(tokenizer: Any) -> None:
    async def both(**kwargs: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"outcome": 1, "score": 7.5, "reasoning": np.float32(0.25), "speed": 3, "pred": "B", "n_calls": 9.0}

    reward, info = score(manager(tokenizer, both), "anything")
    assert (reward, info["outcome"], info["reasoning"]) == (1.0, 1.0, 0.25)  # outcome wins over score
    # what else it returns travels on as under verl's naive manager (`pred` is what verl votes on in validation)
    assert (info["score"], info["speed"], info["pred"], info["n_calls"]) == (7.5, 3, "B", 9.0)
    assert set(info) == KEYS | {"score", "speed", "pred"}


def test_verls_own_rule_serves_where_it_has_one(tokenizer: Any) -> None:
    reward, info = score(manager(tokenizer), "so it is #### 42", "42", data_source="openai/gsm8k")
    assert reward == 1.0
    assert (info["verl_rule"], info["checked"]) == (1.0, 0.0)
    # a function of the user's takes the rule's place, whatever it returns and whatever the data source
    function = manager(tokenizer, lambda **kw: {"score": 3.0, "verl_rule": 1.0})
    _, info = score(function, "so it is #### 42", "42", data_source="openai/gsm8k")
    assert info["verl_rule"] == 0.0


def test_no_checker_for_a_row_says_what_to_set(tokenizer: Any) -> None:
    with pytest.raises(ValueError, match=r"data_source='my_set'.*custom_reward_function is not set"):
        score(manager(tokenizer), RIGHT, "42", data_source="my_set")


def test_an_async_callable_object_is_awaited(tokenizer: Any) -> None:
    class Scorer:
        async def __call__(self, **kwargs: Any) -> dict[str, float]:
            return {"score": 0.25, "reasoning": 0.75}

    reward, info = score(manager(tokenizer, Scorer()), RIGHT)
    assert (reward, info["reasoning"]) == (0.25, 0.75)
    # verl binds reward_kwargs in a partial of a plain function, which returns the coroutine
    reward, info = score(manager(tokenizer, partial(lambda call, **kwargs: call(**kwargs), Scorer())), RIGHT)
    assert (reward, info["reasoning"]) == (0.25, 0.75)


def test_an_error_of_the_users_function_is_not_swallowed(tokenizer: Any) -> None:
    def broken(**kwargs: Any) -> float:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        score(manager(tokenizer, broken), RIGHT)


TOOLS = json.dumps([{"name": "pay", "parameters": {"properties": {"amount": {"type": "integer", "maximum": 5}}}}])


def test_the_rubric_scores_on_the_scale_of_the_users_function(tokenizer: Any) -> None:
    steps = {"reasoning_steps": ["2*3=6", "6+1=7"]}  # one of two: 0.5
    given = manager(tokenizer, reasoning_range=[0.0, 10.0])
    assert score(given, RIGHT, extra_info=steps)[1]["reasoning"] == 5.0
    own = manager(tokenizer, lambda **kw: {"score": 1.0, "reasoning": 7.0}, reasoning_range=[0.0, 10.0])
    assert score(own, RIGHT, extra_info=steps)[1]["reasoning"] == 7.0
    silent = manager(tokenizer, lambda **kw: 1.0, reasoning_range=[-1.0, 1.0])
    assert score(silent, RIGHT, extra_info=steps)[1]["reasoning"] == 0.0


def test_schemas_come_with_the_row_and_a_users_function_decides_alone(tokenizer: Any) -> None:
    truth = json.dumps({**json.loads(TRUTH), "tools": json.loads(TOOLS)})
    for info in (
        score(manager(tokenizer), RIGHT, truth)[1],
        score(manager(tokenizer), RIGHT, extra_info={"tools": TOOLS})[1],
    ):
        assert (info["outcome"], info["schema_ok"], info["checked"]) == (1.0, 0.0, 1.0)
    own = manager(tokenizer, lambda **kw: 0.25)
    info = score(own, RIGHT, '{"tool_calls": 3}', extra_info={"tools": "mine"})[1]
    assert (info["outcome"], info["schema_ok"], info["checked"]) == (0.25, 1.0, 0.0)


def test_graded_credit_is_the_outcome_by_choice(tokenizer: Any) -> None:
    half = RIGHT.replace('"amount": 6', '"amount": 7')
    assert score(manager(tokenizer), half)[0] == 0.0
    reward, info = score(manager(tokenizer, outcome={"match": "graded"}), half)
    assert (reward, info["acc"], info["exact"]) == (pytest.approx(0.5), pytest.approx(0.5), 0.0)
