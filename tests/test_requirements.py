"""setup.py: what the plugin and the workbench import is declared, and the pins of the extra `gpu` are verl's own."""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from awpo_verl.versions import SUPPORTED_VERL
from awpo_verl.workbench.command import EXTRAS
from tests.package_sets import (
    WORKBENCH,
    closure,
    names,
    plugin_modules,
    setup_arguments,
    third_party,
    workbench_modules,
)
from tests.paths import ROOT

SETUP = setup_arguments()
PLUGIN = SETUP["install_requires"]
EXTRA = SETUP["extras_require"]

# Import name -> the requirement of the plugin that brings it. Its own requirement would only repeat the version.
BROUGHT = {
    "tensordict": "verl",
    "ray": "verl",
    "pydantic": "verl",  # through ray[default]
    "psutil": "verl",  # through accelerate
    "tensorboard": "verl",
    "google": "verl",  # protobuf, through tensorboard
    "referencing": "jsonschema",
    "yaml": "omegaconf",
}
# verl's v1 trainer imports TransferQueue, and so do functions that only this trainer calls. verl names it in its extra
# verl-core, whose other packages (torchcodec) fail beside a CPU torch.
OF_VERLS_TRAINER = {"transfer_queue"}
# The one script that runs in bfcl-eval's own environment (requirements/bfcl.txt).
IN_ANOTHER_ENVIRONMENT = WORKBENCH / "bfcl" / "inside_bfcl_eval.py"


INSTALLED = packages_distributions()


def distributions_of(module: str) -> set[str]:
    """Canonical names of the distributions that have this top-level module."""
    return set(map(canonicalize_name, INSTALLED.get(module, [module])))


def undeclared_imports(paths: list[Path], declared: set[str], allowed: Collection[str]) -> dict[str, list[str]]:
    """File -> modules that it imports, are not allowed as they are, and whose distribution is not declared."""
    found = {
        str(path.relative_to(ROOT)): sorted(
            module for module in third_party(path) - set(allowed) if not distributions_of(module) & declared
        )
        for path in paths
    }
    return {path: modules for path, modules in found.items() if modules}


def test_a_training_worker_needs_few_packages() -> None:
    assert len(PLUGIN) <= 12
    assert f"verl{SUPPORTED_VERL}" in PLUGIN


def test_what_the_plugin_imports_is_required() -> None:
    allowed = BROUGHT.keys() | OF_VERLS_TRAINER
    assert undeclared_imports(plugin_modules(), names(PLUGIN), allowed) == {}


def test_what_is_brought_along_is_required_by_what_brings_it() -> None:
    for module, requirement in BROUGHT.items():
        (line,) = [line for line in PLUGIN if Requirement(line).name == requirement]
        assert distributions_of(module) & closure([line]), module


def test_every_requirement_of_the_plugin_is_imported_by_it() -> None:
    imported = set[str]().union(*(distributions_of(m) for path in plugin_modules() for m in third_party(path)))
    assert names(PLUGIN) <= imported


def test_what_the_workbench_imports_is_in_its_extra() -> None:
    paths = [path for path in workbench_modules() if path != IN_ANOTHER_ENVIRONMENT]
    assert undeclared_imports(paths, names([*PLUGIN, *EXTRA["workbench"]]), BROUGHT.keys()) == {}


def test_every_requirement_of_the_extra_workbench_is_imported_by_it() -> None:
    imported = set[str]().union(*(distributions_of(m) for path in workbench_modules() for m in third_party(path)))
    assert names(EXTRA["workbench"]) <= imported


@pytest.mark.parametrize("extra", ["workbench", "judge"])
def test_the_command_knows_the_packages_of_its_extras_by_their_import_names(extra: str) -> None:
    assert names(EXTRA[extra]) == set[str]().union(*map(distributions_of, EXTRAS[extra]))


def test_the_pinned_cpu_environment_has_every_extra_but_gpu() -> None:
    pinned = names(line for line in Path("requirements/cpu.txt").read_text().splitlines() if line and line[0] != "#")
    assert names([*PLUGIN, *EXTRA["workbench"], *EXTRA["judge"]]) <= pinned


def test_gpu_pins_go_with_verls_own() -> None:
    lines = Path("requirements/gpu.txt").read_text().splitlines()
    ours = {need.name: need for need in map(Requirement, (line for line in lines if line and line[0] != "#"))}
    assert ours["verl"].extras == {"vllm", "fsdp"}
    assert ours.pop("verl").specifier == SpecifierSet(SUPPORTED_VERL)
    environments = [{"extra": extra} for extra in ("vllm", "fsdp", "flash-attn-cu130torch211")]
    theirs: dict[str, SpecifierSet] = {}
    for need in map(Requirement, requires("verl") or []):
        if need.marker is not None and any(need.marker.evaluate(environment) for environment in environments):
            theirs.setdefault(need.name, SpecifierSet())
            theirs[need.name] &= need.specifier
    assert set(ours) == {"torch", "vllm", "transformers", "flash-attn"}
    for name, need in ours.items():
        assert need.specifier == theirs[name], name
