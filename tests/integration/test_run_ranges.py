"""Ranges and rejected rollouts in verl's two trainers: who scored a row, the first train batch, sessions, baselines."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from verl import DataProto
from verl.trainer.ppo.rollout_corr_helper import compute_rollout_correction_and_add_to_batch
from verl.utils.reward_score import default_compute_score

from awpo_verl.config import AWPOConfig, AWPOConfigError
from awpo_verl.integration.keys import CLIP_SCALE
from awpo_verl.integration.run_ranges import RunRanges, find_scorers
from awpo_verl.integration.step import Step
from awpo_verl.integration.tokens import find_rows_without_tokens, spread_over_tokens
from awpo_verl.integration.v1_rows import BatchRows, PartsByKey
from awpo_verl.integration.verl_outcome_ranges import find_rule_range
from awpo_verl.rewards.parts import read_parts
from tests.integration.through_trainers import T, rows, through_legacy, through_v1

UNIFORM = [0.5, 0.5, 0.5, 0.5]


def algorithm(estimator: str = "awpo", **awpo: Any) -> Any:
    return OmegaConf.create({"adv_estimator": estimator, "gdpo_reward_keys": ["outcome", "reasoning"], "awpo": awpo})


def parts(outcome: list[float], reasoning: list[float], **more: float) -> list[dict[str, Any]]:
    pairs = zip(outcome, reasoning, strict=True)
    return [{"outcome": o, "reasoning": q, "reasoning_valid": 1.0, **more} for o, q in pairs]


def weight(step: Step, scores: list[float], source: str, **scorer: float) -> tuple[float, float]:
    """Difficulty of one group, and the share of its outcomes outside of the range that was known before."""
    row_parts = parts(scores, [0.1, 0.9, 0.3, 0.7][: len(scores)], **scorer)
    data, sources = rows(scores, ["a"] * len(scores)), [source] * len(scores)
    metrics = through_v1(data, row_parts, algorithm(), sources=sources, step=step)[1].metrics
    return metrics["awpo/difficulty/mean"], metrics["awpo/outcome_out_of_range_frac"]


RIGHT = {
    "openai/gsm8k": ("#### 42", "42"),
    "lighteval/MATH": (r"\boxed{42}", "42"),
    "DigitalLearningGmbH/MATH-lighteval": (r"\boxed{42}", "42"),
    "HuggingFaceH4/MATH-500": (r"\boxed{42}", "42"),
    "math_dapo": ("Answer: 42", "42"),
    "math": ("Answer: 42", "42"),
    "math_dapo_reasoning": ("Answer: 42", "42"),
    "aime_2025": ("Answer: 42", "42"),
    "searchR1_nq": ("<answer>Rome</answer>", {"target": ["Rome"]}),
    "searchR1_musique": ("<answer>Rome</answer>", {"target": ["Rome"]}),
}


@pytest.mark.parametrize("source", RIGHT)
def test_a_known_range_is_what_verls_rule_returns_for_wrong_and_right(source: str) -> None:
    right, truth = RIGHT[source]

    def score(text: str) -> float:
        result = default_compute_score(source, text, truth)
        return result["score"] if isinstance(result, dict) else result

    assert (score("no answer"), score(right)) == find_rule_range(source)


def test_every_source_of_verls_rules_has_a_known_range_and_no_other_has() -> None:
    import ast
    import inspect

    source = ast.parse(inspect.getsource(default_compute_score))
    tests = [node.test for node in ast.walk(source) if isinstance(node, ast.If)]
    named = {
        node.value
        for test in tests
        for node in ast.walk(test)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert len(named) > 20
    assert {source for source in named if find_rule_range(source) is None} == set()
    assert find_rule_range("my/own") is None


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


def test_a_rejected_rollout_may_have_an_outcome_that_is_not_finite() -> None:
    scores, q = [0.0, 0, 0, float("nan")], [0.2, 0.5, 0.8, 0.9]
    found, handover = through_v1(rows(scores, ["a"] * 4, (3,)), parts(scores, q), algorithm())
    plain, reference = through_v1(rows([0.0, 0, 0, 1], ["a"] * 4, (3,)), parts([0.0, 0, 0, 1], q), algorithm())
    assert torch.equal(found.batch["advantages"], plain.batch["advantages"])
    assert handover.metrics == reference.metrics


def test_a_process_that_resumes_sees_a_wide_range_again_at_once() -> None:
    assert weight(Step(), [1.0, 1.0, -1.0, -1.0], "own")[0] == pytest.approx(1.5)
    assert weight(Step(), [1.0, 1.0, -1.0, -1.0], "own") == (pytest.approx(1.5), 0.5)


def test_a_range_in_the_config_goes_before_all() -> None:
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


def test_whatever_a_function_puts_into_checked_is_survived() -> None:
    row_parts = parts([1.0, 0.0], [0.1, 0.9])
    row_parts[0]["checked"], row_parts[1]["checked"] = ["yes"], None
    metrics = through_v1(rows([1.0, 0.0], ["a", "a"]), row_parts, algorithm())[1].metrics
    assert metrics["awpo/difficulty/mean"] == pytest.approx(1.5)


MARKS, SCORES = [2.0, 3.0, 8.0, 9.0], [1.0, 1.0, 0.0, 0.0]
TOLD = r"reasoning_range=\[0, 1\] does not hold .* 4 of 4 are outside, and all go from 2 to 9\. Set .*\[0,10\]"


@pytest.mark.parametrize("through", [through_v1, through_legacy])
@pytest.mark.parametrize("estimator", ["awpo", "gdpo"])
def test_a_first_batch_of_another_scale_stops_and_names_the_key(through: Any, estimator: str) -> None:
    data = with_prompts(rows(SCORES, ["a"] * 4))
    with pytest.raises(AWPOConfigError, match=r"algorithm\.awpo\." + TOLD):
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


def test_a_batch_without_reasoning_rewards_is_not_the_first() -> None:
    missing = parts(SCORES, [0.0] * 4, reasoning_valid=0.0)
    step = Step()
    through_v1(rows(SCORES, ["a"] * 4), missing, algorithm(), step=step)
    with pytest.raises(AWPOConfigError, match="first train batch"):
        through_v1(rows(SCORES, ["a"] * 4), parts(SCORES, MARKS), algorithm(), step=step)


def with_prompts(data: DataProto) -> DataProto:
    """As the legacy trainer has it: an empty prompt and an attention mask."""
    data.batch["prompts"], data.batch["attention_mask"] = (
        torch.zeros(len(data), 0),
        torch.ones_like(data.batch["response_mask"]),
    )
    return data


@pytest.mark.parametrize("through", [through_v1, through_legacy])
def test_gdpo_gets_the_mapped_rewards(through: Any) -> None:
    # outcome is constant, so gdpo is the reasoning alone: 0.2 and 12 clipped to 1 are two values, as 0.2 and 1 are
    scores, ten, step = [1.0, 1.0], algorithm("gdpo", reasoning_range=[0, 10]), Step()
    through(with_prompts(rows(scores, ["a"] * 2)), parts(scores, [0.0, 1.0]), ten, step=step)
    mapped, extra = through(with_prompts(rows(scores, ["a"] * 2)), parts(scores, [2.0, 12.0]), ten, step=step)
    plain, _ = through(with_prompts(rows(scores, ["a"] * 2)), parts(scores, [0.2, 1.0]), algorithm("gdpo"))
    torch.testing.assert_close(mapped.batch["advantages"], plain.batch["advantages"])
    if through is through_v1:
        assert extra.metrics["awpo/reasoning/mean"] == pytest.approx(0.6)
        assert extra.metrics["awpo/reasoning_out_of_range_frac"] == 0.5


def test_after_gdpo_the_legacy_trainers_batch_has_the_users_rewards_for_the_dumps() -> None:
    scores, ten = [1.0, 1.0], algorithm("gdpo", reasoning_range=[0, 10])
    data, _ = through_legacy(with_prompts(rows(scores, ["a"] * 2)), parts(scores, [2.0, 9.0]), ten)
    assert data.non_tensor_batch["reasoning"].tolist() == [2.0, 9.0]


def test_gdpo_takes_the_groups_mean_for_a_missing_reward_in_the_legacy_trainer_too() -> None:
    data = with_prompts(rows([0.0] * 3, ["a"] * 3))
    row_parts = parts([0.0] * 3, [0.2, 0.6, 0.0])
    row_parts[2]["reasoning_valid"] = 0.0
    found, _ = through_legacy(data, row_parts, algorithm("gdpo"))
    assert found.batch["advantages"][2, 0].item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("through", [through_v1, through_legacy])
def test_a_rejected_rollout_enters_no_statistic_and_gets_nothing(through: Any) -> None:
    # FAULTS 8, by hand in tests/algorithm/test_rollouts.py: the only success is rejected, and the siblings get
    # -0.1 0 0.1 by their reasoning; with the success among them they had -0.66 to -0.49
    data, extra = through(
        rows([0.0, 0, 0, 1], ["a"] * 4, (3,)), parts([0.0, 0, 0, 1], [0.2, 0.5, 0.8, 0.9]), algorithm()
    )
    expected = torch.tensor([-0.1, 0.0, 0.1, 0.0])
    torch.testing.assert_close(data.batch["advantages"][:, 0], expected, rtol=0, atol=1e-5)
    metrics, scale = (extra, data.batch[CLIP_SCALE]) if through is through_legacy else (extra.metrics, extra.clip_scale)
    assert scale.tolist() == pytest.approx([1 / 1.2] * 3 + [1.0], abs=1e-5)
    assert metrics["awpo/rejected_frac"] == 0.25
    assert metrics["awpo/outcome/mean"] == 0.0


def test_a_rollout_is_rejected_by_verls_own_rejection_sampling() -> None:
    data = rows([0.0, 0, 0, 1], ["a"] * 4)
    old, rollout = torch.full((4, T), -1.0), torch.full((4, T), -1.0)
    rollout[3] = -9.0
    data.batch["old_log_probs"], data.batch["rollout_log_probs"] = old, rollout
    correction = OmegaConf.create({"rollout_is": None, "rollout_rs": "seq_mean_k1", "rollout_rs_threshold": "0.5_2.0"})
    data, _ = compute_rollout_correction_and_add_to_batch(data, correction)
    assert data.batch["response_mask"].sum(-1).tolist() == [3, 3, 3, 0]
    metrics = through_v1(data, parts([0.0, 0, 0, 1], [0.2, 0.5, 0.8, 0.9]), algorithm())[1].metrics
    assert (metrics["awpo/rejected_frac"], metrics["awpo/outcome/mean"]) == (0.25, 0.0)


def test_a_row_without_its_first_token_is_not_rejected() -> None:
    data = rows([1.0, 0.0], ["a", "a"])
    data.batch["response_mask"][0, 0] = 0
    found, handover = through_v1(data, parts([1.0, 0.0], [0.5, 0.5]), algorithm())
    assert handover.metrics["awpo/rejected_frac"] == 0.0
    assert found.batch["advantages"][0].tolist()[0] == 0.0
    assert found.batch["advantages"][0, 1].item() > 0.0


def test_a_session_is_rejected_when_none_of_its_rows_has_a_token_left() -> None:
    # a_0 has two outputs and keeps the first one's tokens; a_1 loses both outputs; a_2 has one
    keys = ["a_0_0", "a_0_1", "a_1_0", "a_1_1", "a_2_0"]
    data = rows([0.0, 1.0, 0.0, 1.0, 0.0], ["a"] * 5, (1, 2, 3))
    found, handover = through_v1(data, parts([1.0, 1.0, 1.0, 1.0, 0.0], [0.5] * 5), algorithm(), keys)
    assert handover.metrics["awpo/rejected_frac"] == pytest.approx(1 / 3)
    assert handover.metrics["awpo/outcome/mean"] == 0.5  # a_0: 1, a_2: 0
    a = found.batch["advantages"][:, 0].tolist()
    # o = 1 0: A_out = -+0.707; d = 1.5: 1.0607; a_0's second row has no token left
    assert a == pytest.approx([1.0607, 0.0, 0.0, 0.0, -1.0607], abs=1e-4)
    assert handover.clip_scale is not None
    assert handover.clip_scale[[2, 3]].tolist() == [1.0, 1.0]
    assert (handover.clip_scale[[0, 1, 4]] < 1.0).all()


@pytest.mark.parametrize("padding_has_tokens", [True, False])
def test_i9_padding_is_neither_a_rollout_nor_a_rejected_one(padding_has_tokens: bool) -> None:
    scores, q = [0.0, 0, 0, 1], [0.2, 0.5, 0.8, 0.9]
    plain, reference = through_v1(rows(scores, ["a"] * 4, (3,)), parts(scores, q), algorithm())
    empty = (3,) if padding_has_tokens else (3, 4)
    padded, handover = through_v1(
        rows([*scores, 0.0], ["a"] * 4 + ["pad"], empty),
        parts([*scores, 0.0], [*q, 0.2]),
        algorithm(),
        ["a_0_0", "a_1_0", "a_2_0", "a_3_0", "pad_0_0"],
        real=[True] * 4 + [False],
    )
    assert torch.equal(padded.batch["advantages"][:4], plain.batch["advantages"])
    assert handover.metrics == reference.metrics


def test_a_batch_that_is_rejected_as_a_whole_teaches_nothing_and_says_so() -> None:
    data, handover = through_v1(rows(SCORES, ["a"] * 4, (0, 1, 2, 3)), parts(SCORES, UNIFORM), algorithm())
    assert not data.batch["advantages"].any()
    assert handover.metrics == {"awpo/rejected_frac": 1.0}
    assert handover.clip_scale is not None
    assert handover.clip_scale.tolist() == [1.0] * 4


def test_agreement_leaves_rejected_rollouts_out_and_the_judges_figures_keep_them() -> None:
    # two of four disagree with the outcome, and are rejected: what is left agrees fully
    row_parts = parts([1.0, 0.0, 1.0, 0.0], [0.9, 0.1, 0.1, 0.9])
    for part in row_parts:
        part |= {"judge_status": "ok", "judge_requests": 1, "judge_seconds": 0.1}
    metrics = through_v1(rows([1.0, 0.0, 1.0, 0.0], ["a"] * 4, (2, 3)), row_parts, algorithm())[1].metrics
    assert metrics["awpo/outcome_reasoning_corr"] == pytest.approx(1.0)
    assert metrics["awpo/outcome_reasoning_corr_in_groups"] == pytest.approx(1.0)
    assert metrics["awpo/judge/requests_total"] == 4.0


def test_a_baselines_figures_leave_out_what_awpos_do() -> None:
    scores, q = [0.0, 0.0, 1.0, 1.0, 0.0], [0.2, 0.5, 0.8, 0.9, 0.1]
    uids, empty = ["a", "a", "a", "b", "b"], (2,)
    awpo = through_v1(rows(scores, uids, empty), parts(scores, q), algorithm())[1].metrics
    for estimator in ("grpo", "gdpo"):
        data, handover = through_v1(rows(scores, uids, empty), parts(scores, q), algorithm(estimator))
        assert handover.metrics == {name: awpo[name] for name in handover.metrics}
        assert {"awpo/rejected_frac", "awpo/dead_groups_frac", "awpo/outcome/mean"} <= handover.metrics.keys()
        assert not data.batch["advantages"][2].any()
    _, handover = through_v1(rows(scores, uids, (0, 1, 2, 3, 4)), parts(scores, q), algorithm("grpo"))
    assert handover.metrics == {"awpo/rejected_frac": 1.0}


def test_a_grpo_baseline_is_not_stopped_by_a_scale_that_it_does_not_use() -> None:
    metrics = through_v1(rows(SCORES, ["a"] * 4), parts(SCORES, MARKS), algorithm("grpo"))[1].metrics
    assert metrics["awpo/reasoning_out_of_range_frac"] == 1.0


@given(
    mask=st.lists(st.lists(st.sampled_from([0, 1]), min_size=4, max_size=4), min_size=1, max_size=6),
    dtype=st.sampled_from([torch.int64, torch.bool, torch.float32]),
)
def test_rows_without_a_token_and_the_spread_are_those_of_the_plain_formulas(mask: list, dtype: torch.dtype) -> None:
    as_tensor = torch.tensor(mask).to(dtype)
    assert find_rows_without_tokens(as_tensor).tolist() == [sum(row) == 0 for row in mask]
    numbers = torch.randn(len(mask), dtype=torch.float64)
    found = spread_over_tokens(numbers, as_tensor)
    assert found.dtype == torch.float32
    assert torch.equal(found, numbers.float().unsqueeze(-1) * as_tensor)
    assert torch.equal(as_tensor, torch.tensor(mask).to(dtype))


def test_columns_are_made_when_they_are_read() -> None:
    row_parts = [{"a": 1, "b": 2}, {"a": 3}]
    found = PartsByKey(BatchRows(row_parts, [True] * 2, ["x", "y"]), [1, 0])
    assert (found["a"], found["b"], found["data_source"]) == ([3, 1], [None, 2], ["y", "x"])
    assert (set(found), len(found), "c" in found, found.get("c")) == ({"a", "b", "data_source"}, 3, False, None)
