"""verl's gdpo in both trainers: it gets the reasoning reward as AWPO reads it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from awpo_verl.integration.step import Step
from tests.integration.through_trainers import algorithm, parts, rows, through_legacy, through_v1, with_prompts


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


def test_gdpo_takes_the_groups_mean_for_a_missing_reasoning_reward() -> None:
    scores, uids, keys = [0.0, 0.0, 0.0], ["a"] * 3, ["a_0_0", "a_1_0", "a_2_0"]
    given = [{"outcome": 0.0, "reasoning": q, "reasoning_valid": v} for q, v in [(0.2, 1.0), (0.6, 1.0), (0.0, 0.0)]]
    result, _ = through_v1(rows(scores, uids), given, algorithm("gdpo"), keys)
    assert result.batch["advantages"][2, 0].item() == pytest.approx(0.0, abs=1e-6)


def test_gdpo_normalises_each_part_in_its_group() -> None:
    scores, reasoning, uids = [0.0, 1.0, 0.0, 0.0], [0.1, 0.9, 0.4, 0.6], ["a", "a", "b", "b"]
    given = [{"outcome": o, "reasoning": q} for o, q in zip(scores, reasoning, strict=True)]
    result, handover = through_v1(rows(scores, uids), given, algorithm("gdpo"))
    # each part of a pair normalises to -+0.7071 or 0: sums a: -1.414 1.414, b: -0.707 0.707; whitened over the batch:
    # mean 0, var of the 12 tokens = (2 * 3 * 2 + 2 * 3 * 0.5) / 11 = 15/11 (verl's masked_whiten corrects by n-1)
    expected = torch.tensor([-(2**0.5), 2**0.5, -(0.5**0.5), 0.5**0.5]) / (15 / 11) ** 0.5
    torch.testing.assert_close(result.batch["advantages"][:, 0], expected, rtol=0, atol=1e-4)
    assert handover.clip_scale is None
