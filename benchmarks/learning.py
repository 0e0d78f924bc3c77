"""What the demo learns with AWPO and with GRPO, over several seeds: the table and the picture of docs/results.md.

    python benchmarks/learning.py [--algos awpo grpo] [--seeds 3] [--steps 16]

Each run is a `make demo`: same warm start, same rollouts a step, same steps. The seeds differ in the order of the
prompts and in sampling, so the standard error covers these and not the warm start. A finished run with the same
settings is not repeated. Prints a Markdown table and writes docs/demo_curves.png.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from pathlib import Path

from awpo_verl.tasks import demo, report


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--algos", nargs="+", default=["awpo", "grpo"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--out", type=Path, default=Path("outputs/learning"))
    parser.add_argument("--picture", type=Path, default=Path("docs/demo_curves.png"))
    options = parser.parse_args()

    model = demo.prepare_model(Path(".cache/awpo_demo"))
    runs: dict[str, list[report.Run]] = {algo: [] for algo in options.algos}
    for seed in range(options.seeds):
        for algo in options.algos:
            folder = options.out / f"{algo}-seed{seed}"
            if not finished(folder, demo.settings_of(algo, seed, options.steps, model)):
                arguments = ["--algo", algo, "--seed", str(seed), "--steps", str(options.steps)]
                code = demo.main([*arguments, "--out", str(options.out)])
                if code:
                    return code
            runs[algo].append(report.read_run(folder))
    print(table(runs))
    draw(runs, options.picture)
    return 0


def finished(folder: Path, settings: dict[str, str | int]) -> bool:
    """Whether the folder has a finished run with these settings."""
    kept = folder / demo.SETTINGS
    return (folder / "curves.png").exists() and kept.exists() and json.loads(kept.read_text()) == settings


def table(runs: dict[str, list[report.Run]]) -> str:
    """Held-out success before and after, mean over the seeds, and the gain with its standard error over the seeds."""
    lines = ["| difficulty | algorithm | before | after | gain ± standard error | seeds |", "|---|---|---|---|---|---|"]
    for level in report.LEVELS:
        for algo, finished in runs.items():
            before = [run.heldout(level)[0][1] for run in finished]
            after = [run.heldout(level)[-1][1] for run in finished]
            gains = [a - b for a, b in zip(after, before, strict=True)]
            error = statistics.stdev(gains) / math.sqrt(len(gains)) if len(gains) > 1 else math.nan
            means = [statistics.mean(values) for values in (before, after, gains)]
            lines.append(
                f"| {level} | {algo} | {means[0]:.2f} | {means[1]:.2f} | {means[2]:+.2f} ± {error:.2f} | {len(gains)} |"
            )
    return "\n".join(lines)


def draw(runs: dict[str, list[report.Run]], path: Path) -> None:
    """Held-out success over steps: a panel a level, thin lines the seeds, thick ones their mean."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(report.LEVELS), figsize=(12, 3.6), layout="constrained", sharey=True)
    for axis, level in zip(axes, report.LEVELS, strict=True):
        for (algo, finished), color in zip(
            runs.items(), ("tab:blue", "tab:orange", "tab:green", "tab:red"), strict=False
        ):
            curves = [run.heldout(level) for run in finished]
            for curve in curves:
                axis.plot(*zip(*curve, strict=True), color=color, alpha=0.3, linewidth=1)
            steps = [step for step, _ in curves[0]]
            mean = [statistics.mean(curve[i][1] for curve in curves) for i in range(len(steps))]
            axis.plot(steps, mean, color=color, linewidth=2.5, marker="o", label=algo.upper())
        axis.set(title=f"{level} prompts", xlabel="training step", ylim=(-0.03, 1.03), xticks=steps)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("held-out success")
    axes[0].legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
