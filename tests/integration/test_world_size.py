"""Two workers against one, in verl's real loop on the CPU: FSDP2 over gloo, a vLLM server each. About two minutes.

Samples are seeded (seeded_loop.py), so that both runs train on the same rollouts, of different lengths.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.seeded_runs import ACTOR, OneWorker, assert_same, keys
from tests.integration.verl_loop import Workspace

pytestmark = pytest.mark.loop


def rollouts(dump: Path) -> list[Any]:
    """What a step trained on, in an order that says nothing about the workers; padding rows are not dumped."""
    rows = [json.loads(line) for line in dump.read_text(encoding="utf-8").splitlines()]
    columns = ("input", "output", "outcome", "reasoning")
    return sorted([row[name] for name in columns] for row in rows)


def test_two_workers_take_the_steps_of_one_and_their_padding_rows_count_for_nothing(
    workspace: Workspace, one_worker: OneWorker, tmp_path: Path
) -> None:
    # 9 rollouts. One worker takes them in one mini-batch of 3 x 3. Two can share a mini-batch of 4 x 3 only: verl
    # appends 3 rows, 2 to the one and 1 to the other. In the second epoch most is clipped, at a radius of 0.03.
    one = one_worker.metrics["alone"]
    two, output = workspace.run(
        tmp_path,
        *(*keys(tmp_path), f"trainer.rollout_data_dir={tmp_path}/rollouts"),
        *("trainer.n_gpus_per_node=2", f"{ACTOR}.ppo_mini_batch_size=4"),
    )
    folders = {1: one_worker.folder, 2: tmp_path}
    rows = {n: [rollouts(folder / "rollouts" / f"{step}.jsonl") for step in (1, 2)] for n, folder in folders.items()}
    padding = re.compile(r"(\d+) synthetic padding samples")
    assert set(padding.findall(one_worker.output)) == {"6"}  # of the runs after it, with 12 rows; none of its own
    assert set(padding.findall(output)) == {"3"}
    assert rows[1][0] == rows[2][0]
    assert len(rows[1][0]) == 9
    assert one[1]["response_length/max"] > 2 * one[1]["response_length/mean"]
    assert one[1]["actor/pg_clipfrac"] > 0.1
    assert_same(one[1], two[1], rel=1e-4)
    # the second step's rollouts come from the first's weights, which have reached the servers of both workers
    assert rows[1][1] == rows[2][1]
    assert_same(one[2], two[2], rel=1e-3)
