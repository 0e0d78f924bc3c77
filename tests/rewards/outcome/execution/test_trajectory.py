"""A rollout against its reference: states after each user turn, required results, and whose fault what is."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from awpo_verl.rewards.outcome import ToolCall
from awpo_verl.rewards.outcome.execution import (
    Observation,
    Session,
    TrajectoryError,
    TrajectoryMatch,
    compare,
    run_reference,
)
from tests.rewards.outcome.execution.environments import Counter

INITIAL = {"count": 0}


def add(amount: float) -> ToolCall:
    return ToolCall("add", {"amount": amount})


READ = ToolCall("read", {})


def new() -> Session:
    return Session.open(Counter, INITIAL)


def match(reference: list[list[ToolCall]], made: list[list[ToolCall]], results="auto") -> TrajectoryMatch:
    return compare(run_reference(new, reference, results), new, made)


def test_another_way_to_the_same_state_is_right():
    assert match([[add(5)]], [[add(2), READ, add(3)]]) == TrajectoryMatch(True, 1.0, 1.0)


def test_a_failed_call_on_the_way_costs_nothing():
    assert match([[add(5)]], [[ToolCall("add", {}), add(5)]]).ok


def test_a_wrong_state_says_where_it_differs():
    assert match([[add(5)]], [[add(4)]]) == TrajectoryMatch(False, 0.0, 1.0, "user turn 0: state.count: '4', not '5'")


def test_the_state_is_compared_after_every_user_turn_and_not_at_the_end_alone():
    # right at the end (5), wrong after the first of two turns
    assert match([[add(2)], [add(3)]], [[add(3)], [add(2)]]) == TrajectoryMatch(
        False, 0.5, 1.0, "user turn 0: state.count: '3', not '2'"
    )


def test_a_rollout_that_ended_early_did_nothing_in_the_missing_turns():
    result = match([[add(2)], [add(3)], []], [[add(2)]])
    assert (result.ok, result.state_ok) == (False, 1 / 3)


def test_more_user_turns_than_the_reference_is_the_caller_s_mistake():
    with pytest.raises(ValueError, match="the rollout has 2 user turns, and the reference 1"):
        match([[add(2)]], [[add(2)], []])


def test_where_the_reference_only_reads_its_last_result_is_required():
    missing = "user turn 0: required result never seen: 0"
    assert match([[READ]], [[]]) == TrajectoryMatch(False, 1.0, 0.0, missing)
    assert match([[READ]], [[READ]]).ok
    # where it writes, the state alone decides
    assert match([[READ, add(1)]], [[add(1)]]).ok


def test_all_results_can_be_required_as_bfcl_does():
    # the reference was told 0 and 1; the model only 1: half of them
    result = match([[READ, add(1)]], [[add(1)]], results="all")
    assert result == TrajectoryMatch(False, 1.0, 0.5, "user turn 0: required result never seen: 0")
    assert match([[READ, add(1)]], [[add(1)]], results="none").ok


def test_a_required_result_may_have_been_seen_in_an_earlier_user_turn_but_not_in_a_later_one():
    reference = [[add(1)], [READ]]
    assert match(reference, [[add(1)], []]).ok  # the first turn's result was 1, and so is the second's
    assert match([[READ], [add(1)]], [[], [READ, add(1)]]).results_ok == 0.5


def test_the_ground_truth_can_name_the_required_results():
    reference = [[READ, add(1)], [add(1)]]
    assert match(reference, [[add(1)], [add(1)]], results=[[1, 0]]).ok
    assert not match(reference, [[add(1)], [add(1)]], results=[[0, 0]]).ok


@pytest.mark.parametrize("results", ["some", [[0, 1]], [[1, 0]], [[-1, 0]], [0], 3, None])
def test_required_results_outside_the_trajectory_are_refused(results):
    with pytest.raises(TrajectoryError, match=r"ground_truth\['results'\] is"):
        run_reference(new, [[add(1)]], results)


def test_a_reference_that_fails_is_the_data_s_fault_and_is_named():
    with pytest.raises(TrajectoryError, match=r"\['trajectory'\]\[1\]\[0\] fails .* sub\(\{\}\) -> Unknown tool 'sub'"):
        run_reference(new, [[add(1)], [ToolCall("sub", {})]])


def test_numbers_are_compared_by_value_and_true_is_not_one():
    @dataclass
    class Fixed:
        value: object

        def call(self, call: ToolCall) -> Observation:
            raise AssertionError

        def state(self) -> object:
            return self.value

    def same(a: object, b: object) -> bool:
        return compare(run_reference(lambda: Fixed(a), [[]]), lambda: Fixed(b), [[]]).ok

    assert same({"x": 1}, {"x": 1.0})
    assert same([0.1 + 0.2], [0.3])
    assert same((1, 2), [1, 2])
    assert not same(1, True)
    assert not same(0, None)
    assert not same([1, 2], [2, 1])
    assert not same([1], [1, 1])
    assert not same({"x": 1}, {"x": 1, "y": None})
    assert not same("1", 1)


@dataclass
class Plain:
    """Not an Environment: what a benchmark wraps around classes of its own."""

    words: list[str] = field(default_factory=list)

    def call(self, call: ToolCall) -> Observation:
        if call.name != "say":
            return Observation("no such tool", failed=True)
        self.words.append(call.arguments["word"])
        return Observation(f"said {call.arguments['word']}", failed=False)

    def state(self) -> object:
        return list(self.words)


def test_it_compares_anything_that_calls_and_has_a_state():
    hello, bye = ToolCall("say", {"word": "hello"}), ToolCall("say", {"word": "bye"})
    reference = run_reference(Plain, [[hello], [bye]], "all")
    assert compare(reference, Plain, [[hello], [bye]]).ok
    result = compare(reference, Plain, [[hello], [ToolCall("shout", {})]])
    assert (result.ok, result.state_ok, result.results_ok) == (False, 0.5, 0.5)


def test_a_number_is_compared_by_value_however_large():
    large = 1_700_000_000_123
    assert match([[add(large)]], [[add(float(large))]]).ok
