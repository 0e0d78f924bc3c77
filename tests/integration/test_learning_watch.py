"""A run in which nothing is learned says so, once, with its figure."""

from __future__ import annotations

import pytest
import torch
from omegaconf import OmegaConf

from awpo_verl.algorithm.groups import Groups
from awpo_verl.integration.step import Step, StepRows

ALGORITHM = OmegaConf.create({"awpo": {}})
VARIED = ([1.0, 0.0, 1.0, 0.0], [0.1, 0.2, 0.3, 0.4])


class Run:
    """Train batches of two groups of two, through the function that both trainers call."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.step = Step()
        self.capsys = capsys

    def batch(self, outcome: list[float], reasoning: list[float | None], **parts: list[str]) -> str:
        """What one batch prints."""
        columns = {"reasoning": reasoning, "reasoning_valid": [float(q is not None) for q in reasoning], **parts}
        rows = StepRows(columns, Groups.of(["a", "a", "b", "b"]), torch.zeros(4, dtype=torch.bool))
        self.step.estimate(rows, torch.tensor(outcome), ALGORITHM, True)
        return self.capsys.readouterr().out


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


def test_advantages_of_0_in_three_batches_are_one_line_with_the_figures(run: Run) -> None:
    silent = ([0.0] * 4, [0.5] * 4)
    assert [run.batch(*silent) for _ in range(2)] == ["", ""]
    third = run.batch(*silent)
    assert third.count("[awpo] warning:") == 1
    assert "nothing is learned: the advantages of all rollouts were exactly 0 in the last 3 train batches" in third
    assert "; the outcome was 0 in all rollouts and 'reasoning' was 0.5 in all rollouts. Check that your" in third
    assert [run.batch(*silent) for _ in range(4)] == [""] * 4


def test_groups_that_are_each_silent_are_no_constant_reward(run: Run) -> None:
    # group a is all right and group b all wrong: the advantages are 0, and the outcome differs over the batch
    printed = [run.batch([1.0, 1.0, 0.0, 0.0], [0.5] * 4) for _ in range(3)][-1]
    assert "exactly 0 in the last 3 train batches; 'reasoning' was 0.5 in all rollouts." in printed


def test_a_constant_outcome_is_said_though_reasoning_still_teaches(run: Run) -> None:
    printed = [run.batch([0.0] * 4, [0.1, 0.2, 0.3, 0.4]) for _ in range(3)]
    assert printed[:2] == ["", ""]
    assert printed[2].startswith(
        "[awpo] warning: the outcome reward was 0 in all rollouts in the last 3 train batches."
    )


def test_a_constant_reasoning_reward_is_said(run: Run) -> None:
    printed = [run.batch([1.0, 0.0, 1.0, 0.0], [0.0] * 4) for _ in range(3)]
    assert printed[2].startswith("[awpo] warning: the reasoning reward 'reasoning' was 0 in all rollouts in the last 3")


def test_a_reasoning_reward_that_is_missing_in_a_whole_batch_is_said_at_once(run: Run) -> None:
    printed = run.batch([1.0, 0.0, 1.0, 0.0], [None] * 4)
    assert (
        "[awpo] warning: the reasoning reward 'reasoning' is missing in all 4 rollouts of this train batch" in printed
    )
    assert "name your key with algorithm.awpo.reasoning_key" in printed
    assert run.batch([1.0, 0.0, 1.0, 0.0], [None] * 4) == ""


def test_a_judge_that_fails_has_its_own_warning(run: Run) -> None:
    printed = run.batch([1.0, 0.0, 1.0, 0.0], [None] * 4, judge_status=["timeout"] * 4)
    assert "is missing in all" not in printed
    assert "the judge answered for 0%" in printed


def test_two_batches_are_chance_and_another_value_begins_anew(run: Run) -> None:
    batches = [[0.0] * 4, [0.0] * 4, [1.0] * 4, [1.0] * 4]
    assert "".join(run.batch(outcome, VARIED[1]) for outcome in batches) == ""
    assert "was 1 in all rollouts" in run.batch([1.0] * 4, VARIED[1])


def test_after_it_has_gone_it_is_said_again(run: Run) -> None:
    constant = ([0.0] * 4, VARIED[1])
    first = "".join(run.batch(*constant) for _ in range(5))
    assert first.count("the outcome reward was 0") == 1
    assert run.batch(*VARIED) == ""
    again = "".join(run.batch(*constant) for _ in range(5))
    assert again.count("the outcome reward was 0") == 1


def test_a_run_that_learns_says_nothing(run: Run) -> None:
    assert "".join(run.batch(*VARIED) for _ in range(10)) == ""
