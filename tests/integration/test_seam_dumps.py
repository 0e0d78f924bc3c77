"""Dumps keep verl's columns beside keys of the same name that a user's function returned, in verl's own writer."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import verl  # noqa: F401  # loads the plugin
from omegaconf import OmegaConf

from awpo_verl.config import OutcomeConfig
from awpo_verl.integration.seam_dumps import Dumps
from awpo_verl.workbench.files.rollout_files import read_rows
from awpo_verl.workbench.score import ScoreReport, score_rows

GOLD = json.dumps({"tool_calls": [{"name": "ping", "arguments": {}}]})
CALL = '<tool_call>\n{"name": "ping", "arguments": {}}\n</tool_call>'
# what a user's function returned for each row; the third row's returned a bare number
PARTS: dict[str, dict[str, Any]] = {
    "a_0_0": {"score": 10.0, "input": "mine", "output": "short", "gts": "?", "step": 99, "uid": "u", "mine": 1},
    "a_1_0": {"score": 0.0, "input": "mine", "output": "short", "gts": "?", "step": 99, "uid": "u", "mine": 2},
    "b_0_0": {"outcome": 1.0},
}


def dumped(
    folder: Path, columns: dict[str, list[Any]], manager: str = "awpo", dumps: Dumps | None = None
) -> list[dict[str, Any]]:
    """Rows of the file that verl writes, through the seam."""
    from verl.trainer.ppo.v1.trainer_base import PPOTrainer

    def original(self, inputs, outputs, gts, scores, reward_extra_infos_dict, dump_path) -> None:
        PPOTrainer._write_generations(inputs, outputs, gts, scores, reward_extra_infos_dict, dump_path, 7)

    trainer = SimpleNamespace(config=OmegaConf.create({"reward": {"reward_manager": {"name": manager}}}))
    (dumps or Dumps()).dump_generations(
        original,
        trainer,
        inputs=["p", "p", "q"],
        outputs=[CALL, "no", CALL],
        gts=[GOLD, GOLD, GOLD],
        scores=[1.0, 0.0, 1.0],
        reward_extra_infos_dict=columns,
        dump_path=str(folder),
    )
    return [json.loads(line) for line in (folder / "7.jsonl").read_text().splitlines()]


def test_a_training_dump_keeps_verls_columns_and_the_users(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dumps = Dumps()
    dumps.parts = PARTS
    rows = dumped(tmp_path, {"uid": list(PARTS)}, dumps=dumps)
    verls = [{name: row[name] for name in ("input", "output", "gts", "score", "step", "uid")} for row in rows]
    assert verls == [
        {"input": "p", "output": CALL, "gts": GOLD, "score": 1.0, "step": 7, "uid": "a_0_0"},
        {"input": "p", "output": "no", "gts": GOLD, "score": 0.0, "step": 7, "uid": "a_1_0"},
        {"input": "q", "output": CALL, "gts": GOLD, "score": 1.0, "step": 7, "uid": "b_0_0"},
    ]
    assert [row["reward_extra/score"] for row in rows] == [10.0, 0.0, None]
    assert [row["reward_extra/uid"] for row in rows] == ["u", "u", None]
    assert [row["mine"] for row in rows] == [1, 2, None]
    told = capsys.readouterr().out.splitlines()
    assert sum("returns 'score', which is a column of verl's dumps" in line for line in told) == 1
    # and the package reads its own dump
    report = ScoreReport()
    assert len(list(score_rows(read_rows(tmp_path), OutcomeConfig(format="hermes"), report))) == 3
    assert (report.broken, report.recorded, report.differing) == (0, 3, 0)


def test_a_validation_dump_keeps_them_too_and_each_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = {"step": [1, 2, None], "reward": [1.0, 0.0, 1.0], "uid": list(PARTS)}
    dumps = Dumps()
    for _ in range(2):
        rows = dumped(tmp_path, dict(columns), dumps=dumps)
    assert [(row["step"], row["reward_extra/step"], row["reward"]) for row in rows] == [
        (7, 1, 1.0),
        (7, 2, 0.0),
        (7, None, 1.0),
    ]
    assert capsys.readouterr().out.count("returns 'step'") == 1


def test_a_score_that_is_verls_own_is_not_written_twice(tmp_path: Path) -> None:
    # verl's score went through a float32
    rows = dumped(tmp_path, {"score": [1.0 + 5e-8, 0, None], "uid": list(PARTS)})
    assert [row["score"] for row in rows] == [1.0, 0.0, 1.0]
    assert all("reward_extra/score" not in row for row in rows)


def test_another_reward_manager_is_left_alone(tmp_path: Path) -> None:
    rows = dumped(tmp_path, {"score": [5.0, 5.0, 5.0], "uid": list(PARTS)}, manager="naive")
    assert [row["score"] for row in rows] == [5.0, 5.0, 5.0]


def test_the_legacy_trainers_dumps_go_through_the_same_seam() -> None:
    import verl.trainer.ppo.ray_trainer as legacy

    assert hasattr(legacy.RayPPOTrainer._dump_generations, "__wrapped__")
