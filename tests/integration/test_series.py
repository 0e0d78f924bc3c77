"""Of several runs in one set of processes (benchmarks/learning/series.py) each is what a run of its own would be.

Samples are seeded (seeded_runs.py), so that what a run trains on depends on its weights alone.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.learning.series import METRICS, Cell
from tests.integration.seeded_runs import ACTOR, OneWorker, assert_same, keys
from tests.integration.verl_loop import Workspace, start

pytestmark = pytest.mark.loop

RUN = """
import json, sys
from pathlib import Path
from awpo_verl.workbench.preflight.compose import compose_config
from benchmarks.learning.series import Cell, run
if __name__ == "__main__":
    keys, cells = json.loads(Path(sys.argv[1]).read_text())
    run(compose_config(keys).config, [Cell(**cell) for cell in cells])
"""


def test_a_run_after_another_in_the_same_processes_is_the_run_that_it_is_alone(
    workspace: Workspace, one_worker: OneWorker, tmp_path: Path
) -> None:
    # before it, a run with other keys and other prompts, that moves the weights and the optimizer
    gate = "algorithm.awpo.gate.kind"
    first = Cell(str(tmp_path / "first"), {"data.seed": 2, "data.shuffle": True}, {"run": 1})
    second = Cell(str(tmp_path / "second"), {gate: "variance_ratio", "data.shuffle": False}, {"run": 2})
    # The folder of the run alone: it has a checkpoint of step 2. The keys are others than that run's, but for the cell.
    others = ("data.seed=1", "data.shuffle=True", f"{gate}=none")
    mini_batch = f"{ACTOR}.ppo_mini_batch_size=3"
    command = workspace.command(
        one_worker.folder, *keys(tmp_path), mini_batch, *others, "trainer.logger=[file]", "trainer.save_freq=-1"
    )
    asked = tmp_path / "asked.json"
    asked.write_text(json.dumps([command[3:], [asdict(first), asdict(second)]]))
    script = tmp_path / "run_series.py"
    script.write_text(RUN)
    start([sys.executable, str(script), str(asked)], tmp_path, tmp_path / METRICS)
    assert first.finished
    assert second.finished

    lines = (Path(second.folder) / METRICS).read_text().splitlines()
    steps = {record["step"]: record["data"] for record in map(json.loads, lines)}
    alone = one_worker.metrics["alone"]
    assert steps.keys() == alone.keys() == {1, 2}
    for step, expected in alone.items():
        assert_same(expected, steps[step], rel=1e-4)
    other = json.loads((Path(first.folder) / METRICS).read_text().splitlines()[0])["data"]
    assert other["actor/loss"] != pytest.approx(alone[1]["actor/loss"], rel=1e-3)
