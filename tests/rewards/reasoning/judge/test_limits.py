"""The breaker and the budget, by a clock that the test turns."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.rewards.reasoning.judge.limits import PROBE, REFUSED, REQUEST, Breaker, StepBudget


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(failures=2, pause=30.0, clock=clock)
    assert [breaker.failed(REQUEST), breaker.failed(REQUEST)] == [False, True]
    return breaker


def test_the_breaker_opens_after_enough_failures_in_a_row(clock: Clock) -> None:
    breaker = Breaker(failures=3, pause=30.0, clock=clock)
    said = [breaker.failed(breaker.allows()) for _ in range(2)]
    breaker.worked()  # in a row: one that works starts the count again
    said += [breaker.failed(breaker.allows()) for _ in range(3)]
    assert said == [False, False, False, False, True]
    assert breaker.allows() == REFUSED


def test_the_breaker_opens_only_after_enough_time(clock: Clock) -> None:
    """All requests in flight fail in one moment: the second tries decide."""
    breaker = Breaker(failures=3, pause=30.0, after=5.0, clock=clock)
    assert not any(breaker.failed(REQUEST) for _ in range(64))
    clock.now += 4.9
    assert breaker.failed(REQUEST) is False
    clock.now += 0.1
    assert breaker.failed(REQUEST) is True
    assert breaker.allows() == REFUSED


def test_a_failed_probe_starts_the_next_pause(clock: Clock) -> None:
    breaker = opened(clock)  # at 1000
    clock.now = 1029.9
    assert breaker.allows() == REFUSED
    clock.now = 1030.0
    assert [breaker.allows() for _ in range(3)] == [PROBE, REFUSED, REFUSED]
    clock.now = 1035.0
    assert breaker.failed(PROBE) is False  # it was said when it opened
    clock.now = 1064.9  # 1035 + 30 = 1065
    assert breaker.allows() == REFUSED
    clock.now = 1065.0
    assert breaker.allows() == PROBE


def test_a_successful_probe_closes_the_breaker_and_resets_the_count(clock: Clock) -> None:
    breaker = opened(clock)
    clock.now += 30.0
    assert breaker.allows() == PROBE
    breaker.worked()
    assert [breaker.allows() for _ in range(3)] == [REQUEST] * 3
    assert breaker.failed(REQUEST) is False
    assert breaker.allows() == REQUEST


def test_after_a_cancelled_probe_another_may_be_sent(clock: Clock) -> None:
    breaker = opened(clock)
    clock.now += 30.0
    assert breaker.allows() == PROBE
    breaker.gave_up(PROBE)
    assert [breaker.allows(), breaker.allows()] == [PROBE, REFUSED]


def test_older_requests_do_not_affect_the_probe(clock: Clock) -> None:
    breaker = opened(clock)
    clock.now += 20.0
    assert breaker.failed(REQUEST) is False
    clock.now += 10.0  # 30 after it opened, 10 after the late failure
    assert breaker.allows() == PROBE
    breaker.gave_up(REQUEST)
    breaker.failed(REQUEST)
    assert breaker.allows() == REFUSED


def test_a_late_success_closes_the_breaker(clock: Clock) -> None:
    breaker = opened(clock)
    breaker.worked()
    assert breaker.allows() == REQUEST


@given(st.lists(st.sampled_from(["ask", "worked", "failed", "gave_up", "wait"]), max_size=60))
def test_the_breaker_never_stays_open_forever(events: list[str]) -> None:
    clock = Clock()
    breaker = Breaker(failures=2, pause=30.0, clock=clock)
    sent: list[str] = []
    for event in events:
        if event == "ask":
            sent += [allowed] if (allowed := breaker.allows()) else []
        elif event == "wait":
            clock.now += 30.0
        elif sent:
            over = sent.pop(0)
            breaker.worked() if event == "worked" else getattr(breaker, event)(over)
    for over in sent:
        breaker.gave_up(over)
    clock.now += 30.0
    assert breaker.allows() != REFUSED


def test_the_budget_counts_simultaneous_waiting_once(clock: Clock) -> None:
    budget = StepBudget(10.0, clock)
    with budget.pending(1), budget.pending(1):
        clock.now += 3.0
        assert budget.left(1) == 7.0
    assert budget.left(1) == 7.0  # 10 - 3, and not 10 - 2 * 3
    clock.now += 100.0  # nobody waits
    assert budget.left(1) == 7.0
    with budget.pending(1):
        clock.now += 5.0
        assert budget.left(1) == 2.0  # 7 - 5


def test_the_budget_does_not_count_while_rollouts_arrive(clock: Clock) -> None:
    """Half an hour in which one arrives every 2 s and is judged in 3 s: it is generation that the step waits for."""
    budget = StepBudget(10.0, clock)
    with ExitStack() as pending:
        for _ in range(900):
            pending.enter_context(budget.pending(1))
            clock.now += 2.0
        clock.now += 1.0
    assert budget.left(1) == 7.0  # 10 - (2 + 1) after the last one


def test_an_overdrawn_budget_is_0_and_steps_are_independent(clock: Clock) -> None:
    budget = StepBudget(10.0, clock)
    with budget.pending(1):
        clock.now += 12.0
        assert budget.left(1) == 0.0
    assert budget.left(1) == 0.0
    assert budget.left(2) == 10.0


def test_an_unknown_step_has_no_budget(clock: Clock) -> None:
    budget = StepBudget(10.0, clock)
    with budget.pending(None):
        clock.now += 1000.0
        assert budget.left(None) == float("inf")


def test_the_clock_stops_when_a_score_fails(clock: Clock) -> None:
    budget = StepBudget(10.0, clock)

    def fail_after_2_seconds() -> None:
        with budget.pending(1):
            clock.now += 2.0
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_2_seconds()
    clock.now += 5.0
    assert budget.left(1) == 8.0


def test_only_the_latest_steps_are_remembered(clock: Clock) -> None:
    budget = StepBudget(10.0, clock)
    for step in range(100):
        with budget.pending(step):
            clock.now += 1.0
    assert len(budget._steps) == StepBudget.KEPT
    assert budget.left(99) == 9.0


waits = st.lists(st.tuples(st.floats(0.0, 50.0), st.floats(0.0, 50.0)), min_size=1, max_size=30)


@given(waits, st.floats(0.1, 60.0))
def test_scores_that_wait_for_the_rest_never_exceed_the_budget(
    asked: list[tuple[float, float]], seconds: float
) -> None:
    """asked: when each begins, and how long it would take; each gives up after what is left when it begins. What counts
    of a stretch in which some are pending is what follows the last arrival in it.
    """
    clock = Clock(0.0)
    budget = StepBudget(seconds, clock)
    spans: list[tuple[float, float]] = []
    running: list[tuple[float, ExitStack]] = []

    def end_those_before(now: float) -> None:
        running.sort(key=lambda each: each[0])
        while running and running[0][0] <= now:
            clock.now, stack = running.pop(0)
            stack.close()

    for begin, takes in sorted(asked):
        end_those_before(begin)
        clock.now = begin
        stack = ExitStack()
        stack.enter_context(budget.pending(1))
        end = begin + min(takes, budget.left(1))
        running.append((end, stack))
        spans.append((begin, end))
    end_those_before(float("inf"))
    waited, arrived, reached = 0.0, 0.0, 0.0
    for begin, end in [*spans, (float("inf"), float("inf"))]:
        if begin >= reached:  # the stretch before has ended
            waited += reached - arrived
        arrived, reached = begin, max(reached, end)
    assert waited <= seconds + 1e-6
    assert budget.left(1) == pytest.approx(max(0.0, seconds - waited), abs=1e-6)
