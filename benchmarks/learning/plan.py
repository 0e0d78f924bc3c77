"""What is compared: variants x reward conditions x training sets x seeds, and what each run is called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from awpo_verl.ablation.variants import VARIANTS
from benchmarks.learning.judges import CONDITIONS
from benchmarks.learning.series import Cell

# Training prompts by level. `silent`: the outcome of nearly every group is constant, for all of it is solved or none.
SETS = {
    "silent": {"easy": 240, "hard": 240},
    "hard": {"hard": 480},
    "stairs": {"medium": 240, "hard": 240},
}
HELDOUT = {"easy": 32, "medium": 48, "hard": 96}
MAIN = ("grpo", "naive_mix", "gdpo", "awpo", "no_gate", "no_difficulty", "no_clip_shrink", "agreement_gate")


@dataclass(frozen=True)
class Name:
    """Which run: `grpo` learns from the outcome alone, so one condition stands for all."""

    trained_on: str
    condition: str
    variant: str
    seed: int

    def folder(self, out: Path) -> Path:
        """Where it is kept."""
        return out / self.trained_on / self.condition / f"{self.variant}-seed{self.seed}"


def names(seeds: int) -> Iterator[Name]:
    """All runs, seed by seed, so that what is stopped has whole seeds; the main training set first."""
    for seed in range(seeds):
        for condition in CONDITIONS:
            for variant in MAIN:
                if variant != "grpo" or condition == CONDITIONS[0]:
                    yield Name("silent", condition, variant, seed)
    for seed in range(seeds):
        for trained_on in ("hard", "stairs"):
            for variant in ("grpo", "awpo"):
                yield Name(trained_on, CONDITIONS[0], variant, seed)


def cell(name: Name, out: Path, data: Path, common: dict[str, Any]) -> Cell:
    """The run as verl's keys; `common`: what else decides what it learns, the same for all."""
    keys: dict[str, Any] = {"algorithm.adv_estimator": "awpo"}
    for item in VARIANTS[name.variant]:
        key, _, value = item.lstrip("+").partition("=")
        keys[key] = yaml.safe_load(value)
    if "algorithm.gdpo_reward_keys" in keys:
        keys["algorithm.gdpo_reward_keys"] = ["outcome", name.condition]
    keys |= {
        "algorithm.awpo.reasoning_key": name.condition,
        "data.train_files": str(data / f"{name.trained_on}.parquet"),
        "data.seed": name.seed,
        "trainer.val_before_train": name.trained_on == "silent" and name.variant == "grpo",  # the start is one for all
    }
    decides = common | {"run": vars(name), "prompts": SETS[name.trained_on], "variant_keys": VARIANTS[name.variant]}
    return Cell(str(name.folder(out)), keys, {key: _plain(value) for key, value in decides.items()})


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
