"""Curves by hand: thinned, averaged."""

from __future__ import annotations

import numpy as np

from awpo_verl.workbench.report.curves import Curve, mean_curve, thin


def curve(steps: list[int], values: list[float]) -> Curve:
    return Curve(np.array(steps, np.int64), np.array(values, np.float64))


def test_a_long_curve_becomes_means_of_neighbours_and_keeps_its_extremes() -> None:
    thinned = thin(curve([1, 2, 3, 4, 5], [0.0, 1.0, 5.0, 3.0, 7.0]), 3)
    assert thinned.per_point == 2  # ceil(5 / 3)
    assert thinned.steps.tolist() == [1.5, 3.5, 5.0]
    assert thinned.values.tolist() == [0.5, 4.0, 7.0]
    assert thinned.low.tolist() == [0.0, 3.0, 7.0]
    assert thinned.high.tolist() == [1.0, 5.0, 7.0]


def test_a_short_curve_stays_as_it_is() -> None:
    thinned = thin(curve([1, 9], [0.5, 0.25]), 2)
    assert (thinned.steps.tolist(), thinned.values.tolist(), thinned.per_point) == ([1.0, 9.0], [0.5, 0.25], 1)


def test_the_mean_over_data_sources_is_taken_where_all_were_validated() -> None:
    found = mean_curve([curve([0, 5, 10], [0.0, 0.5, 1.0]), curve([5, 10, 15], [0.25, 0.5, 0.0])])
    assert found is not None
    assert found.points() == [(5, 0.375), (10, 0.75)]
    assert mean_curve([curve([1], [0.0]), curve([2], [0.0])]) is None
    assert mean_curve([]) is None


def test_the_last_steps_are_counted_in_training_steps_not_in_points() -> None:
    validated = curve([0, 50, 100], [0.1, 0.2, 0.3])
    assert validated.tail(50).tolist() == [0.3]
    assert validated.tail(51).tolist() == [0.2, 0.3]
