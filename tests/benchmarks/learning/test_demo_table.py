"""The demos' table: means over seeds of what verl's validation logged, and a picture."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_runs_are_averaged_by_algorithm_and_level(tmp_path: Path) -> None:
    for name, hard in {"awpo-seed0": (0.0, 0.5), "awpo-seed1": (0.1, 0.7), "grpo-seed0": (0.0, 0.0)}.items():
        (tmp_path / name).mkdir()
        levels = [{"easy": 1.0, "medium": 0.2, "hard": value} for value in hard]
        data = [{f"val-core/shop_{level}/acc/mean@1": v for level, v in one.items()} for one in levels]
        steps = [(0, data[0]), (1, {"critic/score/mean": 0.3}), (12, data[1])]
        lines = [json.dumps({"step": step, "data": logged}) for step, logged in steps]
        (tmp_path / name / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    picture = tmp_path / "curves.png"
    runs = [str(folder) for folder in sorted(tmp_path.iterdir()) if folder.is_dir()]
    command = [sys.executable, "-m", "benchmarks.learning.demo_table", *runs, "--picture", str(picture)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "| hard | awpo | 0.05 (0.00 to 0.10) | 0.60 (0.50 to 0.70) | 2 |" in done.stdout
    assert "| hard | grpo | 0.00 (0.00 to 0.00) | 0.00 (0.00 to 0.00) | 1 |" in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
