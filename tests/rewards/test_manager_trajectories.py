"""The reward manager on rows whose tools have a state."""

from __future__ import annotations

from typing import Any

import pytest

from awpo_verl.rewards.outcome import ToolCall
from awpo_verl.rewards.outcome.execution import LOG_KEY, Session, TrajectoryError, ground_truth_text, tools_kwargs
from tests.rewards.managing import RIGHT, manager, score
from tests.rewards.outcome.execution.environments import Counter

COUNT = ground_truth_text(Counter, {"count": 1}, [[{"name": "add", "arguments": {"amount": 2}}]])


READ = ground_truth_text(Counter, {"count": 1}, [[{"name": "read", "arguments": {}}]])


@pytest.mark.parametrize(
    ("truth", "amount", "right"),
    [(COUNT, 2, 1.0), (COUNT, 3, 0.0), (COUNT, None, 0.0), (READ, 0, 1.0), (READ, None, 0.0)],
)
def test_a_trajectory_is_checked_by_what_the_rollouts_tools_did(
    tokenizer: Any, truth: str, amount: int | None, right: float
) -> None:
    fields: dict[str, Any] = {}
    if amount is not None:
        session = Session.open(Counter, {"count": 1})
        session.call(ToolCall("add", {"amount": amount}))
        fields = {LOG_KEY: session.log()}
    # the text says something else: the log counts
    given = {"tools_kwargs": tools_kwargs(Counter, {"count": 1})}
    reward, info = score(manager(tokenizer), RIGHT, truth, tool_extra_fields=fields, extra_info=given)
    assert (reward, info["exact"], info["graded"], info["checked"]) == (right, right, right, 1.0)
    assert info["n_calls"] == 1.0


def test_a_users_function_is_given_the_log_of_the_rollout_s_tools(tokenizer: Any) -> None:
    given: list[Any] = []

    def own(extra_info: dict[str, Any], **_: Any) -> float:
        given.append(extra_info[LOG_KEY])
        return 0.5

    assert score(manager(tokenizer, own), RIGHT, COUNT, tool_extra_fields={LOG_KEY: {"calls": []}})[0] == 0.5
    assert given == [{"calls": []}]


def test_a_trajectory_row_without_an_environment_is_an_error_and_not_the_models_zero(tokenizer: Any) -> None:
    with pytest.raises(TrajectoryError, match=r"extra_info\.tools_kwargs has no '__environment__'"):
        score(manager(tokenizer), RIGHT, COUNT, extra_info={"tools_kwargs": None})
