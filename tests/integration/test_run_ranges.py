"""Ranges of both rewards in verl's two trainers: who scored a row, what the run has seen, the first train batch."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from awpo_verl.config import AWPOConfig, AWPOConfigError
from awpo_verl.integration.run_ranges import RunRanges, find_scorers
from awpo_verl.integration.step import Step
from awpo_verl.rewards.parts import read_parts
from tests.integration.through_trainers import algorithm, parts, rows, through_legacy, through_v1, with_prompts

UNIFORM = [0.5, 0.5, 0.5, 0.5]


def weight(step: Step, scores: list[float], source: str, **scorer: float) -> tuple[float, float]:
    """Difficulty of one group, and the share of its outcomes outside of the range that was known before."""
    row_parts = parts(scores, [0.1, 0.9, 0.3, 0.7][: len(scores)], **scorer)
    data, sources = rows(scores, ["a"] * len(scores)), [source] * len(scores)
    metrics = through_v1(data, row_parts, algorithm(), sources=sources, step=step)[1].metrics
    return metrics["awpo/difficulty/mean"], metrics["awpo/outcome_out_of_range_frac"]


def test_a_success_rate_of_a_half_weighs_the_same_under_every_rule() -> None:
    step = Step()
    # mu = 1/2: d = 1.5; the range is known before the first row is seen
    assert weight(step, [1.0, 1.0, -1.0, -1.0], "math_dapo", verl_rule=1.0) == (pytest.approx(1.5), 0.0)
    assert weight(step, [1.0, 1.0, 0.0, 0.0], "openai/gsm8k", verl_rule=1.0) == (pytest.approx(1.5), 0.0)
    assert weight(step, [1.0, 1.0, 0.0, 0.0], "math_dapo", checked=1.0) == (pytest.approx(1.5), 0.0)


def test_the_range_of_a_rule_holds_although_no_rollout_has_failed_yet() -> None:
    step = Step()
    # math_dapo: 0.0 is no outcome of the rule, but mu of [1, 1, 1, 0] by [-1, 1] is (3/4 + 1)/2 = 7/8:
    # d = 0.1 + 1.4 * 4 * 7/8 * 1/8 = 0.7125; by [0, 1] it would be 3/4 and 1.15
    assert weight(step, [1.0, 1.0, 1.0, 0.0], "math_dapo", verl_rule=1.0)[0] == pytest.approx(0.7125)
    assert weight(step, [1.0, 1.0, 1.0, 0.0], "math_dapo", checked=1.0)[0] == pytest.approx(1.15)


def test_a_function_of_the_users_under_a_source_of_verls_has_the_range_that_was_seen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    step = Step()
    # verl_rule = 0: [0, 1] until -1 is seen; d = 1.15 for [1, 1, 1, 0], then by [-1, 1] 0.7125 (above)
    assert weight(step, [1.0, 1.0, 1.0, 0.0], "math_dapo") == (pytest.approx(1.15), 0.0)
    assert capsys.readouterr().out == ""
    assert weight(step, [1.0, 1.0, -1.0, -1.0], "math_dapo") == (pytest.approx(1.5), 0.5)
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "outcome range of data source 'math_dapo': [-1, 1], from what was seen (before: [0, 1])" in said
    assert "algorithm.awpo.outcome_range=[low, high]" in said
    assert weight(step, [1.0, 1.0, 1.0, 0.0], "math_dapo") == (pytest.approx(0.7125), 0.0)
    assert capsys.readouterr().out == ""


def test_an_outlier_is_named_once_for_its_source_and_the_range_stays(capsys: pytest.CaptureFixture[str]) -> None:
    step = Step()
    # -100 of a timeout: the mean is out of [0, 1], mu = 0, d = 0.1; the next batch weighs 1.5 as if it had not been
    for _ in range(2):
        assert weight(step, [1.0, 1.0, 0.0, -100.0], "sandbox") == (pytest.approx(0.1), 0.25)
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "data source 'sandbox' has the outcome -100, far outside of its range [0, 1]" in said
    assert "set algorithm.awpo.outcome_range=[low, high]" in said
    assert weight(step, [1.0, 1.0, 0.0, 0.0], "sandbox") == (pytest.approx(1.5), 0.0)
    weight(step, [1.0, 1.0, 0.0, 50.0], "another")
    assert "'another' has the outcome 50" in capsys.readouterr().out


def test_a_source_whose_rule_has_no_range_of_its_own_is_one_scorer() -> None:
    # by a function and by verl's rule, both from [0, 1]: one range, widened by both
    sources, by_rule = ["shop"] * 4 + ["math_dapo"] * 2, [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]
    columns = {"data_source": sources, "verl_rule": by_rule, "reasoning": [0.0] * 6}
    row_parts = read_parts(columns, "reasoning", 6)
    ids, scorers = find_scorers(row_parts.data_source, row_parts.by_verl_rule)
    assert len(set(scorers)) == len(scorers)
    assert [scorers[i] for i in ids.tolist()] == [("shop", (0, 1))] * 4 + [
        ("math_dapo", (0, 1)),
        ("math_dapo", (-1, 1)),
    ]
    ranges = RunRanges()
    rejected = torch.zeros(6, dtype=torch.bool)
    ranges.find_outcome_ranges(torch.tensor([-1.0, 3.0, 0.0, 0.0, 0.0, 0.0]), row_parts, rejected, AWPOConfig())
    found = ranges.find_outcome_ranges(torch.zeros(6), row_parts, rejected, AWPOConfig())
    assert (found.low[:4].tolist(), found.high[:4].tolist()) == ([-1.0] * 4, [3.0] * 4)


def test_a_process_that_resumes_sees_a_wide_range_again_at_once() -> None:
    assert weight(Step(), [1.0, 1.0, -1.0, -1.0], "own")[0] == pytest.approx(1.5)
    assert weight(Step(), [1.0, 1.0, -1.0, -1.0], "own") == (pytest.approx(1.5), 0.5)


def test_a_range_in_the_config_has_priority() -> None:
    scores = [1.0, 1.0, -1.0, -1.0]
    row_parts = parts(scores, UNIFORM, verl_rule=1.0)
    config = algorithm(outcome_range=[0.0, 1.0])
    metrics = through_v1(rows(scores, ["a"] * 4), row_parts, config, sources=["math_dapo"] * 4)[1].metrics
    assert metrics["awpo/difficulty/mean"] == pytest.approx(0.1)
    assert metrics["awpo/outcome_out_of_range_frac"] == 0.5


def test_the_legacy_trainer_and_v1_weigh_a_mixed_batch_alike() -> None:
    scores, q = [1.0, -1.0, 1.0, 0.0], [0.1, 0.9, 0.8, 0.3]
    uids, sources = ["a", "a", "b", "b"], ["aime24", "aime24", "shop", "shop"]
    row_parts = parts(scores, q)
    for part, (rule, checked) in zip(row_parts, [(1.0, 0.0)] * 2 + [(0.0, 1.0)] * 2, strict=True):
        part |= {"verl_rule": rule, "checked": checked}
    v1, handover = through_v1(rows(scores, uids), row_parts, algorithm(), sources=sources)
    legacy, metrics = through_legacy(rows(scores, uids), row_parts, algorithm(), sources)
    assert torch.equal(v1.batch["advantages"], legacy.batch["advantages"])
    assert metrics == handover.metrics
    assert metrics["awpo/difficulty/mean"] == pytest.approx(1.5)


def test_a_function_may_return_any_value_as_checked() -> None:
    row_parts = parts([1.0, 0.0], [0.1, 0.9])
    row_parts[0]["checked"], row_parts[1]["checked"] = ["yes"], None
    metrics = through_v1(rows([1.0, 0.0], ["a", "a"]), row_parts, algorithm())[1].metrics
    assert metrics["awpo/difficulty/mean"] == pytest.approx(1.5)


MARKS, SCORES = [2.0, 3.0, 8.0, 9.0], [1.0, 1.0, 0.0, 0.0]


MESSAGE = r"reasoning_range=\[0, 1\] does not hold .* 4 of 4 are outside, and all go from 2 to 9\. Set .*\[0,10\]"


@pytest.mark.parametrize("through", [through_v1, through_legacy])
@pytest.mark.parametrize("estimator", ["awpo", "gdpo"])
def test_a_first_batch_of_another_scale_stops_and_names_the_key(through: Any, estimator: str) -> None:
    data = with_prompts(rows(SCORES, ["a"] * 4))
    with pytest.raises(AWPOConfigError, match=r"algorithm\.awpo\." + MESSAGE):
        through(data, parts(SCORES, MARKS), algorithm(estimator))


@pytest.mark.parametrize(
    ("marks", "scale"),
    [([0.5, 85.0], "[0,100]"), ([-1.0, 1.0], "[-1,1]"), ([0.0, 1.01], "[0,10]"), ([-30.0, -0.5], "[-100,0]")],
)
def test_the_message_proposes_a_scale_that_holds_what_was_seen(marks: list[float], scale: str) -> None:
    with pytest.raises(AWPOConfigError) as told:
        through_v1(rows([1.0, 0.0], ["a", "a"]), parts([1.0, 0.0], marks), algorithm())
    assert f"for example {scale};" in str(told.value)
    proposed = algorithm(reasoning_range=[float(end) for end in scale.strip("[]").split(",")])
    through_v1(rows([1.0, 0.0], ["a", "a"]), parts([1.0, 0.0], marks), proposed)


def test_with_the_key_set_the_run_goes_on_with_mapped_values() -> None:
    ten = algorithm(reasoning_range=[0, 10])
    found, handover = through_v1(rows(SCORES, ["a"] * 4), parts(SCORES, MARKS), ten)
    plain, _ = through_v1(rows(SCORES, ["a"] * 4), parts(SCORES, [0.2, 0.3, 0.8, 0.9]), algorithm())
    torch.testing.assert_close(found.batch["advantages"], plain.batch["advantages"], rtol=0, atol=1e-6)
    assert handover.metrics["awpo/reasoning/mean"] == pytest.approx(0.55)
    assert handover.metrics["awpo/reasoning_out_of_range_frac"] == 0.0


def test_later_batches_are_clipped_and_counted() -> None:
    data, uids = rows(SCORES, ["a"] * 4), ["a"] * 4
    step = Step()
    through_v1(data, parts(SCORES, [0.0, 1.0, 0.5, 0.5]), algorithm(), step=step)
    found, handover = through_v1(rows(SCORES, uids), parts(SCORES, [0.0, 85.0, 0.5, -3.0]), algorithm(), step=step)
    clipped, _ = through_v1(rows(SCORES, uids), parts(SCORES, [0.0, 1.0, 0.5, 0.0]), algorithm(), step=step)
    assert torch.equal(found.batch["advantages"], clipped.batch["advantages"])
    assert handover.metrics["awpo/reasoning_out_of_range_frac"] == 0.5


def test_a_batch_without_reasoning_rewards_does_not_count_as_the_first() -> None:
    missing = parts(SCORES, [0.0] * 4, reasoning_valid=0.0)
    step = Step()
    through_v1(rows(SCORES, ["a"] * 4), missing, algorithm(), step=step)
    with pytest.raises(AWPOConfigError, match="first train batch"):
        through_v1(rows(SCORES, ["a"] * 4), parts(SCORES, MARKS), algorithm(), step=step)


def test_a_grpo_baseline_is_not_stopped_by_a_scale_that_it_does_not_use() -> None:
    metrics = through_v1(rows(SCORES, ["a"] * 4), parts(SCORES, MARKS), algorithm("grpo"))[1].metrics
    assert metrics["awpo/reasoning_out_of_range_frac"] == 1.0
