"""Intervals against values computed by hand or published."""

from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.workbench.bfcl.intervals import (
    Estimate,
    Paired,
    accuracy_difference,
    estimate_accuracy,
    mcnemar_p_value,
    weighted_mean,
)

counts = st.integers(0, 40)
tables = st.builds(Paired, counts, counts, counts, counts)


def test_wilson_of_8_in_10() -> None:
    # z = 1.96: centre (0.8 + z^2/20) / (1 + z^2/10) = 0.99207 / 1.38415 = 0.71674
    # half z sqrt(0.8 * 0.2 / 10 + z^2/400) / 1.38415 = 1.95996 * sqrt(0.016 + 0.0096036) / 1.38415 = 0.22658
    found = estimate_accuracy(8, 10)
    assert found.value == 0.8
    assert (found.low, found.high) == (pytest.approx(0.49016, abs=1e-5), pytest.approx(0.94332, abs=1e-5))


def test_no_success_in_10_still_has_an_interval() -> None:
    # Wilson with p = 0: from 0 to z^2 / (n + z^2) = 3.84146 / 13.84146
    found = estimate_accuracy(0, 10)
    assert found.low == pytest.approx(0)
    assert found.high == pytest.approx(3.841459 / 13.841459, abs=1e-6)


def test_without_entries_an_accuracy_may_be_anything() -> None:
    found = estimate_accuracy(0, 0)
    assert (found.low, found.high) == (0, 1)
    assert found.value != found.value


def test_a_weighted_mean_squares_and_adds() -> None:
    # the weights 1 and 3 are 1/4 and 3/4; value 0.25 * 0.4 + 0.75 * 0.8 = 0.7
    # below sqrt((0.25 * 0.2)^2 + (0.75 * 0.1)^2), above sqrt((0.25 * 0.1)^2 + (0.75 * 0.1)^2)
    found = weighted_mean([Estimate(0.4, 0.2, 0.5), Estimate(0.8, 0.7, 0.9)], [1, 3])
    assert found.value == pytest.approx(0.7)
    assert found.low == pytest.approx(0.7 - sqrt(0.05**2 + 0.075**2))
    assert found.high == pytest.approx(0.7 + sqrt(0.025**2 + 0.075**2))


def test_newcombes_own_example() -> None:
    # Newcombe 1998, method 10 on the table 36, 12, 2, 0: difference 0.2, interval 0.0569 to 0.3404
    found = accuracy_difference(Paired(both=36, first=12, second=2, neither=0))
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == (pytest.approx(0.0569, abs=5e-5), pytest.approx(0.3404, abs=5e-5))


def test_two_models_that_never_succeed_are_not_proven_equal() -> None:
    # both have the Wilson interval 0 to 0.2775 and phi is 0: below and above are 0.2775
    found = accuracy_difference(Paired(0, 0, 0, 10))
    assert (found.low, found.value, found.high) == (
        pytest.approx(-0.27753, abs=1e-5),
        0,
        pytest.approx(0.27753, abs=1e-5),
    )
    assert mcnemar_p_value(Paired(0, 0, 0, 10)) == 1.0


def test_mcnemar_counts_only_where_the_models_differ() -> None:
    # 5 of 5 differences for the first: 2 * 0.5^5 = 0.0625, however many they agree on
    assert mcnemar_p_value(Paired(7, 5, 0, 100)) == pytest.approx(0.0625)


@given(tables)
def test_swapping_the_models_mirrors_the_difference(table: Paired) -> None:
    there, back = (
        accuracy_difference(table),
        accuracy_difference(Paired(table.both, table.second, table.first, table.neither)),
    )
    if table.n:
        assert there.value == pytest.approx(-back.value)
        assert (there.low, there.high) == (pytest.approx(-back.high), pytest.approx(-back.low))
        assert -1 <= there.low <= there.value <= there.high <= 1


@given(tables)
def test_pairing_narrows_the_interval_of_models_that_agree(table: Paired) -> None:
    """Beside the same two accuracies with as little agreement as there can be."""
    first, second = table.both + table.first, table.both + table.second
    both = max(0, first + second - table.n)
    apart = Paired(both, first - both, second - both, table.n - first - second + both)
    if table.n:
        alone, other = accuracy_difference(table), accuracy_difference(apart)
        assert alone.high - alone.low <= other.high - other.low + 1e-9
