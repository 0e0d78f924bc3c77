"""Check disk and shared memory: without room, a run ends after hours."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from awpo_verl.workbench.preflight.checks import nearest_existing
from awpo_verl.workbench.preflight.estimate import GIB
from awpo_verl.workbench.preflight.findings import Finding, ok, warning

RAY_REFUSES = 0.95  # share of the disk in use from which Ray refuses to spill (local_fs_capacity_threshold)


def check_disk(work: Path, has_gpu: bool) -> list[Finding]:
    """There is room for models, checkpoints and Ray.

    Args:
        work: the folder where the run would write.
        has_gpu: real models need about 10 GiB, and 50 GiB for each checkpoint; the demo's need about 10 MiB.
    """
    needed = 100 * GIB if has_gpu else 2 * GIB
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    findings = []
    for subject, folder in {"disk": work, "models": home}.items():
        free = shutil.disk_usage(nearest_existing(folder)).free
        room = f"{free / GIB:.0f} GiB free for {folder}"
        findings.append(
            ok(subject, room) if free >= needed else warning(subject, f"{room}: a run with checkpoints may fill it.")
        )
    temporary = Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir())
    usage = shutil.disk_usage(nearest_existing(temporary))
    if usage.used / usage.total > RAY_REFUSES:
        findings.append(
            warning(
                "ray disk",
                f"{temporary} is on a disk that is {usage.used / usage.total:.0%} full: Ray refuses to "
                f"spill objects above {RAY_REFUSES:.0%}. Free some, or set RAY_TMPDIR.",
            )
        )
    return findings


def check_shared_memory(has_gpu: bool, folder: Path = Path("/dev/shm")) -> Finding:
    """Shared memory has room for Ray's objects, NCCL and vLLM's weight transfer. A container's default is 64 MiB."""
    if not folder.is_dir():
        return warning("shm", f"there is no {folder}: Ray puts its objects on disk, which is slow.")
    total = shutil.disk_usage(folder).total
    needed = 16 * GIB if has_gpu else GIB
    if total < needed:
        return warning(
            "shm",
            f"{folder} has {total / GIB:.2g} GiB, {needed // GIB} are advised: Ray's objects go to disk and workers "
            "may die of bus errors. In a container: --shm-size=32g, or --ipc=host.",
        )
    return ok("shm", f"{total / GIB:.0f} GiB")
