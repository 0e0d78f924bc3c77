"""Sweep each knob in the simulator to see where its default stands. A rerun continues.

    python -m benchmarks.simulator [--seeds 64] [--sweep clip.shrink]

Writes benchmarks/simulator/results.json and docs/simulator_*.png, and prints the tables of
benchmarks/simulator/README.md. Each point takes seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

RESULTS = Path(__file__).with_name("results.json")


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulator", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=64)
    parser.add_argument("--sweep", default="", help="only sweeps whose name begins with this")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--pictures", type=Path, default=Path("docs"))
    options = parser.parse_args()

    import torch

    from benchmarks.simulator import pictures, sweeps
    from benchmarks.simulator.training import Training

    torch.set_num_threads(1)  # the tensors are small
    training = Training()
    kept = json.loads(options.results.read_text()) if options.results.exists() else []
    known = {_key(record["point"]): record for record in kept}
    wanted = [p for p in sweeps.points() if p.sweep.startswith(options.sweep)]
    records, started = [], time.monotonic()
    for number, point in enumerate(wanted, 1):
        described = point.key(training, options.seeds)
        record = known.get(_key(described))
        if record is None:
            record = {"point": described, "result": sweeps.measure(point, training, options.seeds)}
            known[_key(described)] = record
            _write(options.results, list(known.values()))
            seconds = time.monotonic() - started
            print(
                f"{number}/{len(wanted)}, {seconds:.0f} s: {point.world_name}, {point.world.condition}, "
                f"{point.sweep}={point.x}: {record['result']['mean']:.3f}",
                file=sys.stderr,
                flush=True,
            )
        records.append(record)
    if not options.sweep:
        _write(options.results, records)  # drops points of earlier plans
    print(pictures.tables(records))
    pictures.draw(records, options.pictures)
    return 0


def _key(described: object) -> str:
    return json.dumps(described, sort_keys=True)


def _write(path: Path, records: list[object]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text("[\n" + ",\n".join(json.dumps(record) for record in records) + "\n]\n")
    os.replace(partial, path)


if __name__ == "__main__":
    sys.exit(main())
