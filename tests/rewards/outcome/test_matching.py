"""Exact and graded matching, by hand."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rewards.outcome.calls import call, hermes, match


def any_of(*values: Any, optional: bool = False) -> dict[str, Any]:
    return {"$any": list(values), "$optional": optional}


@pytest.mark.parametrize(
    ("made", "expected", "exact"),
    [
        ([call("f", a=1)], [call("f", a=1)], True),
        ([call("g", b="x"), call("f", a=1)], [call("f", a=1), call("g", b="x")], True),  # parallel: any order
        ([call("f", a=1), call("f", a=1)], [call("f", a=1)], False),  # once too often
        ([call("f", a=1)], [call("f", a=1), call("f", a=1)], False),  # once too few
        ([call("f", a=1)], [call("f", a=True)], False),  # types are respected
        ([call("f", a=True)], [call("f", a=1)], False),
        ([call("f", a="1")], [call("f", a=1)], False),
        ([call("f", a=0)], [call("f", a=None)], False),
        ([call("f", a=None)], [call("f")], False),
        ([call("f", a=1.0)], [call("f", a=1)], True),  # one JSON number where no schema says more
        ([call("f", a=[1, 2])], [call("f", a=[2, 1])], False),  # lists are ordered
        ([call("f", a={"x": 1, "y": [{"z": 2}]})], [call("f", a={"y": [{"z": 2.0}], "x": 1})], True),
        ([call("f", a={"x": 1, "y": 2})], [call("f", a={"x": 1})], False),
        ([call("f", a="X")], [call("f", a="x")], False),
        ([call("F", a=1)], [call("f", a=1)], False),
        ([call("f", a=1), "{"], [call("f", a=1)], False),  # the right call, and a broken one
        ([], [call("f", a=1)], False),
    ],
)
def test_exact(made: list[Any], expected: list[Any], exact: bool) -> None:
    m = match(made, expected)
    assert m.exact is exact
    assert (m.graded == 1.0) is exact
    assert (not m.failures) is exact


@pytest.mark.parametrize(
    ("made", "right"),
    [({"a": 1}, True), ({"a": 2}, True), ({"a": 3}, False), ({"a": "2"}, False), ({}, False)],
)
def test_several_accepted_values(made: dict[str, Any], right: bool) -> None:
    assert match([call("f", **made)], [call("f", a=any_of(1, 2))]).exact is right


def test_optional_arguments_and_nested_alternatives() -> None:
    expected = [call("f", a=1, b=any_of("x", optional=True), c=[{"k": any_of(1, 2), "o": any_of(3, optional=True)}])]
    assert match([call("f", a=1, c=[{"k": 2}])], expected).exact
    assert match([call("f", a=1, b="x", c=[{"k": 1, "o": 3}])], expected).exact
    assert not match([call("f", a=1, b="y", c=[{"k": 2}])], expected).exact
    assert not match([call("f", a=1, c=[{"k": 3}])], expected).exact
    assert not match([call("f", b="x", c=[{"k": 1}])], expected).exact


def test_parallel_calls_are_matched_as_a_whole_where_a_greedy_match_fails() -> None:
    expected = [call("f", a=any_of(1, 2)), call("f", a=1)]
    # greedy: the first expected call takes a=1, and nothing is left for the second
    for order in itertools.permutations([call("f", a=1), call("f", a=2)]):
        assert match(list(order), expected).exact
    assert not match([call("f", a=2), call("f", a=2)], expected).exact


@pytest.mark.parametrize(
    ("made", "expected", "scores", "graded"),
    [
        ([call("g", a=1)], [call("f", a=1)], (0, 0, 0), 0.0),  # another name
        ([call("f")], [call("f", a=1)], (1, 0, 0), 0.2),
        ([call("f", a=2)], [call("f", a=1)], (1, 1, 0), 0.5),
        ([call("f", a=1, b=9)], [call("f", a=1, b=2)], (1, 1, 1 / 2), 0.75),
        ([call("f", a=1)], [call("f", a=1, b=2)], (1, 1 / 2, 1 / 2), 0.2 + 0.15 + 0.25),
        ([call("f", a=1, b=2, c=3)], [call("f", a=1, b=2)], (1, 2 / 3, 2 / 3), 0.2 + 0.2 + 1 / 3),  # an extra key costs
        ([call("f", a=1)], [call("f", a=1), call("g")], (1 / 2, 1 / 2, 1 / 2), 0.5),  # a missing call
        ([call("f", a=1), call("g")], [call("f", a=1)], (1 / 2, 1 / 2, 1 / 2), 0.5),  # an extra call
        ([call("f", a=1), "{"], [call("f", a=1)], (1 / 2, 1 / 2, 1 / 2), 0.5),  # one that does not parse
        ([call("f", a=1), call("f", a=2)], [call("f", a=2), call("f", a=3)], (1, 1, 1 / 2), 0.75),
    ],
)
def test_graded(made: list[Any], expected: list[Any], scores: tuple[float, float, float], graded: float) -> None:
    m = match(made, expected)
    assert (m.name, m.key, m.value) == pytest.approx(scores)
    assert m.graded == pytest.approx(graded)
    assert not m.exact


def test_the_assignment_is_optimal_not_greedy() -> None:
    # pairs:      a=1,b=1   a=1,b=2      greedy by expected call: (1st, 1st) with 1 key right, (2nd, 2nd) with 0
    # a=1,b=2       0.75      1.0        best: (1st, 2nd) with both right, (2nd, 1st) with b right
    # a=3,b=1       0.75      0.5
    m = match([call("f", a=1, b=1), call("f", a=1, b=2)], [call("f", a=1, b=2), call("f", a=3, b=1)])
    assert m.graded == pytest.approx((1.0 + 0.75) / 2)


small_calls = st.lists(
    st.builds(
        lambda name, arguments: {"name": name, "arguments": arguments},
        st.sampled_from("fg"),
        st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), max_size=3),
    ),
    max_size=4,
)


@given(small_calls, small_calls.filter(bool))
def test_graded_is_in_0_1_and_1_only_where_exact_whatever_the_order(made: list[Any], expected: list[Any]) -> None:
    m = match(made, expected)
    assert 0.0 <= m.graded <= 1.0
    same = sorted(map(json.dumps, _sorted(made))) == sorted(map(json.dumps, _sorted(expected)))
    assert m.exact is same
    assert (m.graded == 1.0) is same
    assert match(made[::-1], expected).graded == pytest.approx(m.graded)
    assert match(made, expected[::-1]).graded == pytest.approx(m.graded)


def _sorted(calls: list[Any]) -> list[Any]:
    return [{"name": c["name"], "arguments": dict(sorted(c["arguments"].items()))} for c in calls]


@given(small_calls.filter(bool))
def test_the_assignment_earns_the_best_of_all_pairings(expected: list[Any]) -> None:
    made = [c | {"arguments": {"a": 1, "b": 2}} for c in expected]
    total = len(expected)
    one_by_one = [[match([m], [e]).graded for m in made] for e in expected]
    best = max(sum(one_by_one[i][j] for i, j in enumerate(p)) for p in itertools.permutations(range(total)))
    assert match(made, expected).graded == pytest.approx(best / total)


def test_no_call_expected() -> None:
    assert match("<think>nothing to do</think>\n\nIt is 45.", []).exact
    silent = match("<think>nothing to do</think>", [])
    assert (silent.exact, silent.graded, silent.failures) == (False, 0.0, (("neither a call nor an answer", ""),))
    for nothing in ("</tool_call>", ".", "\u200b"):  # no word
        assert not match(f"<think>nothing to do</think>{nothing}", []).exact
    assert not match("<think>t</think> Yes.\n<think>cut off", []).exact
    for text in (hermes(call("f")), "<think>t</think> x <tool_call>{"):
        m = match(text, [])
        assert (m.exact, m.graded, m.needless, m.refused) == (False, 0.0, True, False)


def test_a_refusal_is_told_from_a_failed_attempt() -> None:
    refusal = match("<think>no</think> I can't do that.", [call("f")])
    assert (refusal.refused, refusal.graded) == (True, 0.0)
    assert refusal.failures == (("no call where one was expected", "f"),)
    for text in (hermes("{"), "<think>never closed", "<think>t</think>", hermes(call("g"))):
        assert not match(text, [call("f")]).refused


@pytest.mark.parametrize(
    ("made", "expected", "reason"),
    [
        ([call("g", a=1)], [call("f", a=1)], "wrong tool: g for f"),
        ([call("f", a=2)], [call("f", a=1)], "wrong value: f.a"),
        ([call("f")], [call("f", a=1)], "missing argument: f.a"),
        ([call("f", a=1, b=1)], [call("f", a=1)], "unexpected argument: f.b"),
        ([call("f", a=1), call("f", a=1)], [call("f", a=1)], "extra call: f"),
        ([call("f", a=1)], [call("f", a=1), call("g")], "missing call: g"),
        (["{"], [call("f")], "a call that does not parse: not JSON"),
        ("<think>x", [call("f")], "the thinking is never closed"),
    ],
)
def test_the_first_failure_names_what_is_wrong(made: Any, expected: list[Any], reason: str) -> None:
    assert ": ".join(match(made, expected).failures[0]).startswith(reason)
