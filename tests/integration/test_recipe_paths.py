"""Recipes take any path: each path reaches Hydra as a quoted string."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.workbench.preflight.command_line import quote_value
from awpo_verl.workbench.preflight.compose import ComposeError, compose_config
from tests.integration.test_recipes import RECIPES
from tests.workbench.preflight.conftest import QWEN3_4B, on_path, write_rows

HOSTILE = "lr=1e-6 (été #2), 'a' \"b\" 中 {c} [d]\\"
SINGLE_NODE = sorted(set(RECIPES) - {"run_awpo_multinode"})  # it hands its settings to another recipe
PATHS = {
    "MODEL": "actor_rollout_ref.model.path",
    "TRAIN_FILE": "data.train_files",
    "VAL_FILE": "data.val_files",
    "NAME": "trainer.experiment_name",
    "TOOLS": "actor_rollout_ref.rollout.multi_turn.tool_config_path",
    "JUDGE_MODEL": "reward.reward_model.model_path",
}
ABSOLUTE = {"TRAIN_FILE", "VAL_FILE", "TOOLS"}  # made absolute by some recipes


def value_of(override: str) -> Any:
    """What Hydra makes of an override."""
    return OverridesParser.create().parse_override(override).value()


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_quoted_value_is_read_by_hydra_as_it_was(value: str) -> None:
    assert value_of(f"k={quote_value(value)}") == value


@pytest.mark.parametrize(
    "value", [HOSTILE, "plain", "\\", "\\'", "a\\\\'b\\\\", "~/m", "7", "null", "a,b", "x: y", "%"]
)
def test_the_recipes_quote_as_python_does(value: str) -> None:
    command = ["bash", "-c", 'source recipes/quoted.sh; quoted "$1"', "bash", value]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == quote_value(value)


def test_a_list_of_files_is_hydras_already() -> None:
    command = ["bash", "-c", 'source recipes/quoted.sh; quoted "$1"', "bash", "['a b.parquet',c.parquet]"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert value_of(f"k={done.stdout}") == ["a b.parquet", "c.parquet"]


@pytest.mark.parametrize("recipe", SINGLE_NODE)
def test_every_path_of_a_recipe_reaches_hydra_as_it_was_given(recipe: str, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "awpo-verl"  # prints its arguments, each ended by a NUL
    fake.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    fake.chmod(0o755)
    folder = tmp_path / HOSTILE
    folder.mkdir()
    variables = {name: f"{name.lower()} {HOSTILE}" for name in PATHS} | {"OUT": "runs/lr=1e-6"}
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", str(RECIPES[recipe].absolute()), "--dry-run"]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | variables | {"PATH": path}, capture_output=True, text=True, check=True
    )
    arguments = [argument for argument in done.stdout.split("\0") if "=" in argument]
    values = {argument.lstrip("+").partition("=")[0]: value_of(argument) for argument in arguments}
    for name, key in PATHS.items():
        if key in values:
            assert values[key] in (variables[name], str(folder / variables[name])), key
            assert name in ABSOLUTE or values[key] == variables[name], key
    for key in ("default_local_dir", "validation_data_dir"):
        assert "runs/lr=1e-6/" in values[f"trainer.{key}"]


def test_no_recipe_hands_over_a_variable_that_may_be_a_path_unquoted() -> None:
    unquoted = re.compile(r'="\$(?:\{)?(MODEL|TRAIN_FILE|VAL_FILE|OUT|NAME|TOOLS|JUDGE_MODEL|VERL_FILE_LOGGER_PATH)\b')
    for name, path in RECIPES.items():
        lines = [line for line in path.read_text().splitlines() if re.match(r"\s+\S*\.\S+=", line)]
        assert [line for line in lines if unquoted.search(line)] == [], name


def test_the_tiny_recipe_composes_in_a_folder_with_a_hostile_name(tmp_path: Path) -> None:
    folder = tmp_path / HOSTILE
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "config.json").write_text(json.dumps(QWEN3_4B))
    (folder / "model" / "model.safetensors").write_bytes(b"")
    rows = write_rows(folder / "rows.parquet", 60)
    files = {"MODEL": str(folder / "model"), "TRAIN_FILE": str(rows), "VAL_FILE": str(rows), "OUT": "runs/lr=1e-6"}
    recipe = RECIPES["run_awpo_tiny_cpu"].absolute()
    done = subprocess.run(
        ["bash", str(recipe), "--dry-run"],
        cwd=folder,
        env=on_path() | files | {"PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr  # 1: this machine's disk
    config = yaml.safe_load(done.stdout)
    assert config["data"]["train_files"] == str(rows)
    assert config["actor_rollout_ref"]["model"]["path"] == str(folder / "model")
    assert config["trainer"]["default_local_dir"] == "runs/lr=1e-6/checkpoints"
    assert "60 training rows" in done.stderr


def test_an_unquoted_path_is_refused_with_how_to_quote_it() -> None:
    with pytest.raises(
        ComposeError, match=r"into quotes inside the shell's quotes, as in \"data.train_files='/a b/c.parquet'\""
    ):
        compose_config(["data.train_files=/été (1)/c.parquet"])
