"""Of several runs in one set of processes (benchmarks/learning/series.py) each is what a run of its own would be.

About three minutes. Samples are seeded (seeded_loop.py), so that what a run trains on depends on its weights alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.learning.series import METRICS, Cell
from tests.integration.test_world_size import AGENT_LOOP, COMPARED, KEYS, ROLLOUT
from tests.integration.verl_loop import Workspace

pytestmark = pytest.mark.loop

RUN = """
import json, sys
from pathlib import Path
from awpo_verl.launch.compose import compose
from benchmarks.learning.series import Cell, run
if __name__ == "__main__":
    keys, cells = json.loads(Path(sys.argv[1]).read_text())
    run(compose(keys).config, [Cell(**cell) for cell in cells])
"""


def test_a_run_after_another_in_the_same_processes_is_the_run_that_it_is_alone(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path.cwd()
    monkeypatch.setenv("PYTHONPATH", str(root))  # for the seeded loop
    loops = tmp_path / "agent_loop.yaml"
    loops.write_text(AGENT_LOOP)
    keys = [*KEYS, f"{ROLLOUT}.agent.agent_loop_config_path={loops}"]
    wanted = ["data.seed=1", "data.shuffle=True", "algorithm.awpo.gate.value=1", "algorithm.awpo.gate.kind=fixed"]
    alone, _ = workspace.run(tmp_path / "alone", *keys, *wanted, "trainer.save_freq=2")

    # before it, a run with other keys and other prompts, that moves the weights and the optimizer
    first = Cell(str(tmp_path / "first"), {"data.seed": 2, "data.shuffle": True}, {"run": 1})
    gate = {"algorithm.awpo.gate.kind": "fixed", "algorithm.awpo.gate.value": 1}
    second = Cell(str(tmp_path / "second"), gate | {"data.seed": 1, "data.shuffle": True}, {"run": 2})
    command = workspace.command(tmp_path / "alone", *keys, "trainer.logger=[file]")  # it has a checkpoint of step 2
    asked = tmp_path / "asked.json"
    asked.write_text(json.dumps([command[3:], [asdict(first), asdict(second)]]))
    monkeypatch.setenv("VERL_PLATFORM", "cpu")
    monkeypatch.setenv("RAY_ADDRESS", "local")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    script = tmp_path / "run_series.py"
    script.write_text(RUN)
    done = subprocess.run([sys.executable, str(script), str(asked)], text=True, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    assert first.finished
    assert second.finished

    lines = (Path(second.folder) / METRICS).read_text().splitlines()
    steps = {record["step"]: record["data"] for record in map(json.loads, lines)}
    assert steps.keys() == alone.keys() == {1, 2}
    for step, expected in alone.items():
        names = [name for name in expected if name.startswith(COMPARED)]
        assert {"actor/loss", "actor/grad_norm", "awpo/gate/mean"} <= set(names)
        found = {name: steps[step][name] for name in names}
        assert found == pytest.approx({name: expected[name] for name in names}, rel=1e-4, abs=1e-6)
    other = json.loads((Path(first.folder) / METRICS).read_text().splitlines()[0])["data"]
    assert other["actor/loss"] != pytest.approx(alone[1]["actor/loss"], rel=1e-3)
