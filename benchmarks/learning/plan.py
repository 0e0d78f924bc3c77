"""What is compared: variants x reward conditions x training sets x seeds, and what each run is called."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from awpo_verl.workbench.ablation.variants import VARIANTS
from benchmarks.learning.judges import CONDITIONS
from benchmarks.learning.series import Cell
from benchmarks.methods import resolved
from examples.demo.shop_warm_start import Settings

DEMO = Settings()
STARTS = {  # by how often a hard prompt is solved
    "never": DEMO,
    "rare": replace(DEMO, habits=(*DEMO.habits[:2], (0.48, 0.33, 0.14, 0.02, 0.03))),
}
SETS = {  # training prompts by level
    "hard": {"hard": 480},
    "easy+hard": {"easy": 240, "hard": 240},
}
HELDOUT = {"easy": 32, "medium": 48, "hard": 96}
METHODS = ("grpo", "naive_mix", "gdpo", "awpo", "agreement_gate")
MAIN = (*METHODS, "no_gate", "no_difficulty", "high_d_min", "no_clip_shrink")
# Start, training set, reward condition, variants. An outcome that never speaks cannot tell a misaligned judge from a
# faithful one, so that condition has easy prompts too, or a start at which it speaks.
PLAN = (
    ("never", "hard", "faithful", (*MAIN, "mid_d_min")),
    ("never", "hard", "noisy", MAIN),
    ("never", "easy+hard", "misaligned", ("grpo", "naive_mix", "awpo", "agreement_gate", "high_d_min")),
    ("rare", "hard", "faithful", (*METHODS, "high_d_min", "mid_d_min")),
    ("rare", "hard", "misaligned", MAIN),
)


@dataclass(frozen=True)
class Name:
    """Which run. `grpo` learns from the outcome alone, so that one condition, "outcome", stands for all."""

    start: str
    trained_on: str
    condition: str
    variant: str
    seed: int

    def folder(self, out: Path) -> Path:
        """Where it is kept."""
        return out / self.start / self.trained_on / self.condition / f"{self.variant}-seed{self.seed}"


def names(seeds: int) -> list[Name]:
    """All runs, seed by seed, so that what is stopped has whole seeds. Those of a start are together."""
    found = [
        Name(start, trained_on, "outcome" if variant == "grpo" else condition, variant, seed)
        for wanted in STARTS
        for seed in range(seeds)
        for start, trained_on, condition, variants in PLAN
        for variant in variants
        if start == wanted
    ]
    return list(dict.fromkeys(found))


def cell(name: Name, out: Path, data: Path, common: dict[str, Any]) -> Cell:
    """The run as verl's keys; `common`: what else decides what it learns, the same for all."""
    keys: dict[str, Any] = {"algorithm.adv_estimator": "awpo"}
    judge = CONDITIONS[0] if name.variant == "grpo" else name.condition  # what grpo does not read is logged
    for item in VARIANTS[name.variant]:
        key, _, value = item.lstrip("+").partition("=")
        keys[key] = yaml.safe_load(value)
    if "algorithm.gdpo_reward_keys" in keys:
        keys["algorithm.gdpo_reward_keys"] = ["outcome", judge]
    keys |= {
        "algorithm.awpo.reasoning_key": judge,
        "data.train_files": str(data / f"{name.trained_on}.parquet"),
        "data.seed": name.seed,
        "trainer.val_before_train": name.trained_on == "hard" and name.variant == "grpo",  # a start is one for all
    }
    decides = common | {"run": vars(name), "prompts": SETS[name.trained_on], "method": _method(keys)}
    return Cell(str(name.folder(out)), keys, {key: _plain(value) for key, value in decides.items()})


def _method(keys: dict[str, Any]) -> dict[str, Any]:
    kind = keys["algorithm.adv_estimator"]
    section = "algorithm.awpo."
    given = [f"{key[len(section) :]}={value}" for key, value in keys.items() if key.startswith(section)]
    return resolved(OmegaConf.from_dotlist(given)) if kind == "awpo" else {"kind": kind}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
