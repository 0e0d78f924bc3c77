"""gate.kind=agreement: the reasoning reward has less of a say where it contradicts the outcome."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from awpo_verl.algorithm import Estimate, estimate
from awpo_verl.algorithm.concordance import MIN_PAIRS, concordance
from awpo_verl.config import parse

SOLVED_AND_FAILED = torch.tensor([1.0, 1.0, 0.0, 0.0])  # two groups, both dead


def run(outcome: Tensor, reasoning: Tensor, index: list[str], kind: str) -> Estimate:
    valid = torch.ones(len(outcome), dtype=torch.bool)
    return estimate(outcome, reasoning, valid, index, parse({"gate": {"kind": kind}}))


def test_a_scorer_that_marks_failures_above_successes_has_no_say() -> None:
    # in all four pairs of a success and a failure the failure has the better mark: -1
    result = run(SOLVED_AND_FAILED, torch.tensor([0.2, 0.0, 0.8, 1.0]), list("aabb"), "agreement")
    assert result.gate.tolist() == [0.0] * 4
    assert result.advantages.tolist() == [0.0] * 4


def test_a_scorer_that_agrees_has_the_say_that_the_spreads_give_it() -> None:
    reasoning = torch.tensor([0.8, 1.0, 0.2, 0.0])
    trusted = run(SOLVED_AND_FAILED, reasoning, list("aabb"), "agreement")
    plain = run(SOLVED_AND_FAILED, reasoning, list("aabb"), "variance_ratio")
    assert torch.equal(trusted.advantages, plain.advantages)
    assert trusted.gate.min() > 0.99


def test_a_slight_contradiction_takes_a_part_of_the_say() -> None:
    outcome = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    reasoning = torch.tensor([0.5, 0.4, 0.7, 0.6, 0.3, 0.4], dtype=torch.float64)
    # the success of .5 beats two failures and loses to two; that of .4 beats one and loses to two: -1 of 7
    expected = -1 / 7
    found = concordance(outcome, reasoning, torch.ones(6, dtype=torch.bool), torch.tensor([0, 0, 1, 1, 2, 2]))
    assert found == pytest.approx(expected)
    trusted = run(outcome, reasoning, list("aabbcc"), "agreement")
    plain = run(outcome, reasoning, list("aabbcc"), "variance_ratio")
    assert torch.allclose(trusted.gate, (1 + 2 * expected) * plain.gate)


def test_groups_in_which_it_agrees_speak_for_a_scorer_that_marks_hard_prompts_higher() -> None:
    # over the batch failures have the better marks (long thinking on hard prompts), within the live groups successes do
    outcome = torch.tensor([1.0, 1.0, 1.0, 1.0] + [1.0, 0.0, 0.0, 0.0] * 3)
    reasoning = torch.tensor([0.1, 0.2, 0.1, 0.2] + [0.6, 0.5, 0.5, 0.4] * 3)
    index = list("aaaabbbbccccdddd")
    trusted, plain = (run(outcome, reasoning, index, kind) for kind in ("agreement", "variance_ratio"))
    assert torch.equal(trusted.advantages, plain.advantages)
    # one such group could be chance
    few = slice(0, 8)
    trusted = run(outcome[few], reasoning[few], index[few], "agreement")
    assert trusted.gate.max() == 0.0


@pytest.mark.parametrize("outcome", [torch.zeros(4), torch.ones(4)])
def test_where_nothing_is_known_the_scorer_is_trusted(outcome: Tensor) -> None:
    reasoning = torch.tensor([0.2, 0.0, 0.8, 1.0])
    trusted, plain = (run(outcome, reasoning, list("aabb"), kind) for kind in ("agreement", "variance_ratio"))
    assert torch.equal(trusted.advantages, plain.advantages)


def test_a_missing_reasoning_reward_is_no_witness() -> None:
    # the one row that contradicts has no valid mark
    valid = torch.tensor([True, False, True, True])
    given = (torch.tensor([1.0, 1.0, 0.0, 0.0], dtype=torch.float64), torch.tensor([0.9, 0.0, 0.1, 0.2]).double())
    assert concordance(*given, valid, torch.tensor([0, 0, 1, 1])) == pytest.approx(1.0)


def test_a_rollout_without_thinking_is_no_witness() -> None:
    # successes have the lower marks of the judge; the two failures without thinking score 0 unasked
    outcome, reasoning = torch.tensor([1.0, 1, 0, 0, 0, 0]), torch.tensor([0.4, 0.4, 0.6, 0.6, 0.0, 0.0])
    valid, config = torch.ones(6, dtype=torch.bool), parse({"gate": {"kind": "agreement"}})
    index = ["a", "b", "a", "b", "c", "c"]
    asked = estimate(outcome, reasoning, valid, index, config, judged=torch.tensor([True] * 4 + [False] * 2))
    assert asked.gate.max() == 0.0  # all four pairs contradict
    assert estimate(outcome, reasoning, valid, index, config).gate.max() > 0.0  # as many pairs agree


def test_differences_of_rounding_are_none() -> None:
    outcome = torch.tensor([1.0, 0, 1, 0, 0, 0]).double()
    equal = torch.tensor([0.3, 0.1 + 0.2, 0.3, 0.1 + 0.2, 0.9, 0.1]).double()
    exact = torch.tensor([0.3, 0.3, 0.3, 0.3, 0.9, 0.1]).double()
    ids, asked = torch.tensor([0, 0, 1, 1, 2, 2]), torch.ones(6, dtype=torch.bool)
    assert concordance(outcome, equal, asked, ids) == concordance(outcome, exact, asked, ids)


def test_one_success_in_a_hundred_says_as_much_as_fifty() -> None:
    # a correlation would be 0.17 here: it shrinks with the share of successes
    outcome, reasoning = torch.zeros(100).double(), torch.linspace(0.5, 1.0, 100).double()
    outcome[0] = 1.0
    ids = torch.arange(100) // 10
    assert concordance(outcome, reasoning, torch.ones(100, dtype=torch.bool), ids) == pytest.approx(-1.0)


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 4), st.integers(0, 3), st.booleans()), max_size=24
    )
)
def test_it_is_the_balance_of_the_pairs_that_differ_in_both(rows: list[tuple[float, int, int, bool]]) -> None:
    def balance(pairs: list[tuple[int, int]], at_least: int) -> float | None:
        signs = [
            ((rows[i][0] > rows[j][0]) - (rows[i][0] < rows[j][0]))
            * ((rows[i][1] > rows[j][1]) - (rows[i][1] < rows[j][1]))
            for i, j in pairs
            if rows[i][0] != rows[j][0] and rows[i][1] != rows[j][1]
        ]
        return sum(signs) / len(signs) if len(signs) >= at_least else None

    known = [i for i, row in enumerate(rows) if row[3]]
    pairs = [(i, j) for i in known for j in known if i < j]
    views = [balance(pairs, 1), balance([(i, j) for i, j in pairs if rows[i][2] == rows[j][2]], MIN_PAIRS)]
    expected = max((view for view in views if view is not None), default=None)
    o, q, ids, valid = ([row[i] for row in rows] for i in range(4))
    found = concordance(
        torch.tensor(o).double(), torch.tensor(q).double(), torch.tensor(valid).bool(), torch.tensor(ids).long()
    )
    assert (found is None) == (expected is None)
    assert found is None or found == pytest.approx(expected)
