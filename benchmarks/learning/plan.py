"""The plan of the comparison: variants x reward conditions x training sets x seeds, and the name of each run."""

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
STARTS = {  # named by how often a hard prompt is solved
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
# Start, training set, reward condition, variants. Silent groups cannot tell a misaligned judge from a faithful one, so
# that condition has easy prompts too, or a start at which hard prompts sometimes succeed.
PLAN = (
    ("never", "hard", "faithful", (*MAIN, "mid_d_min")),
    ("never", "hard", "noisy", MAIN),
    ("never", "easy+hard", "misaligned", ("grpo", "naive_mix", "awpo", "agreement_gate", "high_d_min")),
    ("rare", "hard", "faithful", (*METHODS, "high_d_min", "mid_d_min")),
    ("rare", "hard", "misaligned", MAIN),
)


@dataclass(frozen=True)
class Name:
    """The name of a run. `grpo` learns from the outcome only, so its condition is always "outcome"."""

    start: str
    trained_on: str
    condition: str
    variant: str
    seed: int

    def folder(self, out: Path) -> Path:
        """The folder of the run."""
        return out / self.start / self.trained_on / self.condition / f"{self.variant}-seed{self.seed}"


def names(seeds: int) -> list[Name]:
    """All runs, ordered by start and then by seed, so that an interrupted plan has whole seeds."""
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
    """The run as verl's keys. common: the other settings that decide what it learns, equal for all runs of a start."""
    keys: dict[str, Any] = {"algorithm.adv_estimator": "awpo"}
    judge = CONDITIONS[0] if name.variant == "grpo" else name.condition  # grpo ignores the reward, but it is logged
    for item in VARIANTS[name.variant]:
        key, _, value = item.lstrip("+").partition("=")
        keys[key] = yaml.safe_load(value)
    if "algorithm.gdpo_reward_keys" in keys:
        keys["algorithm.gdpo_reward_keys"] = ["outcome", judge]
    keys |= {
        "algorithm.awpo.reasoning_key": judge,
        "data.train_files": str(data / f"{name.trained_on}.parquet"),
        "data.seed": name.seed,
        "trainer.val_before_train": name.trained_on == "hard"
        and name.variant == "grpo",  # all runs of a start share this validation
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
