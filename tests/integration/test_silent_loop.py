"""A run of verl's real loop in which nothing is learned says so, and its dumps keep verl's columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import AwpoRuns


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.loop
def test_a_constant_reward_is_reported_and_a_users_keys_replace_no_column(awpo_runs: AwpoRuns) -> None:
    """The reward of every rollout is the same, so nothing is left to chance."""
    metrics, output = awpo_runs.metrics["silent"], awpo_runs.output
    assert {step: data["actor/grad_norm"] for step, data in metrics.items() if step} == {1: 0, 2: 0, 3: 0, 4: 0}
    assert output.count("[awpo] warning: nothing is learned: the advantages of all rollouts were exactly 0") == 1
    assert "; the outcome was 0 in all rollouts and 'reasoning' was 0.5 in all rollouts." in output
    assert "the outcome reward was" not in output  # the warning above is the only one
    folder = awpo_runs.folder / "silent"
    for file in (folder / "rollouts" / "4.jsonl", folder / "validation" / "4.jsonl"):
        for row in rows(file):
            assert (row["step"], row["reward_extra/step"], row["reward_extra/output"], row["score"]) == (4, 99, 1, 0.0)
            assert isinstance(row["output"], str)
