"""The metrics of an estimate, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from tests.algorithm.estimates import awpo
from tests.conftest import config


def test_metrics_by_hand() -> None:
    # a: o = 0 0, q = 0 1 (dead, rescued). b: o = 1 1, q = 0 0 (dead, not). c: o = 0 1, q = 1 0 (they disagree)
    o, q = torch.tensor([0.0, 0, 1, 1, 0, 1]), torch.tensor([0.0, 1, 0, 0, 1, 0])
    m = awpo(o, q, list("aabbcc"), config(reasoning_weight=3.0)).metrics
    assert m["awpo/dead_groups_frac"] == pytest.approx(2 / 3)
    assert m["awpo/rescued_groups_frac"] == pytest.approx(1 / 2)
    assert m["awpo/outcome/mean"] == pytest.approx(0.5)
    assert m["awpo/reasoning/mean"] == pytest.approx(1 / 3)
    # c, the only live group: m = 3 1, std_o = 0.707, std_m = 1.414, w = 2/3, A_mix = -A_out, so A = -A_out/3
    assert m["awpo/sign_conflict_frac"] == 1.0
    # gate: a 1, b 0, c 2/3
    assert [m[f"awpo/gate/{k}"] for k in ("min", "mean", "max")] == pytest.approx([0.0, 5 / 9, 1.0], abs=1e-5)
    # difficulty: a and b 0.1, c 1.5
    assert m["awpo/difficulty/mean"] == pytest.approx(1.7 / 3)
    # corr: o - 1/2 = -.5 -.5 .5 .5 -.5 .5; q - 1/3 = -1/3 2/3 -1/3 -1/3 2/3 -1/3: dot = -1, norms sqrt(1.5), sqrt(4/3)
    assert m["awpo/outcome_reasoning_corr"] == pytest.approx(-1 / math.sqrt(1.5 * 4 / 3))


def test_undefined_metrics_are_left_out() -> None:
    m = awpo(torch.tensor([0.0, 1.0]), torch.tensor([0.5, 0.5]), list("aa")).metrics
    assert "awpo/rescued_groups_frac" not in m  # no dead group
    assert "awpo/outcome_reasoning_corr" not in m  # q has no spread
    assert not any(math.isnan(value) for value in m.values())
