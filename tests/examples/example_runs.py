"""Run and load what is in examples/."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

EXAMPLES = Path("examples")


def run(name: str, *arguments: str, cwd: Path | None = None) -> list[str]:
    """The lines that an example prints. Anything on stderr is a failure too."""
    done = subprocess.run(
        [sys.executable, str((EXAMPLES / name).resolve()), *arguments],
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def floats(line: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.\d+", line)]


def results(lines: list[str]) -> list[dict[str, Any]]:
    """The dicts that the examples of reward functions print at the end of each line."""
    return [ast.literal_eval(line[line.index("{'") :]) for line in lines]
