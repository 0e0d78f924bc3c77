"""gate.kind=agreement: the reasoning reward has less of a say where it contradicts the outcome."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from awpo_verl.algorithm import Estimate, estimate
from awpo_verl.algorithm.alignment import agreement
from awpo_verl.config import parse

SOLVED_AND_FAILED = torch.tensor([1.0, 1.0, 0.0, 0.0])  # two groups, both dead


def run(outcome: Tensor, reasoning: Tensor, index: list[str], kind: str) -> Estimate:
    valid = torch.ones(len(outcome), dtype=torch.bool)
    return estimate(outcome, reasoning, valid, index, parse({"gate": {"kind": kind}}))


def test_a_scorer_that_marks_failures_above_successes_has_no_say() -> None:
    # deviations of o: 1/2 1/2 -1/2 -1/2, of q: -.3 -.5 .3 .5; correlation -.8 / sqrt(1 * .68) = -.970 < -1/2
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
    # o - 1/3: 2/3 2/3 -1/3 x 4, squares sum to 4/3; q - .4833: squares sum to .1083; products sum to -.0667
    expected = -0.2 / 3 / (4 / 3 * 0.65 / 6) ** 0.5
    found = agreement(outcome, reasoning, torch.ones(6, dtype=torch.bool), torch.tensor([0, 0, 1, 1, 2, 2]), 3)
    assert found == pytest.approx(expected)
    trusted = run(outcome, reasoning, list("aabbcc"), "agreement")
    plain = run(outcome, reasoning, list("aabbcc"), "variance_ratio")
    assert torch.allclose(trusted.gate, (1 + 2 * expected) * plain.gate)


def test_groups_in_which_it_agrees_speak_for_a_scorer_that_marks_hard_prompts_higher() -> None:
    # over the batch failures have the better marks (long thinking on hard prompts), within the live group successes do
    outcome = torch.tensor([1.0, 1.0, 0.0, 0.0, 1.0, 0.0])
    reasoning = torch.tensor([0.1, 0.2, 0.8, 0.9, 0.6, 0.5])
    index = list("aabbcc")
    trusted, plain = (run(outcome, reasoning, index, kind) for kind in ("agreement", "variance_ratio"))
    assert torch.equal(trusted.advantages, plain.advantages)


@pytest.mark.parametrize("outcome", [torch.zeros(4), torch.ones(4)])
def test_where_nothing_is_known_the_scorer_is_trusted(outcome: Tensor) -> None:
    reasoning = torch.tensor([0.2, 0.0, 0.8, 1.0])
    trusted, plain = (run(outcome, reasoning, list("aabb"), kind) for kind in ("agreement", "variance_ratio"))
    assert torch.equal(trusted.advantages, plain.advantages)


def test_a_missing_reasoning_reward_is_no_witness() -> None:
    # the one row that contradicts has no valid mark
    valid = torch.tensor([True, False, True, True])
    given = (torch.tensor([1.0, 1.0, 0.0, 0.0], dtype=torch.float64), torch.tensor([0.9, 0.0, 0.1, 0.2]).double())
    assert agreement(*given, valid, torch.tensor([0, 0, 1, 1]), 2) == pytest.approx(0.993, abs=1e-3)
