"""The concordance of reasoning and outcome, by hand and against a count of all pairs."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.algorithm.concordance import MIN_PAIRS, concordance


def test_a_missing_reasoning_reward_does_not_count() -> None:
    # the one row that contradicts has no valid mark
    valid = torch.tensor([True, False, True, True])
    given = (torch.tensor([1.0, 1.0, 0.0, 0.0], dtype=torch.float64), torch.tensor([0.9, 0.0, 0.1, 0.2]).double())
    assert concordance(*given, valid, torch.tensor([0, 0, 1, 1])) == pytest.approx(1.0)


def test_differences_of_rounding_count_as_equal() -> None:
    outcome = torch.tensor([1.0, 0, 1, 0, 0, 0]).double()
    equal = torch.tensor([0.3, 0.1 + 0.2, 0.3, 0.1 + 0.2, 0.9, 0.1]).double()
    exact = torch.tensor([0.3, 0.3, 0.3, 0.3, 0.9, 0.1]).double()
    ids, asked = torch.tensor([0, 0, 1, 1, 2, 2]), torch.ones(6, dtype=torch.bool)
    assert concordance(outcome, equal, asked, ids) == concordance(outcome, exact, asked, ids)


def test_one_success_in_a_hundred_is_enough() -> None:
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
def test_concordance_is_the_balance_of_the_pairs_that_differ_in_both(rows: list[tuple[float, int, int, bool]]) -> None:
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
