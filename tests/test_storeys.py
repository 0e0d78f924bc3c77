"""Two storeys: the plugin runs without the workbench's packages, and imports go down only."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from awpo_verl.workbench.command import EXTRAS
from tests.package_sets import (
    PACKAGE,
    WORKBENCH,
    closure,
    imported_modules,
    module_name,
    plugin_modules,
    setup_arguments,
    workbench_modules,
)
from tests.paths import ROOT

# Highest first. A folder imports from those after it. plugin.py starts integration, so it stands beside it.
STOREYS = ("workbench", "integration", "rewards", "algorithm", "config", "versions")
BESIDE = {"plugin": "integration", "__init__": "versions"}

# The names that the config accepts are derived from the tables of the functions they stand for.
UPWARD = {
    ("config/method.py", "awpo_verl.algorithm.gate"),
    ("config/method.py", "awpo_verl.algorithm.difficulty"),
    ("config/reference.py", "awpo_verl.algorithm.gate"),
    ("config/reference.py", "awpo_verl.algorithm.difficulty"),
}

BLOCKER = """
import sys
from importlib.abc import MetaPathFinder

class Blocker(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"{name} is blocked by the test", name=name)

BLOCKED = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Blocker())
"""


def run_without(modules: set[str], code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process in which these top-level modules cannot be imported."""
    command = [sys.executable, "-c", BLOCKER + code, ",".join(sorted(modules)), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def modules_only_in_extras() -> set[str]:
    """Top-level modules that the extras workbench and judge bring, and the plugin's requirements do not."""
    setup = setup_arguments()
    extras = [*setup["extras_require"]["workbench"], *setup["extras_require"]["judge"]]
    only = closure(extras) - closure(setup["install_requires"])
    return {
        module
        for module, distributions in packages_distributions().items()
        if set(map(canonicalize_name, distributions)) <= only
    }


def test_every_module_of_the_plugin_is_imported_without_the_packages_of_the_extras() -> None:
    blocked = modules_only_in_extras()
    assert {"matplotlib", "openai"} <= blocked
    code = """
from importlib import import_module
for name in sys.argv[2:]:
    import_module(name)
workbench = [name for name in sys.modules if name.startswith(("awpo_verl.workbench", "examples"))]
print(len(sys.argv[2:]), workbench)
"""
    plugin = [module_name(path) for path in plugin_modules()]
    done = run_without(blocked, code, *plugin)
    assert done.stdout.strip().endswith(f"{len(plugin)} []"), done.stderr[-3000:]


def storey_of(part: str) -> int:
    """The place in STOREYS of a part of the package: a folder, or a module at its top."""
    return STOREYS.index(BESIDE.get(part, part))


def upward_imports(path: Path) -> set[tuple[str, str]]:
    """(file, module) for each module of a higher storey, or outside of the package, that a file imports."""
    own = path.relative_to(PACKAGE).with_suffix("").parts[0]
    found: set[str] = set()
    for name in imported_modules(path):
        project, _, inner = name.partition(".")
        target = inner.partition(".")[0]
        above = (target in STOREYS or target in BESIDE) and storey_of(target) < storey_of(own)
        if project in ("examples", "benchmarks", "tests") or (project == "awpo_verl" and above):
            found.add(name)
    modules = {name for name in found if not any(name.startswith(f"{other}.") for other in found)}
    return {(str(path.relative_to(PACKAGE)), name) for name in modules}


def test_imports_go_down_only() -> None:
    files = [*plugin_modules(), *workbench_modules()]
    assert set[tuple[str, str]]().union(*map(upward_imports, files)) == UPWARD


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [("typer", ["--version"]), ("typer", ["score", "--help"]), ("typer", []), ("rich", ["score", "rollouts.jsonl"])],
)
def test_the_command_names_the_extra_that_it_lacks(missing: str, arguments: list[str]) -> None:
    code = """
sys.argv = ["awpo-verl", *sys.argv[2:]]
from awpo_verl.workbench.command import main
main()
"""
    done = run_without({missing}, code, *arguments)
    assert done.returncode == 2
    message = f"awpo-verl needs the extra workbench ({missing} is missing): pip install 'awpo_verl[workbench]'.\n"
    assert done.stderr == message


def test_the_module_run_as_a_script_is_the_command() -> None:
    code = """
import runpy
sys.argv = ["awpo-verl", "--version"]
runpy.run_module("awpo_verl", run_name="__main__")
"""
    done = run_without({"typer"}, code)
    assert (done.returncode, done.stdout) == (2, "")
    assert "awpo-verl needs the extra workbench (typer is missing)" in done.stderr


def test_a_subcommand_names_the_extra_too(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "data": {"critic/score/mean": 0.5}}\n')
    code = """
sys.argv = ["awpo-verl", "report", *sys.argv[2:]]
from awpo_verl.workbench.command import main
main()
"""
    done = run_without({"matplotlib"}, code, str(tmp_path))
    assert done.returncode == 2, done.stderr
    assert "awpo-verl needs the extra workbench (matplotlib is missing)" in done.stderr


def test_another_missing_module_is_not_taken_for_an_extra() -> None:
    code = """
sys.modules["awpo_verl.workbench.cli"] = None
from awpo_verl.workbench.command import main
main()
"""
    done = run_without({"no_such_module"}, code)
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr
    assert "needs the extra" not in done.stderr


def test_the_command_itself_imports_the_standard_library_only() -> None:
    for path in (WORKBENCH / "command.py", PACKAGE / "__main__.py"):
        others = {name.partition(".")[0] for name in imported_modules(path)} - {"awpo_verl", "__future__"}
        assert others <= sys.stdlib_module_names
    assert set(EXTRAS) == {"workbench", "judge"}
