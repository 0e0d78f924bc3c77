"""Every recipe composes and validates, a baseline differs by what it is, and verl gets as far as asking for GPUs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.verl_loop import Workspace
from tests.workbench.preflight.conftest import QWEN3_4B, on_path, write_rows

RECIPES = {path.stem: path for path in sorted(Path("recipes").glob("run_*.sh"))}
TINY = {"run_awpo_tiny_cpu", "run_awpo_tiny_multiturn_cpu"}
QWEN = sorted(set(RECIPES) - TINY)
BASELINES = {"run_grpo_qwen4b", "run_gdpo_qwen4b"}  # of another estimator


def dry_run(recipe: Path, files: dict[str, str], *keys: str, **variables: str) -> tuple[dict[str, Any], str]:
    """The composed config, and what was said."""
    environment = on_path() | {"HF_HUB_OFFLINE": "1"} | files | variables
    for name in ("RAY_ADDRESS", "VERL_PLATFORM"):
        environment.pop(name, None)
    done = subprocess.run(
        ["bash", str(recipe), "--dry-run", *keys], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr  # 1: no GPUs here
    return yaml.safe_load(done.stdout), done.stderr


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What recipes take: a model's folder, and data."""
    from awpo_verl.integration.verl_environment_tool import write_tools_yaml
    from examples.demo.desk import Desk

    folder = tmp_path_factory.mktemp("recipes")
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text(json.dumps(QWEN3_4B))
    (folder / "model" / "model.safetensors").write_bytes(b"")
    rows = write_rows(folder / "rows.parquet", 600)
    tools = folder / "tools.yaml"
    write_tools_yaml(tools, Desk)
    paths = {"MODEL": folder / "model", "TRAIN_FILE": rows, "VAL_FILE": rows, "TOOLS": tools, "OUT": folder / "out"}
    return {name: str(path) for name, path in paths.items()}


class DryRuns(dict[str, tuple[dict[str, Any], str]]):
    """`--dry-run` of a recipe, once."""

    def __init__(self, files: dict[str, str]) -> None:
        super().__init__()
        self.files = files

    def __missing__(self, recipe: str) -> tuple[dict[str, Any], str]:
        self[recipe] = dry_run(RECIPES[recipe], self.files)
        return self[recipe]


@pytest.fixture(scope="module")
def dry_runs(files: dict[str, str]) -> DryRuns:
    return DryRuns(files)


