"""The advantage seams on verl's own DataProto: rows that are not rollouts (I9), sessions, missing parts, gdpo."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl import DataProto
from verl.trainer.ppo import ray_trainer
from verl.trainer.ppo.core_algos import get_adv_estimator_fn
from verl.trainer.ppo.metric_utils import compute_data_metrics

from awpo_verl.algorithm.groups import Groups
from awpo_verl.integration import patching, seam_legacy
from awpo_verl.integration.keys import CLIP_SCALE
from awpo_verl.integration.seam_v1 import Handover, V1Seam
from awpo_verl.integration.step import Step, StepRows
from awpo_verl.integration.v1_rows import BatchRows, to_columns
from tests.integration.through_trainers import T, algorithm, rows, through_legacy, through_v1

ALGORITHM = OmegaConf.create({"adv_estimator": "awpo", "norm_adv_by_std_in_grpo": True, "awpo": {}})


def parts(reasoning: list[float | None]) -> list[dict[str, Any]]:
    return [{"outcome": 0.0, "reasoning": q, "reasoning_valid": 1.0} for q in reasoning]


SCORES, REASONING, UIDS = [0.0, 1.0, 0.0, 0.0], [0.1, 0.9, 0.4, 0.6], ["a", "a", "b", "b"]
KEYS = ["a_0_0", "a_1_0", "b_0_0", "b_1_0"]


def plain() -> tuple[DataProto, Handover]:
    return through_v1(rows(SCORES, UIDS), parts(REASONING), ALGORITHM, KEYS)


@pytest.mark.parametrize("scope", ["batch", "sequence"])
@given(padding=st.integers(1, 5), position=st.integers(0, 4))
def test_i9_padding_rows_change_no_advantage_no_scale_and_no_metric(scope: str, padding: int, position: int) -> None:
    algorithm = OmegaConf.merge(ALGORITHM, {"awpo": {"clip": {"scope": scope}}})
    data, reference = through_v1(rows(SCORES, UIDS), parts(REASONING), algorithm, KEYS)

    def padded(values: list[Any], pad: list[Any]) -> list[Any]:
        return values[:position] + pad + values[position:]

    # verl copies the first row's extra_fields into them, under a uid of their own
    pad_keys = [f"pad0_{i}_0" for i in range(padding)]
    given_rows = rows(padded(SCORES, [0.0] * padding), padded(UIDS, ["pad0"] * padding))
    real = padded([True] * 4, [False] * padding)
    result, handover = through_v1(
        given_rows,
        padded(parts(REASONING), parts([0.1]) * padding),
        algorithm,
        padded(KEYS, pad_keys),
        real=real,
    )
    kept = torch.tensor(real)
    assert torch.equal(result.batch["advantages"][kept], data.batch["advantages"])
    assert torch.equal(result.batch["advantages"][~kept], torch.zeros(padding, T))
    assert torch.equal(handover.clip_scale[kept], reference.clip_scale)
    assert torch.equal(handover.clip_scale[~kept], torch.ones(padding))
    assert handover.metrics == reference.metrics


def test_a_session_counts_once_through_its_last_output_and_all_its_rows_get_the_result() -> None:
    reference, _ = plain()
    # session a_1 has three outputs, out of order in the batch; only number 2 has the session's reward
    keys = ["a_1_1", "a_0_0", "a_1_2", "b_0_0", "a_1_0", "b_1_0"]
    scores, q, uids = [0.0, 0.0, 1.0, 0.0, 0.0, 0.0], [0.5, 0.1, 0.9, 0.4, 0.2, 0.6], ["a", "a", "a", "b", "a", "b"]
    result, handover = through_v1(rows(scores, uids), parts(q), ALGORITHM, keys)
    expected = reference.batch["advantages"][:, 0]
    assert result.batch["advantages"][:, 0].tolist() == expected[[1, 0, 1, 2, 1, 3]].tolist()
    assert handover.metrics["awpo/outcome/mean"] == pytest.approx(1 / 4)  # four rollouts, not six rows


def test_advantages_follow_the_response_mask() -> None:
    data = rows(SCORES, UIDS)
    data.batch["response_mask"][1, 1] = 0  # a tool's token
    result, _ = through_v1(data, parts(REASONING), ALGORITHM, KEYS)
    assert result.batch["advantages"][1, 1] == 0
    assert result.batch["advantages"][1, 0] == result.batch["advantages"][1, 2] != 0


def test_the_legacy_path_gives_the_same_and_carries_scale_and_metrics() -> None:
    reference, handover = plain()
    data, metrics = through_legacy(rows(SCORES, UIDS), parts(REASONING), ALGORITHM)
    assert torch.equal(data.batch["advantages"], reference.batch["advantages"])
    assert torch.equal(data.batch[CLIP_SCALE], handover.clip_scale)
    assert metrics == handover.metrics


def test_legacy_metrics_are_logged_with_verls_own() -> None:
    data = rows(SCORES, UIDS)
    tensors = dict.fromkeys(["token_level_scores", "advantages", "returns"], torch.zeros(4, T))
    data = DataProto(
        TensorDict(
            dict(data.batch) | tensors | {"responses": torch.ones(4, T), "attention_mask": torch.ones(4, 2 * T)},
            batch_size=4,
        ),
        meta_info={seam_legacy.METRICS: {"awpo/gate/mean": 0.5}},
    )
    data.batch["prompts"] = torch.ones(4, T)
    assert compute_data_metrics(batch=data, use_critic=False)["awpo/gate/mean"] == 0.5


def test_a_missing_reasoning_key_says_where_it_should_come_from() -> None:
    with pytest.raises(KeyError, match=r"no key 'reasoning' \(it has: acc\).*reward\.reward_manager\.name=awpo"):
        through_v1(rows(SCORES, UIDS), [{"acc": 1.0}] * 4, ALGORITHM, KEYS)


def test_a_row_without_reasoning_is_missing_there_only() -> None:
    given = parts(REASONING)
    del given[0]["reasoning"], given[0]["reasoning_valid"]
    given[1]["reasoning"] = None
    given[2] |= {"reasoning": 0.0, "reasoning_valid": 0.0, "reasoning_nonfinite": 1.0}
    _, handover = through_v1(rows(SCORES, UIDS), given, ALGORITHM, KEYS)
    assert handover.metrics["awpo/reasoning_valid_frac"] == pytest.approx(1 / 4)
    assert handover.metrics["awpo/reasoning_nonfinite"] == 1.0


def test_the_estimator_called_by_name_says_why_it_cannot_work() -> None:
    data = rows(SCORES, UIDS)
    with pytest.raises(RuntimeError, match="without the reward parts"):
        get_adv_estimator_fn("awpo")(data.batch["token_level_rewards"], data.batch["response_mask"], index=UIDS)


def test_a_missing_piece_stops_awpo_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patching, "FAILURES", ["AttributeError: seam x.y is not there."])
    with pytest.raises(RuntimeError, match=r"AWPO cannot run: .*seam x\.y is not there.*pip install"):
        plain()
    ray_trainer.compute_advantage(rows(SCORES, UIDS), adv_estimator="grpo", config=ALGORITHM)


def test_other_estimators_pass_through_untouched() -> None:
    data = rows(SCORES, UIDS)
    result = ray_trainer.compute_advantage(data, adv_estimator="grpo", norm_adv_by_std_in_grpo=True, config=ALGORITHM)
    assert CLIP_SCALE not in result.batch


def test_a_baseline_logs_rewards_and_dead_groups_as_awpo_does_and_nothing_of_awpos_own() -> None:
    # groups a: 1, 0 (alive); b: 0, 0 (dead); the fourth reasoning reward is missing
    parts = to_columns(
        [
            {"outcome": o, "reasoning": q, "reasoning_valid": v, "reasoning_nonfinite": 0.0}
            for o, q, v in ((1.0, 1.0, 1.0), (0.0, 0.5, 1.0), (0.0, 0.3, 1.0), (0.0, 0.0, 0.0))
        ]
    )
    algorithm = OmegaConf.create({"adv_estimator": "grpo"})
    step_rows = StepRows(parts, Groups.of(["a", "a", "b", "b"]), torch.zeros(4, dtype=torch.bool))
    figures = Step().baseline_metrics(step_rows, algorithm)
    assert figures["awpo/dead_groups_frac"] == 0.5
    assert figures["awpo/outcome/mean"] == 0.25
    assert figures["awpo/reasoning/mean"] == pytest.approx(0.6)
    assert figures["awpo/reasoning_valid_frac"] == 0.75
    awpo = Step().estimate(step_rows, torch.tensor([1.0, 0.0, 0.0, 0.0]), algorithm, True)
    assert figures == {name: awpo.metrics[name] for name in figures}
    assert not figures.keys() & {"awpo/gate/mean", "awpo/clip_scale", "awpo/difficulty/mean"}


def test_a_baseline_with_another_reward_manager_has_no_figures() -> None:
    step_rows = StepRows(to_columns([{"acc": 1.0}]), Groups.of(["a"]), torch.zeros(1, dtype=torch.bool))
    assert Step().baseline_metrics(step_rows, OmegaConf.create({"adv_estimator": "gdpo"})) == {}


def test_a_users_column_named_outcome_may_hold_anything_with_another_reward_manager() -> None:
    """AWPO takes the outcome from the token rewards; the column is only ours with our manager."""
    theirs: list[dict[str, Any]] = [{"reasoning": 0.2, "outcome": "right"}, {"reasoning": 0.9, "outcome": []}]
    named, _ = through_v1(rows([1.0, 0.0], ["a", "a"]), theirs, algorithm())
    plain, _ = through_v1(rows([1.0, 0.0], ["a", "a"]), [{"reasoning": 0.2}, {"reasoning": 0.9}], algorithm())
    assert torch.equal(named.batch["advantages"], plain.batch["advantages"])


def test_two_batches_are_never_mixed_up() -> None:
    seam, handed = V1Seam(Step()), BatchRows([], [], None)
    with seam.hand_over(handed), pytest.raises(RuntimeError, match="called again before"), seam.hand_over(handed):
        pass
    with seam.hand_over(handed):
        pass
