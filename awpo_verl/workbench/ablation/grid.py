"""Run a recipe for every variant and seed, one after the other, and make one table. The same command continues it.

    python -m awpo_verl.workbench.ablation.grid --recipe recipes/run_awpo_qwen4b.sh --out outputs/ablation [key=value]

Each run has a folder, <out>/<variant>-seed<n>, with the recipe's metrics.jsonl, its output in train.log, and its
settings in settings.json. A finished run with the same settings is not repeated. A stopped run resumes from its last
checkpoint, as verl does. If a run fails, that is printed and the others continue.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awpo_verl.workbench.ablation import table, variants

SETTINGS, FINISHED, LOG, METRICS = "settings.json", "finished.json", "train.log", "metrics.jsonl"
# Environment variables of a recipe that decide what a run learns.
VARIABLES = (
    *("MODEL", "TRAIN_FILE", "VAL_FILE", "STEPS", "PROMPTS", "ROLLOUTS", "UPDATE_PROMPTS", "PROMPT_TOKENS"),
    *("RESPONSE_TOKENS", "LR", "ENGINE", "TOOLS", "TURNS", "CALLS", "JUDGE_MODEL"),
)


class OtherSettingsError(ValueError):
    """The folder holds a run with other settings. The message says which differ."""


@dataclass(frozen=True)
class GridRun:
    """One cell of the grid.

    Attributes:
        keys: verl's keys: the variant's, then the user's.
        settings: everything that decides what the run learns, as JSON.
    """

    variant: str
    seed: int
    folder: Path
    recipe: Path
    keys: tuple[str, ...]
    settings: dict[str, Any]

    @property
    def finished(self) -> bool:
        """Whether an earlier command has finished it."""
        return (self.folder / FINISHED).exists()


def main(arguments: list[str] | None = None) -> int:
    """Run the grid. Returns the exit code: 0, 1 if a run failed, 2 if an argument is wrong."""
    parser = argparse.ArgumentParser(prog="recipes/ablate.sh", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--variants", default=" ".join(variants.VARIANTS), help="names, or name:key=value,key=value")
    parser.add_argument("--seeds", default="0 1 2")
    parser.add_argument("--metrics", default="val-core/*", help="patterns of the metrics in the table")
    parser.add_argument("--dry-run", action="store_true", help="compose and check every run, and start none")
    parser.add_argument("keys", nargs="*", help="further keys of verl's, for all runs")
    options = parser.parse_args(arguments)
    try:
        runs = list(plan_runs(options.recipe, options.out, options.variants, options.seeds, options.keys, os.environ))
        for run in runs:
            refuse_other_settings(run)
    except ValueError as error:
        print(f"ablate: {error}", file=sys.stderr)
        return 2
    failed = [
        run for number, run in enumerate(runs, 1) if not _execute(run, f"[{number}/{len(runs)}]", options.dry_run)
    ]
    if not options.dry_run:
        found = table.collect_results([(run.variant, run.seed, run.folder / METRICS) for run in runs if run.finished])
        text = table.render_table(found, options.metrics.split(), first=runs[0].variant)
        (options.out / "ablation.md").write_text(text)
        (options.out / "ablation.json").write_text(json.dumps(table.results_as_json(found), indent=1) + "\n")
        print(text)
        print(f"Written to {options.out}/ablation.md and ablation.json.")
    for run in failed:
        where = "its errors are above" if options.dry_run else f"see {run.folder / LOG}"
        print(f"ablate: {run.folder.name} failed; {where}", file=sys.stderr)
    return 1 if failed else 0


def plan_runs(
    recipe: Path, out: Path, names: str, seeds: str, keys: Sequence[str], environment: Mapping[str, str]
) -> Iterator[GridRun]:
    """Yield the runs: all variants of a seed, then the next seed, so that a stopped grid has whole seeds.

    Raises:
        ValueError: the recipe does not exist, or a variant or a seed cannot be read.
    """
    if not recipe.is_file():
        raise ValueError(f"there is no recipe {recipe}; use one of recipes/run_*.sh")
    try:
        numbers = [int(seed) for seed in seeds.split()]
    except ValueError:
        numbers = []
    if not numbers:
        raise ValueError(f"the seeds are {seeds!r}; they must be whole numbers, such as '0 1 2'")
    picked = variants.pick_variants(names)
    given = {name: environment[name] for name in VARIABLES if name in environment}
    for seed in numbers:
        for name, own in picked.items():
            settings = {"recipe": recipe.name, "variant": name, "seed": seed, "keys": [*own, *keys], **given}
            yield GridRun(name, seed, out.absolute() / f"{name}-seed{seed}", recipe, (*own, *keys), settings)


def refuse_other_settings(run: GridRun) -> None:
    """Raises OtherSettingsError if the run's folder holds a run with other settings."""
    path = run.folder / SETTINGS
    if not path.exists():
        return
    kept = json.loads(path.read_text())
    different = sorted(key for key in kept.keys() | run.settings.keys() if kept.get(key) != run.settings.get(key))
    if different:
        changes = "; ".join(f"{key} was {kept.get(key)!r}, is {run.settings.get(key)!r}" for key in different)
        raise OtherSettingsError(
            f"{run.folder} has a run with other settings ({changes}). Remove it, or set another OUT."
        )


def _execute(run: GridRun, count: str, dry: bool) -> bool:
    """Run it, unless it has finished; with `dry` only check it. Returns whether it succeeded."""
    if run.finished:
        print(f"{count} {run.folder.name}: finished before", flush=True)
        return True
    environment = os.environ | {"OUT": str(run.folder), "NAME": run.folder.name, "SEED": str(run.seed)}
    environment.pop("ALGO", None)  # the variant sets the algorithm
    command = ["bash", str(run.recipe), *run.keys]
    if dry:
        done = subprocess.run([*command, "--dry-run"], env=environment, capture_output=True, text=True, check=False)
        errors = [line.strip() for line in done.stderr.splitlines() if line.lstrip().startswith("error")]
        refused = done.stderr.strip().splitlines()[-1:] if done.returncode == 2 else []
        print(f"{count} {run.folder.name}: {' '.join(run.keys) or '(as it is)'}", flush=True)
        for line in errors + refused:
            print(f"      {line}", flush=True)
        return done.returncode == 0
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / SETTINGS).write_text(json.dumps(run.settings, indent=1) + "\n")
    print(f"{count} {run.folder.name}: running", flush=True)
    started = time.monotonic()
    with (run.folder / LOG).open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
    minutes = (time.monotonic() - started) / 60
    if code:
        print(f"{count} {run.folder.name}: failed with {code} after {minutes:.1f} minutes", flush=True)
        return False
    (run.folder / FINISHED).write_text(json.dumps({"minutes": round(minutes, 2)}) + "\n")
    print(f"{count} {run.folder.name}: done in {minutes:.1f} minutes", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
