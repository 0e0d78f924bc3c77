"""Small runs made by hand, in each form that verl logs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Steps = Sequence[tuple[int, Mapping[str, Any]]]


def write_jsonl(path: Path, steps: Steps, torn: str = "") -> Path:
    """As verl's file logger writes it; `torn` is what stands after the last line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"step": n, "data": data}) + "\n" for n, data in steps) + torn)
    return path


def write_dump(folder: Path, step: int, rows: Iterable[Mapping[str, Any]]) -> Path:
    """As verl dumps rollouts."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{step}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rollout(question: str = "Buy 2 kites.", output: str = "<think>2</think>", score: float = 0.0, **more: Any) -> dict:
    """A line of a dump, with a call that was expected."""
    truth = json.dumps({"tool_calls": [{"name": "buy", "arguments": {"n": 2}}], "tools": []})
    parts = {"outcome": score, "reasoning": 0.5, "reasoning_valid": 1.0}
    asked = f"system\nBe brief.\nuser\n{question}\nassistant\n"
    return {"input": asked, "output": output, "gts": truth, "score": score, **parts, **more}


def constant(metric: str, value: float, steps: int = 60) -> Steps:
    """A metric that never changes, from step 1."""
    return [(step, {metric: value}) for step in range(1, steps + 1)]


def awpo_run(folder: Path, steps: int = 12, judge: bool = False) -> Path:
    """A healthy AWPO run of so many steps, validated at its first and last, with dumps of both."""
    lines: list[tuple[int, dict[str, Any]]] = []
    for step in range(steps + 1):
        share = step / steps
        data: dict[str, Any] = {}
        if step in {0, steps}:
            data |= {f"val-core/{source}/acc/mean@1": 0.2 + 0.6 * share for source in ("books", "films")}
        if step:
            data |= {
                "critic/score/mean": 0.2 + 0.4 * share,
                "critic/score/min": 0.0,
                "critic/score/max": 1.0,
                "awpo/outcome/mean": 0.2 + 0.4 * share,
                "awpo/reasoning/mean": 0.3 + 0.4 * share,
                "awpo/reasoning_valid_frac": 1.0,
                "awpo/gate/mean": 0.9 - 0.3 * share,
                "awpo/difficulty/mean": 1.0 + 0.1 * share,
                "awpo/dead_groups_frac": 0.6 - 0.3 * share,
                "awpo/rescued_groups_frac": 0.95,
                "awpo/clip_scale": 0.86 + 0.03 * share,
                "awpo/sign_conflict_frac": 0.05,
                "awpo/outcome_reasoning_corr": 0.4,
                "awpo/outcome_reasoning_corr_in_groups": 0.3,
                "actor/entropy": 0.4 - 0.1 * share,
                "actor/grad_norm": 0.3,
                "response_length/mean": 80.0 + 10.0 * share,
                "timing_s/step": 20.0,
            }
            if judge:
                data |= {
                    "awpo/judge/valid_frac": 1.0,
                    "awpo/judge/latency_p99": 2.0,
                    "awpo/judge/failed_total/timeout": 0.0,
                }
        lines.append((step, data))
    write_jsonl(folder / "metrics.jsonl", lines)
    questions = [f"Question {n}?" for n in range(3)]
    write_dump(folder / "validation", 0, [rollout(q, "<think>?</think> early", 0.0) for q in questions])
    write_dump(folder / "validation", steps, [rollout(q, "<think>!</think> late", 1.0) for q in questions])
    return folder


def grpo_run(folder: Path, steps: int = 12) -> Path:
    """verl's own GRPO, without this package's reward manager: no awpo/* metrics."""
    lines = [
        (n, {"critic/score/mean": 0.3 + n / 100, "actor/grad_norm": 0.2, "timing_s/step": 18.0})
        for n in range(1, steps + 1)
    ]
    lines[-1][1]["val-core/books/acc/mean@1"] = 0.5
    lines[-1][1]["val-core/films/acc/mean@1"] = 0.4
    write_jsonl(folder / "metrics.jsonl", lines)
    write_dump(folder / "validation", steps, [rollout(f"Question {n}?", "grpo's", 0.0) for n in range(3)])
    return folder