def flat(node: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(node, dict):
        return {prefix: node}
    return {key: value for name, item in node.items() for key, value in flat(item, f"{prefix}.{name}").items()}


def differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs, but for the run's name and what is made of it."""
    a, b = flat(one), flat(other)
    return {
        key.removeprefix("."): (a.get(key), b.get(key))
        for key in a.keys() | b.keys()
        if a.get(key) != b.get(key) and not key.endswith(".experiment_name")
    }


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_composes_and_says_what_is_implied_and_checked(
    recipe: str, dry_runs: DryRuns, files: dict[str, str]
) -> None:
    config, said = dry_runs[recipe]
    estimator = config["algorithm"]["adv_estimator"]
    assert estimator == ("awpo" if recipe not in BASELINES else recipe.split("_")[1])
    implied = "[awpo]   implied         actor_rollout_ref.actor.policy_loss.loss_mode=awpo" in said
    assert implied == (estimator == "awpo")
    assert config["reward"]["reward_manager"]["name"] == "awpo"  # the same outcome for all
    assert config["actor_rollout_ref"]["model"]["path"] == files["MODEL"]
    assert "ok  model" in said
    assert not Path(files["OUT"]).exists()  # nothing was started
    errors = re.findall(r"^ *error +(\S+) +(.*)", said, re.MULTILINE)
    missing = {"output"} if recipe in TINY else {"output", "gpus", "packages"}  # this machine's disk, GPUs, flash-attn
    assert {what for what, _ in errors} <= missing, errors
    if recipe not in TINY:
        assert re.search(r"(ok|warning)  memory +training needs about \d+ of the 75 GiB of h100", said), said
        assert "ok  time" in said


def test_the_settings_blocks_share_their_variables() -> None:
    setting = re.compile(r"^(?:export )?([A-Z_]+)=(.*)", re.MULTILINE)
    blocks = {name: setting.findall(path.read_text()) for name, path in RECIPES.items()}
    common = {variable for variable, _ in blocks["run_awpo_qwen4b"]}
    of_their_own = {"TOOLS", "TURNS", "CALLS", "RECIPE", "NODE_RANK", "HEAD", "JOIN_TIMEOUT"}
    prefixes = ("JUDGE_", "MEGATRON_", "RAY_", "VERL_", "VLLM_CPU_", "HF_", "TOKENIZERS_", "OMP_", "PYTHONPATH")
    for name, settings in blocks.items():
        others = {variable for variable, _ in settings if not variable.startswith(prefixes)} - common
        assert others <= of_their_own, name
        for variable, value in settings:  # a setting can be given from outside, but for what a recipe is
            if variable in common and not value.startswith(
                (f"${{{variable}:-", f"${{{variable}:?", "$(realpath", "$(absolute")
            ):
                assert (variable, value) in {
                    *(("ALGO", "awpo"), ("ALGO", "grpo"), ("ALGO", "gdpo"), ("ENGINE", "megatron")),
                    ("VERL_FILE_LOGGER_PATH", '"$OUT/metrics.jsonl"'),
                }, name


LOSS = ("actor_rollout_ref.actor.policy_loss.loss_mode", "algorithm.adv_estimator")
DIFFERENCES = {
    "run_grpo_qwen4b": {*LOSS},
    "run_gdpo_qwen4b": {*LOSS, "algorithm.gdpo_reward_keys"},
    "run_naive_mix_qwen4b": {
        *("algorithm.awpo.gate.kind", "algorithm.awpo.gate.value", "algorithm.awpo.difficulty.kind"),
        *("algorithm.awpo.clip.shrink", "algorithm.awpo.reasoning_std_floor"),
    },
}


@pytest.mark.parametrize("baseline", DIFFERENCES)
def test_a_baseline_differs_by_the_keys_that_matter_and_nothing_else(baseline: str, dry_runs: DryRuns) -> None:
    different = differences(dry_runs["run_awpo_qwen4b"][0], dry_runs[baseline][0])
    assert set(different) == DIFFERENCES[baseline]


def test_the_other_models_and_engines_change_what_they_say(dry_runs: DryRuns) -> None:
    awpo = dry_runs["run_awpo_qwen4b"][0]
    larger = differences(awpo, dry_runs["run_awpo_qwen8b"][0])
    assert larger.pop("actor_rollout_ref.rollout.tensor_model_parallel_size") == (1, 2)
    assert set(larger.values()) == {(16384, 12288)}
    assert all("max_token_len_per_gpu" in key for key in larger)
    megatron = dry_runs["run_awpo_qwen4b_megatron"][0]["actor_rollout_ref"]["actor"]
    assert megatron["strategy"] == "megatron"
    assert megatron["policy_loss"]["loss_mode"] == "awpo"
    judge = dry_runs["run_awpo_qwen4b_judge"]
    assert "judge Qwen/Qwen3-32B at http://the-router-of-reward.reward_model/v1" in judge[1]
    assert "8 GPUs (4 for the actor + 4 for the reward model)" in judge[1]
    several = differences(awpo, dry_runs["run_awpo_multinode"][0])
    assert several["trainer.nnodes"] == (1, 2)
    assert several["data.train_batch_size"] == (128, 256)


def test_remote_paths_and_lists_stay_as_they_are_and_a_local_model_becomes_absolute(files: dict[str, str]) -> None:
    model = Path(files["MODEL"])
    given = {"TRAIN_FILE": f"[{files['TRAIN_FILE']},{files['VAL_FILE']}]", "VAL_FILE": "hdfs://there/val.parquet"}
    config, said = dry_run(RECIPES["run_awpo_qwen4b"], files | given, MODEL=os.path.relpath(model))
    assert config["data"]["train_files"] == [files["TRAIN_FILE"], files["VAL_FILE"]]
    assert config["data"]["val_files"] == "hdfs://there/val.parquet"
    assert config["actor_rollout_ref"]["model"]["path"] == str(
        model.resolve()
    )  # Ray's workers may have another working directory
    assert "1,200 training rows" in said


def test_vllm_keeps_a_cache_for_the_lengths_of_the_run_and_not_of_the_model(dry_runs: DryRuns) -> None:
    rollout = dry_runs["run_awpo_qwen4b_multiturn"][0]["actor_rollout_ref"]["rollout"]
    assert rollout["max_model_len"] == 4096 + 8192
    assert Path(rollout["multi_turn"]["tool_config_path"]).is_absolute()


def test_grpo_in_the_demo_differs_by_one_key(dry_runs: DryRuns, files: dict[str, str]) -> None:
    grpo, _ = dry_run(RECIPES["run_awpo_tiny_cpu"], files, ALGO="grpo")
    assert set(differences(dry_runs["run_awpo_tiny_cpu"][0], grpo)) == set(LOSS[:2])


def test_a_recipe_without_its_model_says_what_to_set() -> None:
    environment = {key: value for key, value in os.environ.items() if key != "MODEL"}
    recipe = RECIPES["run_awpo_tiny_cpu"]
    done = subprocess.run(["bash", str(recipe)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "MODEL: the folder of the warm-started model" in done.stderr


def test_an_unknown_engine_is_refused(files: dict[str, str]) -> None:
    environment = on_path() | files | {"ENGINE": "deepspeed"}
    recipe = RECIPES["run_awpo_qwen4b"]
    done = subprocess.run(["bash", str(recipe)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "ENGINE is 'deepspeed'; use fsdp or megatron." in done.stderr


def test_without_gpus_it_is_not_started(files: dict[str, str]) -> None:
    environment = on_path() | files | {"HF_HUB_OFFLINE": "1"}
    environment.pop("VERL_PLATFORM", None)
    recipe = RECIPES["run_awpo_qwen4b"]
    done = subprocess.run(["bash", str(recipe)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the run asks for 8 GPUs, this machine has 0" in done.stderr
    assert "Not started." in done.stderr
    assert done.stdout == ""


SINGLE_NODE = sorted(set(QWEN) - {"run_awpo_multinode"})


@pytest.fixture(scope="module")
def asked(dry_runs: DryRuns, workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What verl's trainer ends with where Ray has no GPU, by recipe; the model and the data are tiny."""
    configs = {recipe: json.loads(json.dumps(dry_runs[recipe][0])) for recipe in SINGLE_NODE}
    for config in configs.values():
        config["actor_rollout_ref"]["model"]["path"] = str(workspace.folder / "model")
        config["data"]["train_files"] = config["data"]["val_files"] = str(workspace.folder / "prompts.parquet")
        config["data"]["train_batch_size"] = config["actor_rollout_ref"]["actor"]["ppo_mini_batch_size"] = 8
        config["data"]["dataloader_num_workers"] = 0
    folder = tmp_path_factory.mktemp("asked")
    (folder / "configs.json").write_text(json.dumps(configs))
    environment = {name: value for name, value in on_path().items() if name not in ("RAY_ADDRESS", "VERL_PLATFORM")}
    command = [sys.executable, "tests/integration/ask_for_gpus.py", folder / "configs.json", folder / "said.json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads((folder / "said.json").read_text())


@pytest.mark.parametrize("recipe", SINGLE_NODE)
def test_verls_trainer_gets_as_far_as_asking_ray_for_gpus(recipe: str, asked: dict[str, str]) -> None:
    """Its model, tokenizer, data and resource pools are built from the recipe's config, up to there."""
    wanted = 8 if recipe != "run_awpo_qwen4b_judge" else 4 + 4
    assert asked[recipe] == f"ValueError: Total available GPUs 0 is less than total desired GPUs {wanted}"
