"""`awpo-verl doctor`: would AWPO train in this environment? If not, why not, and what to do.

First it checks what needs no import (installed.py, machine.py), then the imports in a process of their own (probe.py),
and last the user's command line (preflight/).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from awpo_verl.integration.keys import on_cpu
from awpo_verl.versions import SUPPORTED_VERL
from awpo_verl.workbench.doctor.installed import INSTALL, check_entry_point, check_others, check_python, check_verl
from awpo_verl.workbench.doctor.machine import check_disk, check_shared_memory
from awpo_verl.workbench.doctor.probe import CLASHING
from awpo_verl.workbench.doctor.seam_findings import check_seams
from awpo_verl.workbench.preflight.findings import Finding, error, ok, warning

PATIENCE = 900  # seconds for all imports and a Ray worker; a cold machine needs minutes


def examine_environment(keys: Sequence[str], gpu: str, with_ray: bool) -> list[Finding]:
    """Run all checks. Findings that explain others come first.

    Args:
        keys: verl's command line; [] to check only the environment.
        gpu: the kind of GPU to estimate for if this machine has none (preflight/estimate.py).
        with_ray: start a Ray worker and check it too.
    """
    findings = [check_python(), check_verl(), check_entry_point()]
    stages = run_probe(with_ray)
    has_gpu = bool(stages.get("torch", {}).get("gpus"))
    findings += [*check_others(has_gpu), *check_torch(stages)]
    findings += [*check_disk(Path.cwd(), has_gpu), check_shared_memory(has_gpu)]
    if not any(finding.level == "error" and finding.subject in ("verl", "plugin") for finding in findings):
        findings += [check_loaded("plugin", stages.get("plugin"))]
        findings += [check_loaded("ray worker", stages.get("ray"))] if with_ray else []
    findings += check_seams(stages.get("seams", {}))
    if keys and not any(finding.level == "error" for finding in findings):
        findings += check_keys(keys, gpu)
    return findings


def run_probe(with_ray: bool) -> dict[str, dict[str, Any]]:
    """Run probe.py and return its result for each stage.

    If the process ends early, the result of its last stage is an error, and later stages are missing.
    """
    command = [sys.executable, "-m", "awpo_verl.workbench.doctor.probe", *(["--ray"] if with_ray else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
        output, died = done.stdout, f"exit code {done.returncode}" if done.returncode else ""
        died += ": " + done.stderr.strip().splitlines()[-1] if died and done.stderr.strip() else ""
    except subprocess.TimeoutExpired as late:
        output, died = _text(late.stdout), f"no answer in {PATIENCE} s"
    stages = {row.pop("stage"): row for row in map(json.loads, filter(_is_row, output.splitlines()))}
    last = stages.pop("began", {"name": "torch"})["name"]
    return stages | ({last: {"error": f"the checking process ended here ({died})"}} if died else {})


def _text(output: bytes | str | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""


def _is_row(line: str) -> bool:
    return line.startswith('{"stage"')


def check_torch(stages: dict[str, dict[str, Any]]) -> list[Finding]:
    """torch can be imported and sees the GPUs, and packages that are built for it match."""
    torch = stages.get("torch") or {"error": "the checking process gave no result"}
    if "error" in torch:
        return [error("torch", f"import torch fails: {torch['error']}. Reinstall it: requirements/ has the versions.")]
    findings = [ok("torch", f"{torch['version']}, {'CUDA ' + torch['cuda'] if torch['cuda'] else 'for the CPU'}")]
    if torch["gpus"]:
        findings.append(ok("gpus", f"{len(torch['gpus'])} ({torch['gpus'][0]})"))
    elif on_cpu():
        findings.append(ok("gpus", "VERL_PLATFORM=cpu: none needed"))
    else:
        why = "this torch is built for the CPU" if not torch["cuda"] else "nvidia-smi says whether the driver sees one"
        findings.append(
            warning("gpus", f"torch sees none ({why}). VERL_PLATFORM=cpu trains tiny models without a GPU: make demo.")
        )
    for name in CLASHING:
        if "error" in stages.get(name, {}):
            findings.append(
                error(
                    name,
                    f"it does not match torch {torch['version']}, and transformers imports it if it is installed: "
                    f"{stages[name]['error'].splitlines()[0]}. pip uninstall {name}, or install the build for this "
                    "torch.",
                )
            )
    return findings


def check_loaded(subject: str, stage: dict[str, Any] | None) -> Finding:
    """verl has loaded AWPO in a process.

    Args:
        subject: names the process. stage: the probe's result for it.
    """
    if stage is None:
        return error(subject, "not known: the checking process ended before this check.")
    if "error" in stage:
        return error(subject, f"verl could not be imported there: {stage['error']}")
    if not stage["loaded"]:
        return error(
            subject,
            f"verl {stage['version']} ({stage['folder']}) has not loaded it: {INSTALL}.",
        )
    if stage["failures"] or not stage["registered"]:
        reason = " ".join(stage["failures"]) or "AWPO is not in verl's registries; its message is on verl's stderr."
        return error(subject, f'{reason} pip install "verl{SUPPORTED_VERL}".')
    return ok(subject, f"loaded and registered in verl {stage['version']} ({stage['folder']})")


def check_keys(keys: Sequence[str], gpu: str) -> list[Finding]:
    """The command line composes. Shows what AWPO implies, and runs the checks of `awpo-verl train`."""
    from awpo_verl.workbench.preflight.checks import run_checks
    from awpo_verl.workbench.preflight.compose import ComposeError, compose_config
    from awpo_verl.workbench.preflight.gpus import Machine

    try:
        composed = compose_config(keys)
    except ComposeError as refused:
        return [error("config", str(refused))]
    remarks = [line for line in composed.remarks.splitlines() if line.startswith("[awpo]")]
    implied = "\n".join(line.removeprefix("[awpo]").rstrip() for line in remarks)
    estimator = composed.config.algorithm.adv_estimator
    text = implied or f" algorithm.adv_estimator={estimator}: this run does not use AWPO"
    return [
        ok("config", f"it composes.{text}"),
        *run_checks(composed.config, Machine.here(), gpu),
    ]
