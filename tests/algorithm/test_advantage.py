"""The advantage: the invariants I1 and I3 to I8 of docs/method.md, against verl's own grpo, and cases by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from awpo_verl.algorithm import estimate
from tests.algorithm.estimates import assert_close, awpo, grpo
from tests.conftest import binary, config, graded, groups

NO_DIFFICULTY = {"difficulty": {"kind": "none"}}


def test_hand_computed_group_where_both_rewards_differ() -> None:
    # o = 1 0 0 0: mean 1/4, deviations 3/4 -1/4 -1/4 -1/4, var = (9 + 1 + 1 + 1)/16/3 = 1/4, std = 0.5
    # so A_out is 1.5 -0.5 -0.5 -0.5
    # q = 1 1 0 0, m = 2 1 0 0: mean 3/4, deviations 5/4 1/4 -3/4 -3/4, var = (25 + 1 + 9 + 9)/16/3 = 11/12
    std_m = math.sqrt(11 / 12)
    # w = std_m / (0.5 + std_m); mu = 1/4: d = 0.1 + 1.4 * 4 * 1/4 * 3/4 = 1.15
    w = std_m / (0.5 + std_m)
    a_out, m_deviation = [1.5, -0.5, -0.5, -0.5], [1.25, 0.25, -0.75, -0.75]
    expected = [1.15 * ((1 - w) * a + w * m / std_m) for a, m in zip(a_out, m_deviation, strict=True)]
    result = awpo(torch.tensor([1.0, 0, 0, 0]), torch.tensor([1.0, 1, 0, 0]), ["p"] * 4)
    assert_close(result.advantages, torch.tensor(expected), 1e-5)  # eps = 1e-6 in each denominator
    assert result.gate.tolist() == pytest.approx([w] * 4, abs=1e-5)
    assert result.clip_scale.tolist() == pytest.approx([1 / (1 + 0.2 * w)] * 4, abs=1e-5)


def test_hand_computed_silent_group_is_rescued() -> None:
    # o = 0 0 0: A_out = 0. q = 0 0.5 1: m = q, mean 0.5, std = 0.5, w = 0.5 / (0.5 + eps) ~ 1, d = d_min = 0.1
    # A = 0.1 * (-0.5 0 0.5) / 0.5 = -0.1 0 0.1
    result = awpo(torch.zeros(3), torch.tensor([0.0, 0.5, 1.0]), ["p"] * 3)
    assert_close(result.advantages, torch.tensor([-0.1, 0.0, 0.1]), 1e-5)
    assert result.metrics["awpo/dead_groups_frac"] == 1.0
    assert result.metrics["awpo/rescued_groups_frac"] == 1.0


def test_std_floor_keeps_small_reasoning_differences_small_in_a_silent_group() -> None:
    # q = 0.50 0.51: std = 0.01/sqrt(2) = 0.00707 < floor 0.05. A_mix = (-0.005 0.005) / 0.05 = -0.1 0.1, w ~ 1
    result = awpo(torch.ones(2), torch.tensor([0.50, 0.51]), ["p"] * 2, config(**NO_DIFFICULTY))
    assert_close(result.advantages, torch.tensor([-0.1, 0.1]), 1e-3)
    unfloored = awpo(
        torch.ones(2), torch.tensor([0.50, 0.51]), ["p"] * 2, config(reasoning_std_floor=0.0, **NO_DIFFICULTY)
    )
    assert_close(unfloored.advantages, torch.tensor([-1, 1]) / math.sqrt(2), 1e-3)


def test_missing_reasoning_becomes_the_mean_of_the_valid_ones_of_its_group() -> None:
    # group a: valid q = 0.2, 0.6 -> the missing one counts as 0.4; group b: none valid -> every q = 0
    o = torch.tensor([0.0, 0, 0, 1, 0])
    valid = torch.tensor([True, True, False, False, False])
    result = estimate(o, torch.tensor([0.2, 0.6, 99.0, 99.0, 99.0]), valid, list("aaabb"), config())
    full = awpo(o, torch.tensor([0.2, 0.6, 0.4, 0, 0]), list("aaabb"))
    assert_close(result.advantages, full.advantages)
    assert result.metrics["awpo/reasoning_valid_frac"] == pytest.approx(2 / 5)
    assert result.metrics["awpo/reasoning/mean"] == pytest.approx(0.4)  # of the valid ones


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_nonfinite_reasoning_is_missing_and_counted(bad: float) -> None:
    o = torch.tensor([0.0, 1, 0])
    result = awpo(o, torch.tensor([0.2, bad, 0.4]), list("aaa"))
    assert_close(result.advantages, awpo(o, torch.tensor([0.2, 0.3, 0.4]), list("aaa")).advantages)
    assert result.metrics["awpo/reasoning_nonfinite"] == 1.0
    assert result.metrics["awpo/reasoning_valid_frac"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nonfinite_outcome_is_an_error_that_names_the_uid(bad: float) -> None:
    with pytest.raises(ValueError, match=r"row 1 \(uid prompt-7\)"):
        awpo(torch.tensor([0.0, bad]), torch.zeros(2), ["prompt-6", "prompt-7"])


def test_a_group_of_one_follows_grpo() -> None:
    result = awpo(torch.tensor([0.7, 0.0, 1.0]), torch.tensor([0.1, 0.5, 0.5]), ["alone", "pair", "pair"])
    assert result.advantages[0].item() == pytest.approx(0.7)
    assert result.gate[0].item() == 0.0
    assert_close(result.advantages[:1], grpo(torch.tensor([0.7]), ["alone"]), 1e-5)


@pytest.mark.parametrize("norm_by_std", [True, False])
@given(rows=groups(st.one_of(binary, graded), st.just(0.0)), level=graded)
def test_i1_constant_reasoning_gives_grpo(rows, level: float, norm_by_std: bool) -> None:
    o, q, labels = rows
    result = awpo(o, q + level, labels, config(**NO_DIFFICULTY), norm_by_std=norm_by_std)
    assert_close(result.advantages, grpo(o, labels, norm_by_std))


@given(rows=groups(st.just(0.0), graded), level=binary)
def test_i3_reasoning_orders_the_rows_of_a_silent_group(rows, level: float) -> None:
    o, q, labels = rows
    o = o + level
    assert grpo(o, labels).abs().max() == 0
    a = awpo(o, q, labels).advantages
    for label in set(labels):
        rows_of = torch.tensor([x == label for x in labels])
        a_g, q_g = a[rows_of], q[rows_of]
        if q_g.max() - q_g.min() > 0:
            assert a_g.abs().max() > 1e-3
            assert torch.equal(
                torch.sign(a_g[:, None] - a_g[None, :]), torch.sign(q_g[:, None] - q_g[None, :]).double()
            )


@pytest.mark.parametrize("gate", [{}, {"kind": "hard"}, {"kind": "fixed", "value": 1.0}, {"kind": "none"}])
@given(rows=groups(st.just(0.0), st.just(0.0)), level=graded, reasoning=st.floats(0, 1))
def test_i4_constant_rewards_give_exactly_zero(gate, rows, level: float, reasoning: float) -> None:
    o, q, labels = rows
    result = awpo(o + level, q + reasoning, labels, config(gate=gate))
    assert torch.equal(result.advantages, torch.zeros_like(result.advantages))
    assert torch.equal(result.gate, torch.zeros_like(result.gate))
    assert torch.equal(result.clip_scale, torch.ones_like(result.clip_scale))


@given(rows=groups(graded, st.floats(0, 1)))
def test_i5_advantages_of_a_group_sum_to_zero(rows) -> None:
    o, q, labels = rows
    a = awpo(o, q, labels).advantages
    for label in set(labels):
        assert a[torch.tensor([x == label for x in labels])].sum().item() == pytest.approx(0.0, abs=1e-9)


@given(rows=groups(graded, st.floats(0, 1)), seed=st.integers(0, 2**31))
def test_i6_permuted_rows_and_other_prompts(rows, seed: int) -> None:
    o, q, labels = rows
    a = awpo(o, q, labels).advantages
    order = torch.randperm(len(o), generator=torch.Generator().manual_seed(seed))
    permuted = awpo(o[order], q[order], [labels[i] for i in order]).advantages
    assert_close(permuted, a[order], 1e-9)
    others = awpo(
        torch.cat([o, torch.tensor([0.0, 1, 1])]), torch.cat([q, torch.tensor([0.3, 0.1, 0])]), [*labels, "x", "x", "x"]
    )
    assert_close(others.advantages[: len(o)], a, 1e-9)


@given(rows=groups(graded, graded), scale=st.floats(0.5, 50), shift=st.floats(-10, 10))
def test_i7_rescaling_the_outcome_changes_nothing(rows, scale: float, shift: float) -> None:
    o, q, labels = (rows[0].double(), rows[1].double(), rows[2])
    a = awpo(o, q, labels, config(reasoning_std_floor=0.0)).advantages
    mapped = config(reasoning_std_floor=0.0, reasoning_weight=scale, outcome_range=[shift, scale + shift])
    # eps = 1e-6 does not scale: it moves an advantage by about eps/std, and the smallest std here is about 0.02
    assert_close(awpo(scale * o + shift, q, labels, mapped).advantages, a, 5e-4)


@given(rows=groups(st.one_of(binary, graded), graded))
def test_i8_gates_none_and_one_are_grpo(rows) -> None:
    o, q, labels = rows
    no_floor = {"reasoning_std_floor": 0.0, **NO_DIFFICULTY}
    assert_close(awpo(o, q, labels, config(gate={"kind": "none"}, **no_floor)).advantages, grpo(o, labels))
    mix = config(gate={"kind": "fixed", "value": 1.0}, reasoning_weight=0.7, **no_floor)
    mixed = o.double() + 0.7 * q.double()
    # 0.35 + 0 and 0 + 0.7 * 0.5 differ by rounding: equal to us, and blown up by GRPO's std + eps
    ranges = [_range(mixed[torch.tensor([x == label for x in labels])]) for label in set(labels)]
    assume(all(spread == 0 or spread > 1e-6 for spread in ranges))
    assert_close(awpo(o, q, labels, mix).advantages, grpo(mixed, labels))


def _range(values: torch.Tensor) -> float:
    return float(values.max() - values.min())


@given(rows=groups(graded, graded))
def test_dr_grpo_switch_drops_both_divisions(rows) -> None:
    o, q, labels = rows
    a = awpo(o, q, labels, config(gate={"kind": "fixed", "value": 0.25}, **NO_DIFFICULTY), norm_by_std=False).advantages
    mix = o.double() + q.double()
    assert_close(a, 0.75 * grpo(o, labels, False) + 0.25 * grpo(mix, labels, False))


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match=r"outcome \(3,\), reasoning \(2,\).*3 labels"):
        estimate(torch.zeros(3), torch.zeros(2), torch.ones(3, dtype=torch.bool), list("aaa"), config())
    with pytest.raises(ValueError, match="bool tensor"):
        estimate(torch.zeros(2), torch.zeros(2), torch.ones(2), list("aa"), config())
