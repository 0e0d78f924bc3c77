"""Every recipe composes through verl's own entry point, and GRPO's and AWPO's differ by one key."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

RECIPES = sorted(Path("recipes").glob("run_*.sh"))


def composed(recipe: Path, tmp_path: Path, **variables: str) -> dict[str, Any]:
    files = {name: str(tmp_path / name) for name in ("MODEL", "TRAIN_FILE", "VAL_FILE", "OUT")}
    variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # the recipe calls `python`
    done = subprocess.run(
        ["bash", str(recipe), "--cfg", "job"],
        env=os.environ | files | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


def flat(node: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(node, dict):
        return {prefix: node}
    return {key: value for name, item in node.items() for key, value in flat(item, f"{prefix}.{name}").items()}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_a_recipe_composes_with_awpo(recipe: Path, tmp_path: Path) -> None:
    config = composed(recipe, tmp_path)
    assert config["algorithm"]["adv_estimator"] == "awpo"
    assert config["algorithm"]["awpo"]["gate"]["kind"] == "variance_ratio"


def test_grpo_in_the_demo_differs_by_one_key(tmp_path: Path) -> None:
    recipe = Path("recipes/run_awpo_tiny_cpu.sh")
    awpo, grpo = (flat(composed(recipe, tmp_path, ALGO=algo)) for algo in ("awpo", "grpo"))
    different = {key for key in awpo.keys() | grpo.keys() if awpo.get(key) != grpo.get(key)}
    assert different == {".algorithm.adv_estimator", ".trainer.experiment_name"}


def test_a_recipe_without_its_model_says_what_to_set() -> None:
    environment = {key: value for key, value in os.environ.items() if key != "MODEL"}
    done = subprocess.run(["bash", str(RECIPES[0])], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "MODEL: the folder of the warm-started model" in done.stderr
