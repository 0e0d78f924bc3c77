"""`make warm-start`: train the models in examples/demo/models/ anew. Takes about ten minutes on two cores.

python -m examples.demo.build_models [--task shop desk] [--seed 0]
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.demo import desk_warm_start, model_store, shop_warm_start
from examples.demo.success import success_by_level

PROMPTS = 480  # held-out prompts of each level; the standard error of a share is at most 0.023
Interval = tuple[float, float]


@dataclass(frozen=True)
class Start:
    """How a task's model is made.

    success: for each level, the interval in which held-out success before reinforcement learning must be.
    """

    settings: Any
    make_recipe: Callable[[Any, int], model_store.Recipe]
    train: Callable[[Any, int, Callable[[str], None]], model_store.Made]
    success: dict[str, Interval]


STARTS = {
    "shop": Start(
        shop_warm_start.Settings(),
        shop_warm_start.make_recipe,
        shop_warm_start.train,
        success={"easy": (0.9, 1.0), "medium": (0.1, 0.35), "hard": (0.0, 0.02)},
    ),
    "desk": Start(
        desk_warm_start.Settings(),
        desk_warm_start.make_recipe,
        desk_warm_start.train,
        success={"easy": (0.5, 0.95), "medium": (0.1, 0.5), "hard": (0.0, 0.3)},
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code; 1 where a trained model is not the start that it should be, and is not kept."""
    parser = argparse.ArgumentParser(prog="make warm-start", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--task", nargs="+", default=list(STARTS), choices=STARTS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    return max(build(task, options.seed) for task in options.task)


def build(task: str, seed: int) -> int:
    """Train a task's model and put it in the place of the shipped one. Returns the exit code."""
    start = STARTS[task]
    with tempfile.TemporaryDirectory() as folder:
        trained = Path(folder) / task
        recipe = start.make_recipe(start.settings, seed)
        made = start.train(start.settings, seed, lambda text: print(text, flush=True))
        model_store.write_model(trained, recipe, made)
        success = success_by_level(task, trained, PROMPTS)
        print(f"{task}: held-out success before reinforcement learning: {success}", flush=True)
        outside = outside_of(success, start.success)
        if outside:
            print(f"{task}: not kept, because success is outside of its interval: {outside}", file=sys.stderr)
            return 1
        shipped = model_store.SHIPPED / task
        shutil.rmtree(shipped, ignore_errors=True)
        model_store.write_model(shipped, recipe, made, success=success, prompts=PROMPTS)
        print(f"{task}: written to {shipped}", flush=True)
    return 0


def outside_of(success: dict[str, float], intervals: dict[str, Interval]) -> dict[str, tuple[float, Interval]]:
    """The levels whose success is outside of its interval: (success, interval)."""
    return {
        level: (success[level], interval)
        for level, interval in intervals.items()
        if not interval[0] <= success[level] <= interval[1]
    }


if __name__ == "__main__":
    sys.exit(main())
