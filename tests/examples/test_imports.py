"""The package stands alone: examples import it, and it imports no example."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.paths import ROOT


def imported(file: Path) -> set[str]:
    """The top-level packages that a file imports, at its top or in a function."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def test_nothing_in_the_package_imports_examples() -> None:
    files = sorted((ROOT / "awpo_verl").rglob("*.py"))
    assert len(files) > 100
    assert [file for file in files if {"examples", "tests", "benchmarks"} & imported(file)] == []
