"""What setup.py requires, what that brings along, and what the modules import."""

from __future__ import annotations

import ast
import runpy
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any
from unittest import mock

import setuptools
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.paths import ROOT

PACKAGE = ROOT / "awpo_verl"
WORKBENCH = PACKAGE / "workbench"
COMMAND = PACKAGE / "__main__.py"  # `python -m awpo_verl`, the workbench's command


def setup_arguments() -> dict[str, Any]:
    """What setup.py passes to setuptools."""
    with mock.patch.object(setuptools, "setup") as setup:
        runpy.run_path(str(ROOT / "setup.py"))
    return setup.call_args.kwargs


def names(requirements: Iterable[str]) -> set[str]:
    """Canonical names of distributions."""
    return {canonicalize_name(Requirement(line).name) for line in requirements}


def closure(requirements: Iterable[str]) -> set[str]:
    """Canonical names of the requirements and of all that they require, by the metadata of what is installed here."""
    found: dict[tuple[str, frozenset[str]], None] = {}
    waiting = [Requirement(line) for line in requirements]
    while waiting:
        need = waiting.pop()
        key = (canonicalize_name(need.name), frozenset(need.extras))
        if key in found:
            continue
        found[key] = None
        try:
            lines = requires(need.name) or []
        except PackageNotFoundError:  # of another platform, or left out on purpose: requirements/cpu.txt
            continue
        environments = [{"extra": extra} for extra in (need.extras or {""})]
        for inner in map(Requirement, lines):
            if inner.marker is None or any(inner.marker.evaluate(environment) for environment in environments):
                waiting.append(inner)
    return {name for name, _ in found}


def plugin_modules() -> list[Path]:
    """The files of the plugin: the package without its workbench."""
    return [path for path in sorted(PACKAGE.rglob("*.py")) if WORKBENCH not in path.parents and path != COMMAND]


def workbench_modules() -> list[Path]:
    return sorted(WORKBENCH.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path: Path) -> set[str]:
    """Full names that a file imports, at its top or in its functions; `from a import b` gives both a and a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            module = str(node.module)
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found


def third_party(path: Path) -> set[str]:
    """Top-level names of other projects that a file imports."""
    tops = {name.partition(".")[0] for name in imported_modules(path)}
    return tops - {"awpo_verl", "__future__", "_typeshed"} - sys.stdlib_module_names  # _typeshed is for pyright only
