"""Print a table of what several demo runs learned, and draw docs/demo_curves.png.

for seed in 0 1 2; do make demo SEED=$seed; make demo ALGO=grpo SEED=$seed; done
python -m benchmarks.learning.demo_table outputs/demo/*
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from awpo_verl.workbench.report.metrics import read_lines
from benchmarks.learning.results import interval
from benchmarks.plots import Panel, Series, save
from examples.demo.report import LEVELS, heldout_success

PICTURE = Path("docs/demo_curves.png")
Curve = list[tuple[int, float]]


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.learning.demo_table", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("runs", nargs="+", type=Path, help="folders of demo runs, named ALGO-seedN")
    parser.add_argument("--picture", type=Path, default=PICTURE)
    options = parser.parse_args()
    curves: dict[str, dict[str, list[Curve]]] = {level: {} for level in LEVELS}
    for folder in options.runs:
        records = read_lines(folder / "metrics.jsonl")
        for level, algos in curves.items():
            curve = [(r["step"], heldout_success(r["data"], level)) for r in records]
            algos.setdefault(folder.name.split("-seed")[0], []).append([(s, v) for s, v in curve if v is not None])
    print(table(curves))
    save(options.picture, [panel(level, algos) for level, algos in curves.items()], columns=len(LEVELS))
    return 0


def table(curves: dict[str, dict[str, list[Curve]]]) -> str:
    """Held-out success before and after training, by level and algorithm: mean over seeds, 95 % bootstrap interval."""
    lines = ["| difficulty | algorithm | before | after | seeds |", "|---|---|---|---|---|"]
    for level, algos in curves.items():
        for algo, seeds in algos.items():
            cells = [_mean([curve[i][1] for curve in seeds]) for i in (0, -1)]
            lines.append(f"| {level} | {algo} | {cells[0]} | {cells[1]} | {len(seeds)} |")
    return "\n".join(lines)


def panel(level: str, algos: dict[str, list[Curve]]) -> Panel:
    """Success over training steps, one line per algorithm."""
    lines = []
    for look, (algo, seeds) in enumerate(algos.items()):
        columns = [[value for _, value in column] for column in zip(*seeds, strict=True)]
        low, high = zip(*map(interval, columns), strict=True)
        mean = [sum(column) / len(column) for column in columns]
        lines.append(Series(algo, [step for step, _ in seeds[0]], mean, low, high, look))
    return Panel(f"{level} prompts", lines, x_label="training step", y_label="held-out success", limits=(-0.02, 1.02))


def _mean(values: list[float]) -> str:
    low, high = interval(values)
    return f"{sum(values) / len(values):.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    sys.exit(main())
