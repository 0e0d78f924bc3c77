"""The seams in verl: each where we know it; what has moved or changed is named. Here, and in other versions of verl."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from awpo_verl.integration import seams
from awpo_verl.integration.check_seams import check_seam, hash_source
from awpo_verl.integration.patching import wrap
from awpo_verl.integration.seams import Seam

LOSS = "verl.workers.utils.losses"
# by `python -m awpo_verl.integration.check_seams` on them
OTHER_VERSIONS = {
    "0.9.0": {"verl.utils.config.validate_config": "changed"},
    "0.8.0": {
        "verl.utils.config.validate_config": "changed",
        "verl.trainer.ppo.core_algos.agg_loss": "changed",
        "verl.trainer.ppo.v1.trainer_base.PPOTrainer._compute_advantage": "broken",
        "verl.trainer.ppo.v1.trainer_base.compute_advantage_for_multi_trajectories": "broken",
        "verl.trainer.ppo.v1.trainer_base.PPOTrainer._log_rollout_data": "broken",
        "verl.trainer.ppo.v1.trainer_base.PPOTrainer._dump_generations": "broken",
        "verl.utils.device.auto_set_device": "changed",
    },
}


def check_installed(folder: str = "", **environment: str) -> dict[str, dict[str, str]]:
    """What the command says of the verl in that folder, or of the installed one; by seam."""
    path = os.pathsep.join(filter(None, [str(Path.cwd()), folder]))
    done = subprocess.run(
        [sys.executable, "-m", "awpo_verl.integration.check_seams", "--json"],
        env=os.environ | {"PYTHONPATH": path} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert rows, done.stderr[-3000:]
    assert done.returncode == any(row["state"] == "broken" for row in rows)
    return {row["seam"]: row for row in rows}


def test_every_seam_is_in_this_verl_as_we_know_it() -> None:
    found = check_installed(VERL_PLATFORM="cpu")
    assert found.keys() == {seam.full_name for seam in seams.SEAMS}
    assert {where: row for where, row in found.items() if row["state"] != "ok"} == {}


@pytest.mark.parametrize("version", OTHER_VERSIONS)
def test_in_another_version_what_moved_is_named(version: str, tmp_path: Path) -> None:
    install = [*("-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path)), f"verl=={version}"]
    done = subprocess.run([sys.executable, *install], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"verl {version} cannot be had here: {done.stderr.strip().splitlines()[-1]}")
    found = check_installed(str(tmp_path))
    assert {where: row["state"] for where, row in found.items() if row["state"] != "ok"} == OTHER_VERSIONS[version]
    for row in found.values():
        assert row["state"] == "ok" or "verl 0.9.1" in row["problem"] or "No module named" in row["problem"]


def module_with(function: Any, name: str = "ppo_loss") -> Any:
    module = ModuleType(LOSS)
    setattr(module, name, function)
    return module


def ppo_loss(config: Any, model_output: Any, data: Any, dp_group: Any = None) -> str:
    return "theirs"


def seam(source: str = "") -> Seam:
    return Seam(LOSS, "ppo_loss", ("config", "model_output", "data", "dp_group"), source, "the clip scale")


def test_a_function_that_is_gone_or_has_lost_a_parameter_is_broken_and_named() -> None:
    def lost(config: Any, batch: Any, dp_group: Any = None) -> None: ...

    def swapped(model_output: Any, config: Any, data: Any, dp_group: Any = None) -> None: ...

    gone = check_seam(seam(), module_with(ppo_loss, "another"))
    assert (gone.state, gone.seam) == ("broken", f"{LOSS}.ppo_loss")
    assert "upstream has moved it" in gone.problem
    few = check_seam(seam(), module_with(lost))
    assert few.state == "broken"
    assert "(config, batch, dp_group), and model_output, data" in few.problem
    assert check_seam(seam(), module_with(swapped)).state == "broken"


def test_a_parameter_more_is_no_matter_and_another_source_is_a_remark() -> None:
    def longer(config: Any, model_output: Any, data: Any, dp_group: Any = None, more: int = 0) -> None: ...

    assert check_seam(seam(), module_with(longer)).state == "ok"
    assert check_seam(seam(hash_source(ppo_loss)), module_with(ppo_loss)).state == "ok"
    changed = check_seam(seam(hash_source(ppo_loss)), module_with(longer))
    assert changed.state == "changed"
    assert "not that of verl 0.9.1" in changed.problem


def test_what_is_wrapped_is_checked_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    module = module_with(ppo_loss)
    monkeypatch.setitem(seams._BY_PLACE, (LOSS, "ppo_loss"), seam(hash_source(ppo_loss)))
    wrap(module, "ppo_loss", lambda original, *args: original(*args) + " and ours")
    assert module.ppo_loss(1, 2, 3) == "theirs and ours"
    assert check_seam(seam(hash_source(ppo_loss)), module).state == "ok"


def test_a_broken_seam_is_not_wrapped_and_an_unlisted_one_is_refused() -> None:
    with pytest.raises(
        AttributeError, match=r"awpo_verl's seam verl\.workers\.utils\.losses\.ppo_loss: it is not there"
    ):
        wrap(ModuleType(LOSS), "ppo_loss", lambda original: None)
    with pytest.raises(LookupError, match=r"json\.loads is not in SEAMS"):
        wrap(json, "loads", lambda original: None)


def test_at_run_time_the_signature_counts_and_the_source_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(function: Any) -> str:
        raise AssertionError("the source is read")

    monkeypatch.setattr(inspect, "getsource", read)
    module = module_with(ppo_loss)  # not verl's source, and verl's parameters
    wrap(module, "ppo_loss", lambda original, *args: "ours")
    assert module.ppo_loss(1, 2, 3) == "ours"
