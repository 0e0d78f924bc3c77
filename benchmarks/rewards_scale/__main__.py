"""Measure how fast rewards are scored: per core, by the offline command on 1,000,000 rollouts, and within a step.

    python -m benchmarks.rewards_scale [--sizes 10000 100000 1000000]
    python -m benchmarks.rewards_scale --run outputs/demo/awpo-seed0 --model FOLDER --rollouts 192

The first command takes about half an hour, mostly for the million rollouts. The second runs the dumped rollouts of a
real run through the reward manager and compares the time with the run's steps. Tables go to stdout, progress to stderr,
figures to benchmarks/rewards_scale/results.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.rewards_scale import data, measure

RESULTS = Path(__file__).with_name("results.json")


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rewards_scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rows", type=int, default=200, help="rollouts per kind and format")
    parser.add_argument("--run", type=Path, help="a folder of `make demo`")
    parser.add_argument("--model", type=Path, help="the model's folder, for its tokenizer")
    parser.add_argument("--rollouts", type=int, default=192, help="rollouts in a step of that run")
    parser.add_argument("--json", type=Path, default=RESULTS)
    options = parser.parse_args()
    if (options.run is None) != (options.model is None):
        parser.error("--run needs --model, and --model needs --run.")
    found: dict[str, Any] = json.loads(options.json.read_text()) if options.json.exists() else {}
    if options.run is not None:
        found["reward_loop"] = of_run(options.run, options.model, options.rollouts)
    else:
        found["rates"] = rates(options.rows)
        found["offline"] = sizes(options.sizes)
    options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def rates(rows: int) -> dict[str, dict[str, int]]:
    """Print and return rollouts per second: format -> load -> rate."""
    print("| format | " + " | ".join(measure.LOADS) + " |\n|" + "---|" * (1 + len(measure.LOADS)))
    found: dict[str, dict[str, int]] = {}
    for format in data.FORMATS:
        found[format] = {}
        for load, (kind, chars) in measure.LOADS.items():
            say(f"{format}, {load}")
            found[format][load] = round(measure.rate(measure.rows_of(kind, chars, format, rows), format))
        print(f"| {format} | " + " | ".join(f"{value:,}" for value in found[format].values()) + " |", flush=True)
    return found


def sizes(wanted: list[int]) -> dict[str, dict[str, float]]:
    """Print and return the time and memory of `awpo-verl score`: rollouts -> figures."""
    print("\n| rollouts | GB read | seconds | rollouts a second | peak memory, GB |\n|---|---|---|---|---|")
    found: dict[str, dict[str, float]] = {}
    for rows in wanted:
        say(f"awpo-verl score, {rows:,} rollouts")
        with tempfile.TemporaryDirectory() as folder:
            took = found[str(rows)] = measure.offline(Path(folder), rows)
        print(
            f"| {rows:,} | {took['bytes_in'] / 1e9:.3g} | {took['seconds']:.1f} | {rows / took['seconds']:,.0f} | "
            f"{took['peak_bytes'] / 1e9:.2f} |",
            flush=True,
        )
    return found


def of_run(run: Path, model: Path, rollouts: int) -> dict[str, float]:
    """Print and return the reward loop's share of a step."""
    from transformers import AutoTokenizer

    took = measure.reward_loop(run, AutoTokenizer.from_pretrained(model))
    seconds = took["ms_a_rollout"] * rollouts / 1000
    share = seconds / took["step_s"]
    print(
        f"{took['ms_a_rollout']:.2f} ms per rollout (over {took['rollouts']:.0f} dumped rollouts), {seconds:.2f} s of "
        f"one core for the {rollouts} of a step. A step takes {took['step_s']:.1f} s, so the share is {share:.1%}."
    )
    return {**took, "rollouts_a_step": rollouts, "share": share}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
