"""Train variants under several reasoning rewards and seeds in verl's real loop on the CPU. A rerun continues.

    python -m benchmarks.learning [--seeds 5] [--only never/hard/faithful never/hard/noisy/awpo] [--results FILE]

Writes benchmarks/learning/results.json and docs/learning_*.png, and prints the tables of benchmarks/learning/README.md.
A run takes one to three minutes. A run whose settings are in the results already is not repeated; to repeat all, name
another results file.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from awpo_verl.workbench.preflight.command_line import quote_value
from benchmarks.learning import pictures, plan, results, series, tables
from examples.demo import shop, shop_warm_start
from examples.demo.model_store import name_of

RESULTS = Path(__file__).with_name("results.json")
CACHE = Path(".cache/awpo_demo")  # the demo's
RECIPE = Path("recipes/run_awpo_tiny_cpu.sh")
# the recipe's values, repeated so that a change of the recipe does not change the runs
SETTINGS = {"STEPS": "12", "PROMPTS": "12", "ROLLOUTS": "8", "UPDATE_PROMPTS": "3", "LR": "1e-4", "TEST_FREQ": "3"}


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("outputs/learning"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument(
        "--only", nargs="+", default=[""], help="runs whose name begins with START/SET/CONDITION/VARIANT"
    )
    options = parser.parse_args()
    out = options.out.absolute()

    data = write_data(out / "data")
    models = {name: shop_warm_start.warm_start(CACHE, settings=settings) for name, settings in plan.STARTS.items()}
    common = {name: {"settings": SETTINGS, "model": name_of(model)} for name, model in models.items()}
    found = {run.name: run for run in results.load(options.results)}
    seeds = max([options.seeds, *(name.seed + 1 for name in found)])
    cells = {name: plan.cell(name, out, data, common[name.start]) for name in plan.names(seeds)}
    kept = {name: run for name, run in found.items() if name in cells and run.fingerprint == cells[name].fingerprint}
    asked = tuple(f"{out}/{only}" for only in options.only)
    wanted = {n: cell for n, cell in cells.items() if n.seed < options.seeds and cell.folder.startswith(asked)}
    missing = {name: cell for name, cell in wanted.items() if name not in kept and not cell.finished}
    print(f"{len(wanted)} runs; {len(wanted) - len(missing)} are already finished.", flush=True)
    for which, model in models.items():
        of_start = [cell for name, cell in missing.items() if name.start == which]
        if of_start:
            series.run(compose(model, data, out), of_start)
    a_step = int(SETTINGS["PROMPTS"]) * int(SETTINGS["ROLLOUTS"])
    kept |= {name: results.read(name, cell, a_step) for name, cell in cells.items() if cell.finished}
    runs = [kept[name] for name in cells if name in kept]
    others = [run for name, run in found.items() if name not in kept] if any(options.only) else []
    results.save(
        options.results, common, [*runs, *others]
    )  # runs with other settings are dropped once all runs are requested
    begun = results.with_start(runs)
    print(tables.all_tables(begun))
    pictures.draw(begun, Path("docs"))
    return 0


def write_data(folder: Path) -> Path:
    """Write the training sets and the held-out prompts as parquet; returns the folder."""
    for name, counts in plan.SETS.items():
        shop.write_parquet(folder / f"{name}.parquet", "train", counts, seed=0)
    shop.write_parquet(folder / "heldout.parquet", "heldout", plan.HELDOUT, seed=0)
    return folder


def compose(model: Path, data: Path, out: Path) -> object:
    """Compose verl's config with the demo's recipe and the benchmark's rewards."""
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
        f"reward.custom_reward_function.path={quote_value(str(Path(__file__).with_name('judges.py')))}",
        f"trainer.default_local_dir={quote_value(f'{out}/start')}",
        "trainer.logger=[file]",
        "trainer.val_before_train=False",
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
