"""The gates. agreement: reasoning has less of a say where it contradicts the outcome."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from awpo_verl.algorithm import Estimate, estimate
from awpo_verl.algorithm.concordance import concordance
from awpo_verl.config import parse
from tests.algorithm.estimates import awpo
from tests.conftest import config

SOLVED_AND_FAILED = torch.tensor([1.0, 1.0, 0.0, 0.0])  # two groups, both dead


def run(outcome: Tensor, reasoning: Tensor, index: list[str], kind: str) -> Estimate:
    valid = torch.ones(len(outcome), dtype=torch.bool)
    return estimate(outcome, reasoning, valid, index, parse({"gate": {"kind": kind}}))


def test_hard_gate_opens_only_where_the_outcome_is_silent() -> None:
    o, q = torch.tensor([0.0, 0, 0, 1]), torch.tensor([0.0, 1, 0, 1])
    assert awpo(o, q, list("aabb"), config(gate={"kind": "hard"})).gate.tolist() == [1, 1, 0, 0]
    # std of (0, 1) is 0.707
    assert awpo(o, q, list("aabb"), config(gate={"kind": "hard", "threshold": 0.71})).gate.tolist() == [1, 1, 1, 1]


def test_a_scorer_that_marks_failures_above_successes_has_no_say() -> None:
    # in all four pairs of a success and a failure the failure has the better mark: -1
    result = run(SOLVED_AND_FAILED, torch.tensor([0.2, 0.0, 0.8, 1.0]), list("aabb"), "agreement")
    assert result.gate.tolist() == [0.0] * 4
    assert result.advantages.tolist() == [0.0] * 4


def test_a_scorer_that_agrees_has_the_gate_of_variance_ratio() -> None:
    reasoning = torch.tensor([0.8, 1.0, 0.2, 0.0])
    trusted = run(SOLVED_AND_FAILED, reasoning, list("aabb"), "agreement")
    plain = run(SOLVED_AND_FAILED, reasoning, list("aabb"), "variance_ratio")
    assert torch.equal(trusted.advantages, plain.advantages)
    assert trusted.gate.min() > 0.99


def test_a_slight_contradiction_closes_the_gate_in_part() -> None:
    outcome = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    reasoning = torch.tensor([0.5, 0.4, 0.7, 0.6, 0.3, 0.4], dtype=torch.float64)
    # the success of .5 beats two failures and loses to two; that of .4 beats one and loses to two: -1 of 7
    expected = -1 / 7
    found = concordance(outcome, reasoning, torch.ones(6, dtype=torch.bool), torch.tensor([0, 0, 1, 1, 2, 2]))
    assert found == pytest.approx(expected)
    trusted = run(outcome, reasoning, list("aabbcc"), "agreement")
    plain = run(outcome, reasoning, list("aabbcc"), "variance_ratio")
    assert torch.allclose(trusted.gate, (1 + 2 * expected) * plain.gate)


def test_a_scorer_that_agrees_within_groups_is_trusted_although_it_scores_hard_prompts_higher() -> None:
    # over the batch failures have the better marks (long thinking on hard prompts), within the live groups successes do
    outcome = torch.tensor([1.0, 1.0, 1.0, 1.0] + [1.0, 0.0, 0.0, 0.0] * 3)
    reasoning = torch.tensor([0.1, 0.2, 0.1, 0.2] + [0.6, 0.5, 0.5, 0.4] * 3)
    index = list("aaaabbbbccccdddd")
    trusted, plain = (run(outcome, reasoning, index, kind) for kind in ("agreement", "variance_ratio"))
    assert torch.equal(trusted.advantages, plain.advantages)
    # one such group could be chance
    few = slice(0, 8)
    trusted = run(outcome[few], reasoning[few], index[few], "agreement")
    assert trusted.gate.max() == 0.0


@pytest.mark.parametrize("outcome", [torch.zeros(4), torch.ones(4)])
def test_a_scorer_is_trusted_where_no_pair_tells(outcome: Tensor) -> None:
    reasoning = torch.tensor([0.2, 0.0, 0.8, 1.0])
    trusted, plain = (run(outcome, reasoning, list("aabb"), kind) for kind in ("agreement", "variance_ratio"))
    assert torch.equal(trusted.advantages, plain.advantages)


def test_a_rollout_without_thinking_does_not_count() -> None:
    # successes have the lower marks of the judge; the two failures without thinking score 0 unasked
    outcome, reasoning = torch.tensor([1.0, 1, 0, 0, 0, 0]), torch.tensor([0.4, 0.4, 0.6, 0.6, 0.0, 0.0])
    valid, config = torch.ones(6, dtype=torch.bool), parse({"gate": {"kind": "agreement"}})
    index = ["a", "b", "a", "b", "c", "c"]
    asked = estimate(outcome, reasoning, valid, index, config, has_thinking=torch.tensor([True] * 4 + [False] * 2))
    assert asked.gate.max() == 0.0  # all four pairs contradict
    assert estimate(outcome, reasoning, valid, index, config).gate.max() > 0.0  # as many pairs agree
