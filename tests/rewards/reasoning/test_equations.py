"""The sums in a text: which are found, which are true, and that odd texts are left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.rewards.reasoning.equations import MAX_EQUATIONS, find_equations


@pytest.mark.parametrize(
    "text",
    [
        *("6*17=102", "6 x 17 = 102", "6 \u00d7 17 = 102", "6x17=102", r"\(6 \times 17 = 102\)", "so 6 * 17 = 102."),
        *("2 + 3 * 4 = 14", "(2 + 3) * 4 = 20", "2 - 3 - 4 = -5", "12 / 4 / 3 = 1", "-5 + 3 = -2", "5 \u2212 3 = 2"),
        *("$1,000 + $24.50 = $1,024.50", "3 * 140 = 420 euros", "- 2 + 2 = 4", "1. 2 + 2 = 4", "2 + 2 == 4"),
        *("10 / 3 = 3.33", "30/3600 = 0.008333...", "2 / 3 = 0.67", "14 = 2 * 7", "2 + 3 = 1 + 4"),
    ],
)
def test_true_sums(text: str) -> None:
    assert [e.true for e in find_equations(text)] == [True]


@pytest.mark.parametrize(
    "text", ["6*17=103", "2 + 3 * 4 = 20", "10 / 3 = 3", "10 / 3 = 3.4", "0.1 + 0.2 = 0.4", "5 - 3 = -2", "2+2=3.9"]
)
def test_false_sums(text: str) -> None:
    assert [e.true for e in find_equations(text)] == [False]


@pytest.mark.parametrize(
    "text",
    [
        *("x + 3 = 5", "2x + 3 = 5", "2 * x = 6", "f(1 + 1) = 3", "20 * 5% = 1", "2^3 + 1 = 9", "2**3 + 1 = 9"),
        *(
            "n = 3",
            "3 = 3",
            "3! + 1 = 7",
            "2 + 2 != 5",
            "2 + 2 >= 4",
            "2 + 2 => 4",
            "6 / 0 = 1",
            "1 + = 1",
            "(1 + 1 = 2",
        ),
        *(
            "2 apples + 3 apples = 6",
            "2 + 3 = 5 * price",
            "a1 + 2 = 4",
            "v1.2.3 + 1 = 2",
            "2 + 3\n= 6",
            "= 5",
            "2 + 2 =",
        ),
        *("1 " + "+ 1 " * 40 + "= 2", "9" * 5000 + " + 1 = 2"),
        *("2024-01-02 to 2024-01-05 = 3 nights", "2024-01-05 - 2024-01-02 = 3", "room 05 + 1 = 7"),
    ],
)
def test_what_is_no_sum_of_numbers_is_left_alone(text: str) -> None:
    assert find_equations(text) == ()


def test_each_link_of_a_chain_is_an_equation() -> None:
    assert [(e.left, e.true) for e in find_equations("2*3 + 1 = 6 + 1 = 8")] == [("2*3+1", True), ("6+1", False)]


def test_a_slip_that_is_put_right_counts_as_right() -> None:
    assert [e.true for e in find_equations("6*17 = 103? No, 6*17 = 102.")] == [True]


@given(st.text(alphabet="0123456789+-*/x()=,.% \na$\u2212\u00d7", max_size=80))
def test_any_text_is_read_within_bounds(text: str) -> None:
    assert len(find_equations(text * 3)) <= MAX_EQUATIONS


@given(st.integers(-999, 999), st.integers(0, 999), st.integers(1, 999), st.integers(-2, 2))
def test_sums_are_judged_as_python_would(a: int, b: int, c: int, off: int) -> None:
    (found,) = find_equations(f"so {a} + {b} * {c} = {a + b * c + off}")
    assert found.true == (off == 0)
