"""`make demo`: train a tiny model with AWPO through the real verl on the CPU, and show what it has learned.

    python -m examples.demo [--task shop|desk] [--algo awpo|grpo] [--seed 0] [--steps 12] [--out outputs/demo]

The task is `shop` (tool calls in one reply) or `desk` (several tool turns in a stateful environment). The demo takes
the warm-started model, draws the prompts, runs the task's recipe and prints a line for each step. At the end it prints
held-out success before and after, and sample rollouts. It leaves curves.png, report.html, metrics.jsonl, train.log and
a checkpoint.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from awpo_verl.workbench.report.metrics import read_lines
from awpo_verl.workbench.report.page import PAGE, write_page
from awpo_verl.workbench.report.runs import read_run
from examples.demo import model_store, report

SAMPLES = 3
SETTINGS = "settings.json"


@dataclass(frozen=True)
class Task:
    """A task: its recipe, the folder of its runs, the number of steps, and the number of prompts by level."""

    recipe: Path
    out: Path
    steps: int
    train: dict[str, int]
    heldout: dict[str, int]


TASKS = {
    "shop": Task(
        Path("recipes/run_awpo_tiny_cpu.sh"),
        out=Path("outputs/demo"),
        steps=12,
        train={"hard": 480},  # the start solves almost none of them: nearly all groups are silent
        heldout={"easy": 96, "medium": 96, "hard": 96},
    ),
    "desk": Task(
        Path("recipes/run_awpo_tiny_multiturn_cpu.sh"),
        out=Path("outputs/demo-desk"),
        steps=10,
        train={"medium": 240, "hard": 240},
        heldout={"easy": 48, "medium": 48, "hard": 48},
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="make demo", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--task", default="shop", choices=TASKS)
    parser.add_argument("--algo", default="awpo", choices=("awpo", "grpo"))
    parser.add_argument("--seed", type=int, default=0, help="seed of the order of the prompts and of sampling")
    parser.add_argument("--steps", type=int, help="training steps; the default depends on the task")
    parser.add_argument("--out", type=Path, help="folder for runs; the default depends on the task")
    parser.add_argument("--cache", type=Path, default=Path(".cache/awpo_demo"), help="folder for trained models")
    parser.add_argument("overrides", nargs="*", help="more keys for verl, such as algorithm.awpo.gate.kind=hard")
    options = parser.parse_args(arguments)
    task = TASKS[options.task]
    if not task.recipe.exists():
        parser.error(f"{task.recipe} is not in {Path.cwd()}. Run the demo in the project's folder.")

    started = time.monotonic()
    steps = options.steps or task.steps
    model = prepare_model(options.cache, options.task)
    folder = ((options.out or task.out) / f"{options.algo}-seed{options.seed}").resolve()
    if folder.exists():
        shutil.rmtree(folder)  # or verl would resume from its checkpoint
    environment = prepare_data(folder, options.task) | {
        "MODEL": str(model.resolve()),
        "OUT": str(folder),
        "ALGO": options.algo,
        "SEED": str(options.seed),
        "STEPS": str(steps),
    }
    say(f"Training with {options.algo}: {steps} steps of verl. Ray and vLLM take about a minute to start.")
    (folder / SETTINGS).write_text(json.dumps(settings_of(options.algo, options.seed, steps, model)))
    code = train(task.recipe, environment, options.overrides, folder, steps)
    if code:
        return code
    run = read_run(folder)
    print(report.success_table(run))
    print(report.sample_rollouts(run, SAMPLES))
    report.draw_curves(run, folder / "curves.png")
    write_page([run], folder / PAGE)
    checkpoint = report.last_checkpoint(folder)
    check_checkpoint(checkpoint)
    say(f"Done in {(time.monotonic() - started) / 60:.1f} minutes. Left in {os.path.relpath(folder)}:")
    say(f"  curves.png  {PAGE}  metrics.jsonl  train.log  validation/*.jsonl")
    say(f"  {os.path.relpath(checkpoint, folder)}  (transformers loads it)")
    return 0


def settings_of(algo: str, seed: int, steps: int, model: Path) -> dict[str, str | int]:
    """What decides a run, except the overrides for verl. It is kept in the run's folder as settings.json."""
    return {"algo": algo, "seed": seed, "steps": steps, "model": model_store.name_of(model)}


def prepare_model(cache: Path, task: str = "shop") -> Path:
    """The warm-started model. It takes minutes where it is neither shipped nor in the cache."""
    from transformers.utils.logging import disable_progress_bar

    from examples.demo import desk_warm_start, shop_warm_start

    disable_progress_bar()  # it would show how a few megabytes are loaded
    return (desk_warm_start if task == "desk" else shop_warm_start).warm_start(cache, progress=say)


def prepare_data(folder: Path, task: str = "shop") -> dict[str, str]:
    """Write training and held-out prompts, which never overlap, and the tools. Returns the recipe's variables."""
    from examples.demo import desk, shop

    data = desk if task == "desk" else shop
    files = {"TRAIN_FILE": folder / "train.parquet", "VAL_FILE": folder / "heldout.parquet"}
    data.write_parquet(files["TRAIN_FILE"], "train", TASKS[task].train, seed=0)
    data.write_parquet(files["VAL_FILE"], "heldout", TASKS[task].heldout, seed=0)
    if task == "desk":
        from awpo_verl.integration.verl_environment_tool import write_tools_yaml

        files["TOOLS"] = folder / "tools.yaml"
        write_tools_yaml(files["TOOLS"], desk.Desk)
    return {name: str(path) for name, path in files.items()}


def train(recipe: Path, environment: dict[str, str], overrides: list[str], folder: Path, steps: int) -> int:
    """Run the recipe with its output in train.log, and print a line for each step. Returns its exit code."""
    log = folder / "train.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bash", str(recipe), *overrides],
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            for record in _follow(folder / "metrics.jsonl", process):
                line = report.step_line(record, steps)
                if line:
                    say(line)
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            raise
        finally:
            code = process.wait()
    if code:
        tail = log.read_text(errors="replace").splitlines()[-25:]
        print("\n".join(tail), file=sys.stderr)
        say(f"verl stopped with exit code {code}. The whole log is {log}")
    return code


def _follow(path: Path, process: subprocess.Popen[bytes]) -> Iterator[report.Record]:
    """The records of a growing metrics.jsonl, until the process has ended."""
    seen = 0
    while True:
        ended = process.poll() is not None
        records = read_lines(path)
        yield from records[seen:]
        seen = len(records)
        if ended:
            return
        time.sleep(0.5)


def check_checkpoint(folder: Path) -> None:
    """Load the trained model as a user of transformers does. Raises what transformers raises where it cannot."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    AutoTokenizer.from_pretrained(folder)
    AutoModelForCausalLM.from_pretrained(folder)


def say(text: str) -> None:
    """Print a line of progress at once."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
