"""What the demo shows of a run: a line for each step, held-out success before and after, sample rollouts, curves."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from awpo_verl.workbench.report.curves import Curve
from awpo_verl.workbench.report.dumps import count_rows, index_dump, pick_improved
from awpo_verl.workbench.report.figures import Line, Panel, save_png
from awpo_verl.workbench.report.runs import TrainingRun
from awpo_verl.workbench.report.success import data_source_of, heldout_curves

Record = dict[str, Any]  # one line of metrics.jsonl: {"step": int, "data": {metric: number}}
LEVELS = ("easy", "medium", "hard")


def last_checkpoint(folder: Path) -> Path:
    """The Hugging Face folder of a run's last checkpoint."""
    steps = sorted(folder.glob("checkpoints/global_step_*"), key=lambda path: int(path.name.rsplit("_", 1)[1]))
    if not steps:
        raise FileNotFoundError(f"{folder}/checkpoints has no global_step_*: the run did not save a checkpoint.")
    return steps[-1] / "actor" / "huggingface"


def heldout_of(run: TrainingRun, level: str) -> Curve | None:
    """The held-out success of a level, which is the data source `<task>_<level>`."""
    return next((curve for source, curve in heldout_curves(run.curves).items() if source.endswith(f"_{level}")), None)


def heldout_success(data: Record, level: str) -> float | None:
    """The held-out success of a level in one record; None where this step had no validation."""
    return next((value for key, value in data.items() if (data_source_of(key) or "").endswith(f"_{level}")), None)


def step_line(record: Record, steps: int) -> str | None:
    """The line of a training step, or of the validation before training; None where there is nothing to show."""
    data = record["data"]
    held = "  ".join(f"{level} {value:.2f}" for level in LEVELS if (value := heldout_success(data, level)) is not None)
    if "critic/score/mean" not in data:
        return f"step {record['step']:3d}/{steps}  held-out: {held}" if held else None
    parts = [f"step {record['step']:3d}/{steps}", f"outcome {data['critic/score/mean']:.2f}"]
    for label, key in {
        "reasoning": "awpo/reasoning/mean",
        "gate": "awpo/gate/mean",
        "silent groups": "awpo/dead_groups_frac",
        "rescued": "awpo/rescued_groups_frac",
        "clip scale": "awpo/clip_scale",
    }.items():
        if key in data:
            parts.append(f"{label} {data[key]:.2f}")
    parts.append(f"{data['timing_s/step']:.0f} s")
    return "  ".join(parts) + (f"  held-out: {held}" if held else "")


def success_table(run: TrainingRun) -> str:
    """A table of held-out success before and after training by level, with the standard error of each share."""
    lines = ["", f"Held-out success, sampled at temperature 1 ({run.name})", ""]
    lines.append(f"{'difficulty':12}{'before':>16}{'after':>16}{'prompts':>10}")
    prompts = count_rows(next(iter(run.validation.values()))) // len(LEVELS) if run.validation else 0
    for level in LEVELS:
        curve = heldout_of(run, level)
        if curve is None or len(curve) < 2:
            continue
        before, after = curve.values[0], curve.values[-1]
        lines.append(f"{level:12}{_share(before, prompts):>16}{_share(after, prompts):>16}{prompts:>10}")
    return "\n".join([*lines, ""])


def sample_rollouts(run: TrainingRun, count: int) -> str:
    """Rollouts of the same held-out prompts before and after training, from the most improved to the least."""
    before, after = (index_dump(run.validation[step]) for step in (min(run.validation), max(run.validation)))
    blocks: list[str] = []
    for key in pick_improved(before, after, count):
        first, last = before.read_rollout(key), after.read_rollout(key)
        blocks.append(
            f"--- {first.question}\nexpected: {first.expected}\n"
            f"before (outcome {first.score:g}):\n{_indent(first.response)}\n"
            f"after  (outcome {last.score:g}):\n{_indent(last.response)}\n"
        )
    return "\n".join(blocks)


def draw_curves(run: TrainingRun, path: Path) -> None:
    """Draw held-out success by level, the reward parts and what AWPO did, over training steps."""
    curves = run.curves
    panels = {
        "Held-out success": {level: heldout_of(run, level) for level in LEVELS},
        "Reward parts on training prompts": {
            "outcome": curves.get("critic/score/mean"),
            "reasoning": curves.get("awpo/reasoning/mean"),
        },
        "What AWPO did": {
            "gate (1 = reasoning decides)": curves.get("awpo/gate/mean"),
            "silent groups (GRPO learns nothing)": curves.get("awpo/dead_groups_frac"),
            "clip scale": curves.get("awpo/clip_scale"),
        },
    }
    save_png([_panel(title, found) for title, found in panels.items()], path)


def _panel(title: str, found: dict[str, Curve | None]) -> Panel:
    lines = (Line(label, curve, look) for look, (label, curve) in enumerate(found.items()) if curve is not None)
    return Panel(title, tuple(lines), limits=(-0.03, 1.03))


def _share(p: float, n: int) -> str:
    return f"{p:.2f} ± {math.sqrt(p * (1 - p) / n):.2f}" if n else f"{p:.2f}"


def _indent(text: str) -> str:
    return "\n".join("    " + line for line in text.strip().splitlines())
