"""What a demo run shows of itself: a line a step, held-out success before and after, sample rollouts, curves."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = dict[str, Any]  # one line of metrics.jsonl: {"step": int, "data": {metric: number}}
LEVELS = ("easy", "medium", "hard")


@dataclass(frozen=True)
class Run:
    """A finished demo run: its folder, its metrics by step, and its validation rollouts by step."""

    folder: Path
    records: list[Record]
    rollouts: dict[int, list[Record]]

    @property
    def checkpoint(self) -> Path:
        """The last checkpoint, in Hugging Face form."""
        steps = sorted(self.folder.glob("checkpoints/global_step_*"), key=lambda path: int(path.name.rsplit("_", 1)[1]))
        if not steps:
            raise FileNotFoundError(f"{self.folder}/checkpoints has no global_step_*: the run saved no checkpoint.")
        return steps[-1] / "actor" / "huggingface"

    @property
    def heldout_prompts(self) -> int:
        """Held-out prompts of one level (the demo has as many of each)."""
        return len(next(iter(self.rollouts.values()), [])) // len(LEVELS)

    def heldout(self, level: str) -> list[tuple[int, float]]:
        """(step, held-out success) of one difficulty level."""
        found = ((record["step"], heldout_success(record["data"], level)) for record in self.records)
        return [(step, value) for step, value in found if value is not None]


def heldout_success(data: Record, level: str) -> float | None:
    """What verl's validation says of the data source `<task>_<level>`, if it was validated at this step."""
    ending = f"_{level}/acc/mean@1"
    return next((value for key, value in data.items() if key.startswith("val-core/") and key.endswith(ending)), None)


def read_run(folder: Path) -> Run:
    """Read metrics.jsonl and validation/*.jsonl of a run."""
    rollouts = {int(path.stem): _read_lines(path) for path in folder.glob("validation/*.jsonl")}
    return Run(folder, read_metrics(folder / "metrics.jsonl"), rollouts)


def read_metrics(path: Path) -> list[Record]:
    """The complete lines of a metrics.jsonl that may still be growing, or not exist yet."""
    return _read_lines(path) if path.exists() else []


def _read_lines(path: Path) -> list[Record]:
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return [json.loads(line) for line in whole.split("\n") if line]


def step_line(record: Record, steps: int) -> str | None:
    """One line for one training step; for a validation alone (step 0), held-out success; None for nothing to say."""
    data = record["data"]
    held = "  ".join(f"{level} {value:.2f}" for level in LEVELS if (value := heldout_success(data, level)) is not None)
    if "critic/score/mean" not in data:
        return f"step {record['step']:3d}/{steps}  held-out: {held}" if held else None
    parts = [f"step {record['step']:3d}/{steps}", f"outcome {data['critic/score/mean']:.2f}"]
    for label, key in {
        "reasoning": "awpo/reasoning/mean",
        "gate": "awpo/gate/mean",
        "dead groups": "awpo/dead_groups_frac",
        "rescued": "awpo/rescued_groups_frac",
        "clip scale": "awpo/clip_scale",
    }.items():
        if key in data:
            parts.append(f"{label} {data[key]:.2f}")
    parts.append(f"{data['timing_s/step']:.0f} s")
    return "  ".join(parts) + (f"  held-out: {held}" if held else "")


def success_table(run: Run) -> str:
    """Held-out success before and after, by difficulty, with the standard error of each share."""
    lines = ["", f"Held-out success, sampled at temperature 1 ({run.folder.name})", ""]
    lines.append(f"{'difficulty':12}{'before':>16}{'after':>16}{'prompts':>10}")
    for level in LEVELS:
        curve = run.heldout(level)
        if len(curve) < 2:
            continue
        prompts = run.heldout_prompts
        before, after = curve[0][1], curve[-1][1]
        lines.append(f"{level:12}{_share(before, prompts):>16}{_share(after, prompts):>16}{prompts:>10}")
    return "\n".join([*lines, ""])


def sample_rollouts(run: Run, count: int) -> str:
    """The same held-out prompts before and after: from the most improved to the least, evenly spread."""
    first, last = min(run.rollouts), max(run.rollouts)
    after = {_prompt(row): row for row in run.rollouts[last]}
    pairs = [(row, after[_prompt(row)]) for row in run.rollouts[first] if _prompt(row) in after]
    pairs.sort(key=lambda pair: pair[0]["score"] - pair[1]["score"])  # stable
    picked = pairs[:: max(1, len(pairs) // count)][:count] if count < len(pairs) else pairs
    blocks = []
    for before_row, after_row in picked:
        question = before_row["input"].rstrip().rsplit("user\n", 1)[-1].removesuffix("assistant").strip()
        blocks.append(
            f"--- {question}\nexpected: {_expected(before_row['gts'])}\n"
            f"before (outcome {before_row['score']:g}):\n{_indent(before_row['output'])}\n"
            f"after  (outcome {after_row['score']:g}):\n{_indent(after_row['output'])}\n"
        )
    return "\n".join(blocks)


def _prompt(row: Record) -> tuple[str, str]:
    """What tells a prompt from others: the same question may be asked at different desks."""
    return row["input"], str(row["gts"])


def _expected(ground_truth: str) -> str:
    """A ground truth as a reader wants it: of a stateful environment, the calls alone."""
    calls = json.loads(ground_truth).get("trajectory")
    return json.dumps(calls) if calls is not None else ground_truth


def draw_curves(runs: list[Run], path: Path) -> None:
    """Held-out success by difficulty, reward parts, and what the gate did, over training steps."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    for run, style in zip(runs, ("-", "--", ":"), strict=False):
        suffix = f" ({run.folder.name})" if len(runs) > 1 else ""
        for level, color in zip(LEVELS, ("tab:green", "tab:orange", "tab:red"), strict=True):
            _line(axes[0], run.heldout(level), level + suffix, color=color, linestyle=style, marker="o")
        for key, label, color in (
            ("critic/score/mean", "outcome", "tab:blue"),
            ("awpo/reasoning/mean", "reasoning", "tab:purple"),
        ):
            _line(axes[1], _series(run, key), label + suffix, color=color, linestyle=style)
        for key, label, color in (
            ("awpo/gate/mean", "gate (1 = reasoning decides)", "tab:purple"),
            ("awpo/dead_groups_frac", "dead groups (GRPO learns nothing)", "tab:gray"),
            ("awpo/clip_scale", "clip scale", "tab:cyan"),
        ):
            _line(axes[2], _series(run, key), label + suffix, color=color, linestyle=style)
    for axis, title in zip(
        axes, ("Held-out success", "Reward parts on training prompts", "What AWPO did"), strict=True
    ):
        axis.set(title=title, xlabel="training step", ylim=(-0.03, 1.03))
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize=8)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _series(run: Run, key: str) -> list[tuple[int, float]]:
    return [(r["step"], r["data"][key]) for r in run.records if key in r["data"]]


def _line(axis: Any, points: list[tuple[int, float]], label: str, **style: Any) -> None:
    if points:
        axis.plot([x for x, _ in points], [y for _, y in points], label=label, **style)


def _share(p: float, n: int) -> str:
    return f"{p:.2f} ± {math.sqrt(p * (1 - p) / n):.2f}" if n else f"{p:.2f}"


def _indent(text: str) -> str:
    return "\n".join("    " + line for line in text.strip().splitlines())
