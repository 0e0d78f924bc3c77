"""What `estimate` takes (tensors, arrays, lists, labels of any kind), and rejected rollouts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.algorithm import Estimate, estimate
from awpo_verl.config import AWPOConfig, AWPOConfigError
from tests.conftest import config, graded, groups

OUTCOME, REASONING = [1.0, 0.0, 0.0, 1.0, 0.0], [0.9, 0.1, 0.4, 0.2, 0.7]
VALID = [True, True, False, True, True]
LABELS = ["a", "a", "a", "b", "b"]


def reference() -> Estimate:
    return estimate(torch.tensor(OUTCOME), torch.tensor(REASONING), torch.tensor(VALID), LABELS, config())


def assert_same(found: Estimate, expected: Estimate) -> None:
    torch.testing.assert_close(found.advantages, expected.advantages, rtol=0, atol=1e-6)
    torch.testing.assert_close(found.clip_scale, expected.clip_scale, rtol=0, atol=1e-6)
    assert found.metrics == pytest.approx(expected.metrics, abs=1e-6)


def test_arrays_and_lists_give_what_tensors_give() -> None:
    arrays = estimate(np.array(OUTCOME), np.array(REASONING), np.array(VALID), np.array(LABELS), config())
    assert_same(arrays, reference())
    assert_same(estimate(OUTCOME, REASONING, VALID, LABELS, config()), reference())


def test_reversed_and_read_only_arrays_are_accepted() -> None:
    o, q = np.array(OUTCOME[::-1])[::-1], np.array(REASONING)
    q.flags.writeable = False
    assert_same(estimate(o, q, np.array(VALID), LABELS, config()), reference())


def test_a_tensor_with_a_gradient_gives_advantages_without_one() -> None:
    o = torch.tensor(OUTCOME, requires_grad=True)
    assert not estimate(o, REASONING, VALID, LABELS, config()).advantages.requires_grad


@pytest.mark.parametrize(
    "labels",
    [
        [("set", 1), ("set", 1), ("set", 1), ("set", 2), ("set", 2)],
        [1, 1, 1, 2, 2],
        torch.tensor([1, 1, 1, 2, 2]),
        [torch.tensor(i) for i in (1, 1, 1, 2, 2)],
        [None, None, None, "b", "b"],
        np.array(LABELS, dtype=object),
        np.array([b"a", b"a", b"a", b"b", b"b"]),
    ],
    ids=["tuples", "ints", "tensor", "tensors", "mixed", "objects", "bytes"],
)
def test_any_label_that_can_be_compared_names_a_group(labels: object) -> None:
    assert_same(estimate(OUTCOME, REASONING, VALID, labels, config()), reference())


@pytest.mark.parametrize("label", [["a", "b"], ("a", ["b"]), {"uid": 1}])
def test_a_label_that_cannot_be_compared_is_an_error_that_shows_it(label: object) -> None:
    with pytest.raises(ValueError, match=r"group label .* is a (list|tuple|dict) and cannot be compared"):
        estimate(OUTCOME, REASONING, VALID, [label, *LABELS[1:]], config())


def test_the_config_may_be_a_mapping_or_left_out() -> None:
    assert_same(estimate(OUTCOME, REASONING, VALID, LABELS), reference())
    hard = estimate(OUTCOME, REASONING, VALID, LABELS, {"gate": {"kind": "hard"}, "reasoning_weight": 2})
    assert_same(hard, estimate(OUTCOME, REASONING, VALID, LABELS, config(gate={"kind": "hard"}, reasoning_weight=2.0)))
    assert_same(estimate(OUTCOME, REASONING, VALID, LABELS, AWPOConfig()), reference())
    with pytest.raises(AWPOConfigError, match=r"algorithm\.awpo\.gat: Key 'gat' not in"):
        estimate(OUTCOME, REASONING, VALID, LABELS, {"gat": {}})


def test_an_empty_batch_is_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match="batch without rollouts"):
        estimate(torch.zeros(0), torch.zeros(0), torch.zeros(0, dtype=torch.bool), [], config())


@pytest.mark.parametrize("given_q", [[0.1, None, 0.2, 0.3, 0.4], ["x"] * 5, [[0.1], [0.2, 0.3], 0.1, 0.1, 0.1]])
def test_values_that_are_not_numbers_are_an_error_that_names_the_argument(given_q: list) -> None:
    with pytest.raises(ValueError, match=r"reasoning cannot be read as one number .*reasoning_valid=False"):
        estimate(OUTCOME, given_q, VALID, LABELS, config())


@pytest.mark.parametrize("name", ["has_thinking", "rejected"])
def test_flags_must_be_bool_and_of_the_right_length(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a bool tensor"):
        estimate(OUTCOME, REASONING, VALID, LABELS, config(), **{name: torch.zeros(5)})
    with pytest.raises(ValueError, match=rf"{name} \(4,\)"):
        estimate(OUTCOME, REASONING, VALID, LABELS, config(), **{name: [True] * 4})


def test_hand_computed_group_with_a_rejected_success() -> None:
    # o = 0 0 0 1, the last one rejected. Left are three failures: A_out = 0, q = 0.2 0.5 0.8: mean 0.5,
    # std = 0.3, w = 0.3 / 0.3 = 1, mu = 0: d = 0.1. A = 0.1 * (-0.3 0 0.3) / 0.3 = -0.1 0 0.1
    rejected = [False, False, False, True]
    found = estimate([0.0, 0, 0, 1], [0.2, 0.5, 0.8, 0.9], [True] * 4, ["p"] * 4, config(), rejected=rejected)
    expected = torch.tensor([-0.1, 0.0, 0.1, 0.0], dtype=torch.float64)
    torch.testing.assert_close(found.advantages, expected, rtol=0, atol=1e-5)
    assert found.advantages[3].item() == 0.0
    # c = 1 / (1 + 0.2 * 1) for the three, 1 for the rejected one
    assert found.clip_scale.tolist() == pytest.approx([1 / 1.2] * 3 + [1.0], abs=1e-5)
    assert found.gate.tolist() == pytest.approx([1.0, 1.0, 1.0, 0.0], abs=1e-5)
    metrics = found.metrics
    assert metrics["awpo/rejected_frac"] == 0.25
    assert (metrics["awpo/outcome/mean"], metrics["awpo/dead_groups_frac"]) == (0.0, 1.0)
    assert metrics["awpo/reasoning/mean"] == pytest.approx(0.5)


def test_a_group_that_rejection_leaves_with_one_row_teaches_nothing() -> None:
    # b had two rollouts and keeps one success: nothing to compare it with, so A = 0; c had one from the start: A = o
    found = estimate(
        [1.0, 0.0, 1.0, 0.0, 1.0],
        REASONING,
        [True] * 5,
        list("aabbc"),
        config(),
        rejected=[False, False, False, True, False],
    )
    assert found.advantages[2:].tolist() == [0.0, 0.0, 1.0]
    assert found.gate[2:].tolist() == [0.0, 0.0, 0.0]


def test_a_group_that_loses_all_of_its_rows_is_left_out() -> None:
    found = estimate(OUTCOME, REASONING, VALID, LABELS, config(), rejected=[True, True, True, False, False])
    left = estimate(OUTCOME[3:], REASONING[3:], VALID[3:], LABELS[3:], config())
    assert found.advantages.tolist() == [0.0, 0.0, 0.0, *left.advantages.tolist()]
    assert found.metrics == left.metrics | {"awpo/rejected_frac": 3 / 5}


def test_a_batch_of_rejected_rows_alone_teaches_nothing() -> None:
    found = estimate(OUTCOME, REASONING, VALID, LABELS, config(), rejected=[True] * 5)
    assert found.advantages.tolist() == [0.0] * 5
    assert found.clip_scale.tolist() == [1.0] * 5
    assert found.metrics == {"awpo/rejected_frac": 1.0}


@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf])
def test_the_outcome_of_a_rejected_row_may_be_anything(lost: float) -> None:
    rejected = [False, False, False, True]
    q, labels = [0.2, 0.5, 0.8, 0.9], ["p"] * 4
    plain = estimate([0.0, 0, 0, 1], q, [True] * 4, labels, config(), rejected=rejected)
    found = estimate([0.0, 0, 0, lost], q, [True] * 4, labels, config(), rejected=rejected)
    assert torch.equal(found.advantages, plain.advantages)
    assert found.metrics == plain.metrics


def test_a_nonfinite_outcome_that_is_not_rejected_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"of 1 of 5 rollouts .*: row 1 \(uid a\): nan\."):
        estimate(
            *([math.nan, math.nan, *OUTCOME[2:]], REASONING, VALID, LABELS, config()),
            rejected=[True, False, False, False, False],
        )


@pytest.mark.parametrize("section", [{}, {"gate": {"kind": "agreement"}}, {"clip": {"scope": "sequence"}}])
@given(
    rows=groups(graded, graded),
    extra=st.lists(st.tuples(st.integers(0, 40), st.floats(-9, 9), st.floats(0, 1)), min_size=1, max_size=5),
)
def test_rejected_rows_change_nothing_for_the_others(section: dict, rows, extra: list) -> None:
    o, q, labels = rows[0].double(), rows[1].double(), list(rows[2])
    plain = estimate(o, q, torch.ones(len(o), dtype=torch.bool), labels, config(**section))
    outcome, reasoning, rejected = o.tolist(), q.tolist(), [False] * len(o)
    for place, bad_outcome, bad_reasoning in extra:
        at = place % (len(labels) + 1)
        labels.insert(at, labels[at % len(labels)] if place % 2 else "gone")
        outcome.insert(at, bad_outcome)
        reasoning.insert(at, bad_reasoning)
        rejected.insert(at, True)
    found = estimate(outcome, reasoning, [True] * len(labels), labels, config(**section), rejected=rejected)
    kept = ~torch.tensor(rejected)
    assert torch.equal(found.advantages[kept], plain.advantages)
    assert torch.equal(found.clip_scale[kept], plain.clip_scale)
    assert not found.advantages[~kept].any()
    lost = {"awpo/rejected_frac": len(extra) / len(labels)}
    assert {**found.metrics, **lost} == pytest.approx(plain.metrics | lost, abs=1e-12)
    assert found.metrics["awpo/rejected_frac"] == pytest.approx(lost["awpo/rejected_frac"])
