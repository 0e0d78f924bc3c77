"""Groups and their statistics, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from awpo_verl.algorithm import Groups, Spread, estimate
from awpo_verl.algorithm.groups import TOL
from tests.conftest import config

B_A_B = ["b", "a", "b"]


def test_statistics_by_hand() -> None:
    groups = Groups.of(B_A_B)
    assert (len(groups), groups.n_rows, groups.labels) == (2, 3, ["a", "b"])
    found = groups.center(torch.tensor([1.0, 5.0, 4.0], dtype=torch.float64))
    assert found.mean.tolist() == [5.0, 2.5]
    assert found.deviation.tolist() == [-1.5, 0.0, 1.5]
    assert found.std.tolist() == pytest.approx([0.0, math.sqrt(2 * 1.5**2)])  # ddof = 1
    assert groups.to_rows(found.mean).tolist() == [2.5, 5.0, 2.5]


def test_a_spread_of_at_most_tol_is_exactly_zero() -> None:
    # two values x, x + e: std = e / sqrt(2)
    for spread, constant in ((TOL, True), (2 * TOL, False)):
        found = Groups.of(["p", "p"]).center(torch.tensor([0.5, 0.5 + spread], dtype=torch.float64))
        assert (found.std.item() == 0.0) is constant
        assert (found.deviation.abs().max().item() == 0.0) is constant


def test_selected_rows_keep_their_labels_and_empty_groups_are_left_out() -> None:
    groups = Groups.of(["c", "a", "b", "c"])
    some = groups.select(torch.tensor([True, False, True, True]))
    assert (some.labels, some.ids.tolist(), some.sizes.tolist()) == (["b", "c"], [1, 0, 1], [1.0, 2.0])
    assert groups.select(torch.ones(4, dtype=torch.bool)) is groups


def test_groups_can_be_built_once_and_passed_on() -> None:
    groups = Groups.of(B_A_B)
    assert Groups.of(groups) is groups
    o, q, valid = [1.0, 0.0, 0.0], [0.2, 0.3, 0.9], [True] * 3
    found, expected = (
        estimate(o, q, valid, index, config(), rejected=[False, True, False]) for index in (groups, B_A_B)
    )
    assert torch.equal(found.advantages, expected.advantages)
    assert found.metrics == expected.metrics
    with pytest.raises(ValueError, match=r"row 1 \(uid a\): nan"):
        estimate([1.0, math.nan, 0.0], q, valid, groups, config())


def test_the_statistics_that_a_gate_may_read() -> None:
    # group a: o 0 1, q 0.2 0.8; group b: o 1 1, q 0.5 0.5
    groups = Groups.of(list("aabb"))
    o, q = torch.tensor([0.0, 1, 1, 1]).double(), torch.tensor([0.2, 0.8, 0.5, 0.5]).double()
    spread = Spread(
        std_out=groups.center(o).std,
        std_mix=groups.center(o + q).std,
        success=torch.tensor([0.5, 1.0]).double(),
        groups=groups,
        outcome=o,
        reasoning=q,
        judged=torch.ones(4, dtype=torch.bool),
    )
    assert spread.sizes.tolist() == [2.0, 2.0]
    assert spread.std_reasoning.tolist() == pytest.approx([0.6 / math.sqrt(2), 0.0])
    assert spread.concordance == 1.0  # three pairs differ in both: 0.2 is the failure's, and the lowest
