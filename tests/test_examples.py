"""The examples run, and say what they claim."""

from __future__ import annotations

import runpy
from typing import Any

import pytest


def test_one_batch(capsys: pytest.CaptureFixture[str]) -> None:
    scope: dict[str, Any] = runpy.run_path("examples/one_batch.py")
    assert scope["plain"].advantages[4:].abs().max() == 0
    assert scope["awpo"].advantages[4:].argsort(descending=True).tolist() == [0, 1, 2, 3]
    assert "clip scale of this batch" in capsys.readouterr().out


def test_reward_function_is_one_that_the_manager_reads() -> None:
    from awpo_verl.rewards.parts import read_result

    compute_score = runpy.run_path("examples/reward_function.py")["compute_score"]
    good = compute_score("shop", "<think>\n2*3=6\n6+1=7\n</think>\n\n7", "7")
    assert read_result(good, "reasoning") == (1.0, {"score": 1.0}, True, pytest.approx(2 / 3))
    cut_off = compute_score("shop", "<think>\n2*3=6", "7")
    assert read_result(cut_off, "reasoning") == (0.0, {"score": 0.0}, True, None)


def test_environment(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path("examples/environment.py")
    shown, listed, refused, renamed, right, wrong = capsys.readouterr().out.splitlines()
    assert shown == "What the model is shown: list_notes(), rename(old: string, new: string)"
    assert listed == 'list_notes({}) -> ["old", "todo"]'
    assert refused.endswith("'new' is a required property. Use rename(old: string, new: string).")
    assert renamed.endswith('-> "milk"')
    assert right == "TrajectoryMatch(ok=True, state_ok=1.0, results_ok=1.0, reason='')"
    assert "reason=\"user turn 0: state.milk: '-', not 'buy milk'\"" in wrong
