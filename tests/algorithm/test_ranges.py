"""Ranges of outcome and reasoning by hand: several sources in one batch, values outside of the range."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.algorithm import Estimate, SeenRanges, estimate, fixed_ranges
from awpo_verl.algorithm.ranges import Range, unit_reasoning
from tests.conftest import binary, config, graded, groups

SCORED = torch.ones(4, dtype=torch.bool)
FLAT = torch.full((4,), 0.5)


def of_group(outcome: list[float], reasoning: list[float] | None = None, **section: object) -> Estimate:
    """One group of four rollouts."""
    q = FLAT if reasoning is None else torch.tensor(reasoning)
    return estimate(torch.tensor(outcome), q, SCORED, ["p"] * 4, config(**section))


def test_outcomes_of_minus_one_and_one_weigh_the_same_as_zero_and_one() -> None:
    # two of four succeed: mu = 1/2, d = 0.1 + 1.4 * 4 * 1/4 = 1.5. o = 1 1 0 0: deviations 1/2, std = sqrt(1/3),
    # A_out = sqrt(3)/2 = 0.866; o = 1 1 -1 -1: deviations 1, std = sqrt(4/3), the same. A = 1.5 * 0.866 = 1.299
    expected = torch.tensor([1.0, 1.0, -1.0, -1.0], dtype=torch.float64) * 1.5 * math.sqrt(3) / 2
    for outcome in ([1.0, 1.0, 0.0, 0.0], [1.0, 1.0, -1.0, -1.0]):
        result = of_group(outcome)
        assert result.metrics["awpo/difficulty/mean"] == pytest.approx(1.5)
        torch.testing.assert_close(result.advantages, expected, rtol=0, atol=1e-5)


def test_a_range_in_the_config_holds_for_every_row() -> None:
    # range [-1, 1], o = 1 1 0 0: mean 1/2, mu = (1/2 + 1)/2 = 3/4, d = 0.1 + 1.4 * 4 * 3/4 * 1/4 = 1.15
    result = of_group([1.0, 1.0, 0.0, 0.0], outcome_range=[-1.0, 1.0])
    assert result.metrics["awpo/difficulty/mean"] == pytest.approx(1.15)
    # range [0, 1], o = 1 1 -1 -1: mean 0, mu = 0, d = 0.1; half of the outcomes are outside, and stay so
    result = of_group([1.0, 1.0, -1.0, -1.0], outcome_range=[0.0, 1.0])
    assert result.metrics["awpo/difficulty/mean"] == pytest.approx(0.1)
    assert result.metrics["awpo/outcome_out_of_range_frac"] == 0.5


def test_each_source_of_a_batch_has_its_own_range() -> None:
    # group a, source dapo: -1 -1 -1 1, mean -1/2, mu = 1/4, d = 1.15; group b, source code: 0 0 0 1, mu = 1/4, d = 1.15
    o = torch.tensor([-1.0, -1.0, -1.0, 1.0, 0.0, 0.0, 0.0, 1.0])
    q, valid = torch.full((8,), 0.5), torch.ones(8, dtype=torch.bool)
    found = SeenRanges().observe(o, ["dapo"] * 4 + ["code"] * 4)
    result = estimate(o, q, valid, list("aaaabbbb"), config(), outcome_range=found)
    assert result.metrics["awpo/difficulty/mean"] == pytest.approx(1.15)
    # A_out = 1.5 for the success (test_advantage.py), -1/2 for the others, in both groups
    expected = torch.tensor([-0.5, -0.5, -0.5, 1.5] * 2, dtype=torch.float64) * 1.15
    torch.testing.assert_close(result.advantages, expected, rtol=0, atol=1e-5)
    assert result.metrics["awpo/outcome_out_of_range_frac"] == pytest.approx(3 / 8)  # [0, 1] was known before


def test_the_correlation_over_the_batch_maps_each_source_to_its_range() -> None:
    # dapo: -1 (q 0) and 1 (q 1); code: 0 (q 0) and 1 (q 1). By success both agree fully: r = 1. As numbers -1 is not 0.
    o, q = torch.tensor([-1.0, 1.0, 0.0, 1.0]), torch.tensor([0.0, 1.0, 0.0, 1.0])
    found = SeenRanges().observe(o, ["dapo", "dapo", "code", "code"])
    metrics = estimate(o, q, SCORED, list("aabb"), config(), outcome_range=found).metrics
    assert metrics["awpo/outcome_reasoning_corr"] == pytest.approx(1.0)


def test_a_widened_range_stays_and_is_reported_once() -> None:
    told: list[tuple[object, Range, Range]] = []
    seen = SeenRanges(lambda *widening: told.append(widening))
    assert seen.observe(torch.tensor([0.0, 1.0]), ["a", "b"]).low.tolist() == [0.0, 0.0]
    assert told == []
    found = seen.observe(torch.tensor([-1.0, 3.0, 0.5]), ["a", "a", "b"])
    assert (found.low.tolist(), found.high.tolist()) == ([-1.0, -1.0, 0.0], [3.0, 3.0, 1.0])
    assert found.outside.tolist() == [True, True, False]
    assert told == [("a", (0.0, 1.0), (-1.0, 3.0))]
    again = seen.observe(torch.tensor([-1.0, 0.0]), ["a", "b"])
    assert (again.low.tolist(), again.outside.tolist()) == ([-1.0, 0.0], [False, False])
    assert len(told) == 1


def test_a_source_starts_at_its_known_range_and_rejected_rows_do_not_widen_it() -> None:
    seen = SeenRanges()
    found = seen.observe(torch.tensor([1.0, 1.0]), ["dapo", "code"], {"dapo": (-1.0, 1.0)})
    assert (found.low.tolist(), found.outside.tolist()) == ([-1.0, 0.0], [False, False])
    counted = torch.tensor([True, False])
    found = seen.observe(torch.tensor([1.0, -5.0]), ["code", "code"], counted=counted)
    assert found.low.tolist() == [0.0, 0.0]


def test_rounding_does_not_widen_a_range() -> None:
    found = SeenRanges().observe(torch.tensor([1.0000001, -1e-8]), ["a", "a"])
    assert (found.low.tolist(), found.high.tolist(), found.outside.any()) == ([0.0, 0.0], [1.0, 1.0], False)


@given(
    # at most 4 widths of [0, 1] below 0 and above 1: no outcome is far
    batches=st.lists(st.lists(st.tuples(st.sampled_from("ab"), st.floats(-4, 5)), min_size=1, max_size=6), max_size=4)
)
def test_a_range_holds_all_outcomes_of_its_source_except_outliers(batches: list[list[tuple[str, float]]]) -> None:
    seen, shown = SeenRanges(), {"a": [0.0, 1.0], "b": [0.0, 1.0]}
    for batch in batches:
        sources, outcome = [source for source, _ in batch], torch.tensor([o for _, o in batch], dtype=torch.float64)
        found = seen.observe(outcome, sources)
        for source, o in batch:
            shown[source].append(o)
        for i, source in enumerate(sources):
            assert found.low[i].item() == pytest.approx(min(shown[source]), abs=2e-6)
            assert found.high[i].item() == pytest.approx(max(shown[source]), abs=2e-6)


def test_an_outlier_does_not_change_the_range_or_later_batches() -> None:
    # 1 1 0 0 of a batch without outliers: d = 1.5, A = 1.5 * 0.866 = 1.299 (above). Widened to [-100, 1], mu would be
    # 100.5 / 101, d = 0.1 + 1.4 * 4 * 0.995 * 0.005 = 0.128 and A = 0.11.
    seen, outliers = SeenRanges(on_outlier=lambda *outlier: told.append(outlier)), torch.tensor([1.0, 1.0, 0.0, -100.0])
    told: list[tuple[object, float, Range]] = []
    found = seen.observe(outliers, ["a"] * 4)
    assert (found.low.tolist(), found.outside.tolist()) == ([0.0] * 4, [False, False, False, True])
    assert told == [("a", -100.0, (0.0, 1.0))]
    # mean of the batch: -24.5, mu clipped to 0: d = 0.1
    weighed = estimate(outliers, FLAT, SCORED, ["p"] * 4, config(), outcome_range=found).metrics
    assert weighed["awpo/difficulty/mean"] == pytest.approx(0.1)
    assert weighed["awpo/outcome_out_of_range_frac"] == 0.25
    later = torch.tensor([1.0, 1.0, 0.0, 0.0])
    result = estimate(later, FLAT, SCORED, ["p"] * 4, config(), outcome_range=seen.observe(later, ["a"] * 4))
    assert result.advantages[0].item() == pytest.approx(1.5 * math.sqrt(3) / 2, abs=1e-5)


@pytest.mark.parametrize("scale", [[100.0, 60.0, 0.0, 30.0], [-100.0, -60.0, 0.0, -30.0]])
def test_a_scale_of_a_hundred_widens_the_range_at_once(scale: list[float]) -> None:
    found = SeenRanges().observe(torch.tensor(scale), ["a"] * 4)
    assert (found.low[0].item(), found.high[0].item()) == (min(scale), max(1.0, *scale))


@pytest.mark.parametrize(
    ("rows", "far", "low"),
    [
        (40, 2, -50.0),  # 2 rows, and 2/40 = 5 %
        (41, 2, 0.0),  # 2/41 < 5 %
        (60, 3, -50.0),  # 3/60 = 5 %
        (2, 1, 0.0),  # one row, although it is half of them
    ],
)
def test_a_far_outcome_needs_two_rows_and_five_percent_of_its_source(rows: int, far: int, low: float) -> None:
    o = torch.tensor([-50.0] * far + [1.0] * (rows - far) + [0.0] * 100)
    found = SeenRanges().observe(o, ["a"] * rows + ["b"] * 100)  # the rows of b are not counted for a
    assert set(found.low[:rows].tolist()) == {low}
    assert set(found.low[rows:].tolist()) == {0.0}
    counted = torch.ones(rows + 100, dtype=torch.bool)
    counted[0] = False  # one far row less
    assert SeenRanges().observe(o, ["a"] * rows + ["b"] * 100, counted=counted).low[0].item() == 0.0


def test_an_outlier_does_not_stop_other_outcomes_from_widening() -> None:
    # -50 is far (below -4) in one row; 3 is near (at most 5), 80 and 90 are far in two rows of six
    seen, told = SeenRanges(on_outlier=lambda *outlier: told.append(outlier)), []
    assert seen.observe(torch.tensor([-50.0, 3.0, 0.0, 1.0]), ["a"] * 4).high.tolist() == [3.0] * 4
    found = seen.observe(torch.tensor([-50.0, 80.0, 90.0, 0.0, 1.0, 1.0]), ["a"] * 6)
    assert (found.low[0].item(), found.high[0].item()) == (0.0, 90.0)
    assert told == [("a", -50.0, (0.0, 3.0)), ("a", -50.0, (0.0, 90.0))]
    # the range is 90 wide now: -50 is near, and widens it
    assert seen.observe(torch.tensor([-50.0]), ["a"]).low.tolist() == [-50.0]


@given(rows=groups(st.one_of(binary, graded), graded), scale=st.floats(0.5, 50), shift=st.floats(-10, 10))
def test_i7_holds_with_a_range_for_each_row(rows, scale: float, shift: float) -> None:
    o, q, labels = rows[0].double(), rows[1].double(), rows[2]
    valid = torch.ones(len(o), dtype=torch.bool)
    plain = estimate(o, q, valid, labels, config(reasoning_std_floor=0.0))
    mapped = estimate(
        *(scale * o + shift, q, valid, labels, config(reasoning_std_floor=0.0, reasoning_weight=scale)),
        outcome_range=fixed_ranges(scale * o + shift, (shift, scale + shift)),
    )
    torch.testing.assert_close(mapped.advantages, plain.advantages, rtol=0, atol=5e-4)  # eps does not scale


def test_reasoning_of_another_scale_is_mapped_before_anything_else() -> None:
    # right rollouts, with the lower marks, must keep positive advantages; [0, 10] gives q = .2 .3 .8 .9
    mapped = of_group([1.0, 1.0, 0.0, 0.0], [2.0, 3.0, 8.0, 9.0], reasoning_range=[0.0, 10.0])
    plain = of_group([1.0, 1.0, 0.0, 0.0], [0.2, 0.3, 0.8, 0.9])
    torch.testing.assert_close(mapped.advantages, plain.advantages, rtol=0, atol=1e-6)
    assert (mapped.advantages[:2] > 0).all()
    assert mapped.metrics["awpo/reasoning_out_of_range_frac"] == 0.0
    assert mapped.metrics["awpo/reasoning/mean"] == pytest.approx(0.55)  # (.2 + .3 + .8 + .9) / 4


def test_reasoning_outside_of_its_range_is_clipped_and_counted() -> None:
    # of the three valid ones, 85 and -1 are outside of [0, 1] and become 1 and 0; the missing one counts in nothing
    valid = torch.tensor([True, True, True, False])
    given_q = torch.tensor([85.0, -1.0, 0.5, 99.0])
    o = torch.tensor([1.0, 0.0, 0.0, 1.0])
    result = estimate(o, given_q, valid, ["p"] * 4, config())
    clipped = estimate(o, torch.tensor([1.0, 0.0, 0.5, 0.0]), valid, ["p"] * 4, config())
    assert torch.equal(result.advantages, clipped.advantages)
    assert result.metrics["awpo/reasoning_out_of_range_frac"] == pytest.approx(2 / 3)
    assert result.metrics["awpo/reasoning/mean"] == pytest.approx(0.5)


def test_without_a_valid_reasoning_reward_there_is_no_share_outside() -> None:
    metrics = estimate(FLAT, FLAT, ~SCORED, ["p"] * 4, config()).metrics
    assert "awpo/reasoning_out_of_range_frac" not in metrics


def test_nan_and_inf_are_missing_and_not_outside() -> None:
    q = torch.tensor([math.nan, math.inf, 0.5, 3.0], dtype=torch.float64)
    unit, outside = unit_reasoning(q, SCORED, (0.0, 2.0))
    assert torch.isnan(unit[0])
    assert unit[1:].tolist() == [math.inf, 0.25, 1.0]
    assert outside.tolist() == [False, False, False, True]
