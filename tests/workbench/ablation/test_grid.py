"""The grid: what is run, with which keys; what is not run twice; what fails and is told."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from awpo_verl.workbench.ablation import grid, variants
from tests.workbench.preflight.conftest import on_path

RECIPE = """
echo "$NAME SEED=$SEED $*" >> "$(dirname "$OUT")/runs.txt"
[[ " $* " != *" algorithm.awpo.gate.kind=hard "* ]] || exit 3
mkdir -p "$OUT"
echo '{"step": 0, "data": {"val-core/t/acc/mean@1": 0.25}}' > "$OUT/metrics.jsonl"
echo '{"step": 8, "data": {"val-core/t/acc/mean@1": 0.5}}' >> "$OUT/metrics.jsonl"
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "run_it.sh"
    path.write_text(RECIPE)
    return path


def run(recipe: Path, out: Path, *arguments: str) -> int:
    return grid.main(["--recipe", str(recipe), "--out", str(out), *arguments])


def test_every_variant_and_seed_is_run_once_with_its_keys(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "grid"
    arguments = ("--variants", "awpo no_gate", "--seeds", "0 1", "trainer.x=1")
    assert run(recipe, out, *arguments) == 0
    assert (out / "runs.txt").read_text().splitlines() == [
        "awpo-seed0 SEED=0 trainer.x=1",
        "no_gate-seed0 SEED=0 algorithm.awpo.gate.kind=fixed trainer.x=1",
        "awpo-seed1 SEED=1 trainer.x=1",
        "no_gate-seed1 SEED=1 algorithm.awpo.gate.kind=fixed trainer.x=1",
    ]
    assert "| val-core/t/acc/mean@1 | no_gate | 2 | 0.500 |" in (out / "ablation.md").read_text()
    assert json.loads((out / "ablation.json").read_text())["awpo"]["0"]["val-core/t/acc/mean@1"] == [
        [0, 0.25],
        [8, 0.5],
    ]
    assert run(recipe, out, *arguments) == 0  # again: nothing is run
    assert len((out / "runs.txt").read_text().splitlines()) == 4
    assert "finished before" in capsys.readouterr().out


def test_a_failed_run_is_reported_the_others_continue_and_it_is_retried(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "grid"
    assert run(recipe, out, "--variants", "hard_gate awpo", "--seeds", "0") == 1
    said = capsys.readouterr()
    assert "hard_gate-seed0: failed with 3" in said.out
    assert f"hard_gate-seed0 failed; see {out / 'hard_gate-seed0' / 'train.log'}" in said.err
    assert "| awpo | 1 | 0.500 |" in said.out
    recipe.write_text(RECIPE.replace("exit 3", "true"))
    assert run(recipe, out, "--variants", "hard_gate awpo", "--seeds", "0") == 0
    assert "| hard_gate | 1 | 0.500 |" in capsys.readouterr().out


def test_a_folder_with_other_settings_is_refused(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "grid"
    assert run(recipe, out, "--variants", "awpo", "--seeds", "0") == 0
    assert run(recipe, out, "--variants", "awpo", "--seeds", "0", "trainer.x=1") == 2
    assert "has a run with other settings (keys was [], is ['trainer.x=1'])" in capsys.readouterr().err
    monkeypatch.setenv("LR", "1")
    assert run(recipe, out, "--variants", "awpo", "--seeds", "0") == 2
    assert "LR was None, is '1'" in capsys.readouterr().err
    assert len((out / "runs.txt").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--variants", "awpo no_gat"), "there is no variant 'no_gat'; use awpo, no_gate"),
        (("--variants", ""), "no variant is named"),
        (("--variants", "mine:"), "your own variant must be name:key=value"),
        (("--variants", "mine:x,y"), "'x,y' must begin with key=value"),
        (("--seeds", "one"), "the seeds are 'one'; they must be whole numbers"),
        (("--recipe", "/nowhere.sh"), "there is no recipe /nowhere.sh"),
    ],
)
def test_a_wrong_argument_is_named(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, str], expected: str
) -> None:
    assert run(recipe, tmp_path / "grid", *arguments) == 2
    assert expected in capsys.readouterr().err


def test_your_own_variant() -> None:
    picked = variants.pick_variants("mine:algorithm.awpo.outcome_range=[-1,1],+a.b=2 awpo")
    assert picked == {"mine": ("algorithm.awpo.outcome_range=[-1,1]", "+a.b=2"), "awpo": ()}


OFF = {"awpo.gate.kind": "fixed", "awpo.gate.value": "1.0", "awpo.difficulty.kind": "none", "awpo.clip.shrink": "0.0"}
EXPECTED = {  # variant -> what differs from awpo in the composed `algorithm`
    "awpo": {},
    "no_gate": {"awpo.gate.kind": "fixed"},
    "hard_gate": {"awpo.gate.kind": "hard"},
    "agreement_gate": {"awpo.gate.kind": "agreement"},
    "no_difficulty": {"awpo.difficulty.kind": "none"},
    "mid_d_min": {"awpo.difficulty.d_min": "0.25"},
    "high_d_min": {"awpo.difficulty.d_min": "0.5"},
    "no_clip_shrink": {"awpo.clip.shrink": "0.0"},
    "naive_mix": OFF | {"awpo.reasoning_std_floor": "0.0"},
    "gdpo": {"adv_estimator": "gdpo", "gdpo_reward_keys": "['outcome', 'reasoning']"},
    "grpo": {"adv_estimator": "grpo"},
}


def _flat(section: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def test_every_variant_is_what_its_name_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from awpo_verl.workbench.preflight.compose import compose_config

    monkeypatch.delenv("VERL_PLATFORM", raising=False)
    base = ("algorithm.adv_estimator=awpo", "reward.reward_manager.name=awpo", "actor_rollout_ref.rollout.name=vllm")
    plain: dict[str, str] = {}
    for name, keys in variants.VARIANTS.items():
        config = compose_config([*base, "actor_rollout_ref.actor.use_dynamic_bsz=True", *keys]).config.algorithm
        flat = {key: str(value) for key, value in _flat(OmegaConf.to_container(config))}
        plain = plain or flat
        assert {key: value for key, value in flat.items() if plain.get(key) != value} == EXPECTED[name], name


def test_the_script_as_it_is_called(recipe: Path, tmp_path: Path) -> None:
    environment = on_path() | {
        "RECIPE": str(recipe),
        "VARIANTS": "grpo",
        "SEEDS": "7",
        "OUT": str(tmp_path / "grid"),
        "ALGO": "gdpo",  # of the caller's shell: the variant decides
    }
    done = subprocess.run(
        ["bash", "recipes/ablate.sh", "a=1"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "grid" / "runs.txt").read_text() == "grpo-seed7 SEED=7 algorithm.adv_estimator=grpo a=1\n"
    assert "| grpo | 1 | 0.500 |" in done.stdout
    assert os.environ.get("RECIPE") is None
