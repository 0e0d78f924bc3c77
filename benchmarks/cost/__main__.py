"""Measure the cost of AWPO's estimator and loss against verl's own, over rows and tokens (docs/cost.md).

    python -m benchmarks.cost                       the grid of sizes
    python -m benchmarks.cost --kinds compiled      the loss under torch.compile as well
    python -m benchmarks.cost --metrics outputs/demo/awpo-seed0/metrics.jsonl ...
                                                    the share of a real step, from verl's metrics.jsonl; no grid

Progress goes to stderr, the tables go to stdout as Markdown. Each result is written to benchmarks/cost/results.json at
once and is not measured again, so an interrupted run continues; delete the file to start over. A size that needs more
memory than is free is left out, with the reason. With CUDA the loss is measured on the device. The estimator always
runs on the CPU, as in verl.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import torch

from benchmarks.cost import report, steps
from benchmarks.cost.cases import KINDS
from benchmarks.cost.measure import bandwidth
from benchmarks.cost.sweep import load, save, say, sweep

ROWS, TOKENS = (64, 1024, 4096, 16384, 65536), (512, 2048, 8192)  # 64: a micro-batch


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cost", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", choices=KINDS, nargs="+", default=["estimator", "loss"])
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS, help="multiples of 16, the group size")
    parser.add_argument("--tokens", type=int, nargs="+", default=TOKENS)
    parser.add_argument("--memory-gb", type=float, help="memory limit; default: 0.8 of the free memory")
    parser.add_argument("--threads", type=int, help="torch threads; default: torch's own")
    parser.add_argument("--metrics", type=Path, nargs="+", help="metrics.jsonl of real runs")
    parser.add_argument("--json", type=Path, default=Path(__file__).with_name("results.json"))
    parser.add_argument("--picture", type=Path, default=Path("docs/cost.png"))
    options = parser.parse_args()
    if options.metrics:
        print(report.steps_table([steps.read(path) for path in options.metrics]))
        return
    if options.threads:
        torch.set_num_threads(options.threads)

    limit = int(options.memory_gb * 1e9) if options.memory_gb else None
    results = load(options.json)
    for kind in options.kinds:
        device = "cuda" if kind != "estimator" and torch.cuda.is_available() else "cpu"
        speed = bandwidth(device)
        say(f"{kind} on {device}, memory bandwidth {speed / 1e9:.3g} GB/s")
        sizes = itertools.product(options.rows, options.tokens)
        for result in sweep(kind, sizes, device, speed, list(results), limit):
            results = [r for r in results if r.key != result.key] + [result]
            save(options.json, results)
    print(report.markdown(results))
    report.picture(results, options.picture)


if __name__ == "__main__":
    main()
