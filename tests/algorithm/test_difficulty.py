"""The difficulty weight, by hand."""

from __future__ import annotations

import torch

from tests.algorithm.estimates import assert_close, awpo, grpo
from tests.conftest import config


def test_difficulty_weighs_half_solved_prompts_most_and_never_below_d_min() -> None:
    # gate none: |A| = d * |A_out|. mu = 1/2: d = 1.5; mu = 1: A_out = 0; range [-3, 4]: outcome 0.5 is mu = 1/2
    o = torch.tensor([0.0, 1.0, -3.0, 4.0])
    c = config(gate={"kind": "none"})
    assert_close(awpo(o[:2], torch.zeros(2), list("aa"), c).advantages, 1.5 * grpo(o[:2], list("aa")))
    wide = config(gate={"kind": "none"}, outcome_range=[-3.0, 4.0])
    assert_close(awpo(o[2:], torch.zeros(2), list("aa"), wide).advantages, 1.5 * grpo(o[2:], list("aa")))


def test_outcome_outside_of_its_range_is_reported_and_never_flips_a_sign() -> None:
    o = torch.tensor([-3.0, 4.0])  # outcome_range is set to [0, 1]: mu = 0.5 by luck; then mu = 3.5, clamped to 1
    unit = {"outcome_range": [0.0, 1.0]}
    result = awpo(o, torch.zeros(2), list("aa"), config(**unit))
    assert result.metrics["awpo/outcome_out_of_range_frac"] == 1.0
    far = awpo(torch.tensor([3.0, 4.0]), torch.zeros(2), list("aa"), config(gate={"kind": "none"}, **unit))
    assert_close(far.advantages, 0.1 * grpo(torch.tensor([3.0, 4.0]), list("aa")))
