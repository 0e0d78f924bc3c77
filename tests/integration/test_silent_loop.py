"""A run of verl's real loop in which nothing is learned says so, and its dumps keep verl's columns."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.verl_loop import Workspace

FUNCTION = """
def outcome_only(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    gold = (extra_info or {}).get("a_key_that_no_row_has")
    return {"score": float(gold is not None), "reasoning": 0.5, "step": 99, "output": 1}
"""


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.loop
def test_a_constant_reward_is_said_and_a_users_keys_replace_no_column(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "silent"
    shutil.copytree(workspace.folder, folder)
    (folder / "rewards.py").write_text(FUNCTION)
    out = tmp_path / "out"
    metrics, output = dataclasses.replace(workspace, folder=folder).run(
        out,
        *("algorithm.adv_estimator=awpo", "trainer.total_training_steps=4", "trainer.test_freq=4"),
        *(f"trainer.rollout_data_dir={out}/rollouts", f"trainer.validation_data_dir={out}/validation"),
    )
    assert {step: data["actor/grad_norm"] for step, data in metrics.items() if step} == {1: 0, 2: 0, 3: 0, 4: 0}
    assert output.count("[awpo] warning: nothing is learned: the advantages of all rollouts were exactly 0") == 1
    assert "; the outcome was 0 in all rollouts and 'reasoning' was 0.5 in all rollouts." in output
    assert "the outcome reward was" not in output  # the same, said once
    for file in (out / "rollouts" / "4.jsonl", out / "validation" / "4.jsonl"):
        for row in rows(file):
            assert (row["step"], row["reward_extra/step"], row["reward_extra/output"], row["score"]) == (4, 99, 1, 0.0)
            assert isinstance(row["output"], str)
