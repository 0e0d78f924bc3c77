"""The rule-based reasoning score, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.rewards.outcome import parse_response
from awpo_verl.rewards.reasoning import rule_score

STEPS = ["6*17=102", "102+9=111", "111-1=110"]


@pytest.mark.parametrize(
    ("thinking", "score"),
    [
        ("6*17=102\n102+9=111\n111-1=110", 1.0),
        ("6 * 17 = 102; 102 + 9 = 111", 2 / 3),
        ("first\n6*17=102\nhm\n111-1=110", 2 / 3),  # in order, with other lines between
        ("102+9=111\n6*17=102", 1 / 3),  # out of order: only one of them counts
        ("6*17=103\n", 0.0),
        ("6*17=102 and so on", 0.0),  # a step is a whole line
        ("", 0.0),
    ],
)
def test_share_of_the_expected_steps_in_order(thinking: str, score: float) -> None:
    assert rule_score(parse_response(f"<think>{thinking}</think> x"), STEPS) == pytest.approx(score)


CALL = '<tool_call>{"name": "pay", "arguments": {"amount": 12, "to": {"who": "Ann"}}}</tool_call>'


@pytest.mark.parametrize(
    ("thinking", "score"),
    [("pay Ann 12", 1.0), ("pay Ann", 2 / 3), ("do it", 0.0), ("pay Anna 123", 1 / 3), ("pay(12, Ann)", 1.0)],
)
def test_without_expected_steps_the_call_must_follow_from_the_thinking(thinking: str, score: float) -> None:
    assert rule_score(parse_response(f"<think>{thinking}</think>{CALL}")) == pytest.approx(score)


def test_not_calling_and_broken_calls_earn_nothing_where_calls_are_expected() -> None:
    assert rule_score(parse_response("<think>pay Ann 12</think> I refuse."), None, True) == 0.0
    assert rule_score(parse_response("<think>pay Ann 12</think><tool_call>{broken</tool_call>"), None, True) == 0.0
    assert rule_score(parse_response("<think>6*17=102</think><tool_call>{broken</tool_call>"), STEPS, True) == 0.0


def test_where_there_is_nothing_to_hold_the_thinking_against_there_is_no_answer() -> None:
    assert rule_score(parse_response("<think>hm</think> It is 45.")) is None


def test_an_expected_step_may_hold_the_separator() -> None:
    assert rule_score(parse_response("<think>a; b\nc</think> x"), ["a;b", "d"]) == pytest.approx(2 / 3)


@pytest.mark.parametrize("text", ["no thinking", "<think>never closed", "<think>  </think> x"])
def test_no_thinking_scores_zero(text: str) -> None:
    assert rule_score(parse_response(text)) == 0.0
    assert rule_score(parse_response(text), STEPS) == 0.0


@given(st.text(max_size=400), st.none() | st.lists(st.text(max_size=8), max_size=5))
def test_any_text_scores_within_range(text: str, steps: list[str] | None) -> None:
    for score in (rule_score(parse_response(t), steps, True) for t in (text, f"<think>{text}</think>{CALL}")):
        assert score is not None
        assert 0.0 <= score <= 1.0
