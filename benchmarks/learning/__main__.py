"""Learning in the real loop: variants, reward conditions and seeds through verl on the CPU. Run it again: it goes on.

    python -m benchmarks.learning [--seeds 5] [--only silent/faithful/ silent/noisy/awpo]

Writes benchmarks/learning/results.json, and prints what docs/results.md shows of it. A run takes two to three minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.learning import plan, results, series

RESULTS = Path(__file__).with_name("results.json")
RECIPE = Path("recipes/run_awpo_tiny_cpu.sh")
# the recipe's own, so that it cannot change under the runs
SETTINGS = {"STEPS": "12", "PROMPTS": "12", "ROLLOUTS": "8", "UPDATE_PROMPTS": "3", "LR": "1e-4", "TEST_FREQ": "3"}


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("outputs/learning"))
    parser.add_argument("--only", nargs="+", default=[""], help="runs whose name begins so: SET/CONDITION/VARIANT")
    options = parser.parse_args()
    out = options.out.absolute()

    from awpo_verl.tasks import warm_start

    model = warm_start.warm_start(Path(".cache/awpo_demo"), settings=start())
    data = write_data(out / "data")
    common = {"settings": SETTINGS, "model": model.name}
    cells = {name: plan.cell(name, out, data, common) for name in plan.names(options.seeds)}
    asked = tuple(f"{out}/{only}" for only in options.only)
    wanted = [cell for cell in cells.values() if cell.folder.startswith(asked)]
    missing = [cell for cell in wanted if not cell.finished]
    print(f"{len(wanted)} runs, {len(wanted) - len(missing)} of them finished before.", flush=True)
    if missing:
        series.run(compose(model, data, out), missing)
    a_step = int(SETTINGS["PROMPTS"]) * int(SETTINGS["ROLLOUTS"])
    runs = [results.read(name, name.folder(out), a_step) for name, cell in cells.items() if cell.finished]
    RESULTS.write_text(json.dumps({"common": common, "runs": results.to_json(runs)}) + "\n")
    print(results.final_table(results.with_start(runs)))
    return 0


def start() -> Any:
    """A start for which the outcome is silent: it solves all easy prompts and fewer than one in 1,000 hard ones."""
    from awpo_verl.tasks.supervised import Phase
    from awpo_verl.tasks.warm_start import Settings

    habits = ((0.0, 1.0), (0.40, 0.36, 0.24), (0.45, 0.30, 0.17, 0.08, 0.0))
    return Settings(habit=Phase(steps=250, lr=1e-3), habits=habits)


def write_data(folder: Path) -> Path:
    """The training sets and the held-out prompts, as parquet."""
    from awpo_verl.tasks import shop

    for name, counts in plan.SETS.items():
        shop.write_parquet(folder / f"{name}.parquet", "train", counts, seed=0)
    shop.write_parquet(folder / "heldout.parquet", "heldout", plan.HELDOUT, seed=0)
    return folder


def compose(model: Path, data: Path, out: Path) -> object:
    """verl's config as the demo's recipe makes it, with the benchmark's rewards."""
    from omegaconf import OmegaConf

    environment = {
        "MODEL": str(model.absolute()),
        "TRAIN_FILE": str(data / "silent.parquet"),
        "VAL_FILE": str(data / "heldout.parquet"),
        "OUT": str(out),
        "ALGO": "awpo",
        "SAVE_FREQ": "-1",
        **SETTINGS,
    }
    keys = [
        f"reward.custom_reward_function.path={Path(__file__).with_name('judges.py')}",
        f"trainer.default_local_dir={out}/start",
        "trainer.logger=[file]",
        "trainer.val_before_train=False",
        "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=24",  # 3 prompts of 8 rollouts: a mini-batch
        "trainer.validation_data_dir=null",
    ]
    os.environ.update(VERL_PLATFORM="cpu", RAY_ADDRESS="local", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    done = subprocess.run(
        ["bash", str(RECIPE), *keys, "--dry-run"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{RECIPE} --dry-run ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return OmegaConf.create(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
