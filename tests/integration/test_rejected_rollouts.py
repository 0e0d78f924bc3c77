"""Rollouts without a response token left, in both trainers: they enter no statistic."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from verl.trainer.ppo.rollout_corr_helper import compute_rollout_correction_and_add_to_batch

from awpo_verl.integration.keys import CLIP_SCALE
from tests.integration.through_trainers import T, algorithm, parts, rows, through_legacy, through_v1

SCORES, UNIFORM = [1.0, 1.0, 0.0, 0.0], [0.5, 0.5, 0.5, 0.5]


def test_a_rejected_rollout_may_have_an_outcome_that_is_not_finite() -> None:
    scores, q = [0.0, 0, 0, float("nan")], [0.2, 0.5, 0.8, 0.9]
    found, handover = through_v1(rows(scores, ["a"] * 4, (3,)), parts(scores, q), algorithm())
    plain, reference = through_v1(rows([0.0, 0, 0, 1], ["a"] * 4, (3,)), parts([0.0, 0, 0, 1], q), algorithm())
    assert torch.equal(found.batch["advantages"], plain.batch["advantages"])
    assert handover.metrics == reference.metrics


@pytest.mark.parametrize("through", [through_v1, through_legacy])
def test_a_rejected_rollout_enters_no_statistic_and_has_advantage_0(through: Any) -> None:
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


def test_a_batch_of_rejected_rollouts_gives_no_advantage_and_one_metric() -> None:
    data, handover = through_v1(rows(SCORES, ["a"] * 4, (0, 1, 2, 3)), parts(SCORES, UNIFORM), algorithm())
    assert not data.batch["advantages"].any()
    assert handover.metrics == {"awpo/rejected_frac": 1.0}
    assert handover.clip_scale is not None
    assert handover.clip_scale.tolist() == [1.0] * 4


def test_alignment_leaves_rejected_rollouts_out_and_the_judges_metrics_keep_them() -> None:
    # two of four disagree with the outcome, and are rejected: what is left agrees fully
    row_parts = parts([1.0, 0.0, 1.0, 0.0], [0.9, 0.1, 0.1, 0.9])
    for part in row_parts:
        part |= {"judge_status": "ok", "judge_requests": 1, "judge_seconds": 0.1}
    metrics = through_v1(rows([1.0, 0.0, 1.0, 0.0], ["a"] * 4, (2, 3)), row_parts, algorithm())[1].metrics
    assert metrics["awpo/outcome_reasoning_corr"] == pytest.approx(1.0)
    assert metrics["awpo/outcome_reasoning_corr_in_groups"] == pytest.approx(1.0)
    assert metrics["awpo/judge/requests_total"] == 4.0


def test_a_baselines_metrics_leave_out_the_same_rows_as_awpos() -> None:
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
