"""Learning in the real loop: variants, reward conditions and seeds through verl on the CPU. Run it again: it goes on.

    python -m benchmarks.learning [--seeds 5] [--only never/hard/faithful never/hard/noisy/awpo]

Writes benchmarks/learning/results.json and docs/learning_*.png, and prints the tables of docs/results.md. A run takes
two to three minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.learning import pictures, plan, results, series, tables

RESULTS = Path(__file__).with_name("results.json")
RECIPE = Path("recipes/run_awpo_tiny_cpu.sh")
# the recipe's own, so that it cannot change under the runs
SETTINGS = {"STEPS": "12", "PROMPTS": "12", "ROLLOUTS": "8", "UPDATE_PROMPTS": "3", "LR": "1e-4", "TEST_FREQ": "3"}


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("outputs/learning"))
    parser.add_argument(
        "--only", nargs="+", default=[""], help="runs whose name begins so: START/SET/CONDITION/VARIANT"
    )
    options = parser.parse_args()
    out = options.out.absolute()

    from awpo_verl.tasks import warm_start

    data = write_data(out / "data")
    models = {name: warm_start.warm_start(Path(".cache/awpo_demo"), settings=start(name)) for name in plan.STARTS}
    common = {name: {"settings": SETTINGS, "model": model.name} for name, model in models.items()}
    cells = {name: plan.cell(name, out, data, common[name.start]) for name in plan.names(options.seeds)}
    asked = tuple(f"{out}/{only}" for only in options.only)
    wanted = {name: cell for name, cell in cells.items() if cell.folder.startswith(asked)}
    missing = {name: cell for name, cell in wanted.items() if not cell.finished}
    print(f"{len(wanted)} runs, {len(wanted) - len(missing)} of them finished before.", flush=True)
    for which, model in models.items():
        of_start = [cell for name, cell in missing.items() if name.start == which]
        if of_start:
            series.run(compose(model, data, out), of_start)
    a_step = int(SETTINGS["PROMPTS"]) * int(SETTINGS["ROLLOUTS"])
    runs = [results.read(name, name.folder(out), a_step) for name, cell in cells.items() if cell.finished]
    RESULTS.write_text(json.dumps({"starts": common, "runs": results.to_json(runs)}) + "\n")
    begun = results.with_start(runs)
    print(tables.all_tables(begun))
    pictures.draw(begun, Path("docs"))
    return 0


def start(name: str) -> Any:
    """How to make a start: it solves nearly all easy prompts, a fifth of the medium ones, and hard ones hardly ever."""
    from awpo_verl.tasks.supervised import Phase
    from awpo_verl.tasks.warm_start import Settings

    chosen = plan.STARTS[name]
    phase = Phase(steps=chosen.steps, lr=1e-3, mix_start=chosen.mix, mix_end=chosen.mix)
    return Settings(habit=phase, habits=chosen.habits)


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
        "TRAIN_FILE": str(data / "hard.parquet"),
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
