"""Check the imports of torch and verl, in a process of its own: an import may fail, hang or crash.

    python -m awpo_verl.workbench.doctor.probe [--ray]

Prints a JSON line when each stage begins and ends, so that the stage of a crash is known. verl's own output goes to
stderr.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

CLASHING = ("torchvision", "torchaudio")  # built for one version of torch; transformers imports them if installed


def main() -> int:
    """Run all stages; a stage that raises does not end the others."""
    stages: dict[str, Callable[[], dict[str, Any]]] = {"torch": _torch}
    for name in CLASHING:
        if importlib.util.find_spec(name):
            stages[name] = lambda name=name: _import(name)
    stages |= {"plugin": inspect_plugin, "seams": _seams}
    if "--ray" in sys.argv:
        stages["ray"] = _in_a_ray_worker
    for name, stage in stages.items():
        # names the stage, in case the process ends in it
        print(json.dumps({"stage": "began", "name": name}), flush=True)
        with contextlib.redirect_stdout(sys.stderr):
            try:
                found = stage()
            except Exception as error:  # noqa: BLE001  # whatever it raises is the result
                found = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps({"stage": name} | found), flush=True)
    return 0


def _torch() -> dict[str, Any]:
    import torch

    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    }


def _import(name: str) -> dict[str, Any]:
    return {"version": importlib.import_module(name).__version__}


def inspect_plugin() -> dict[str, Any]:
    """Whether verl has loaded AWPO in this process, and which seams failed."""
    import verl
    from verl.trainer.ppo import core_algos

    given = {
        "version": verl.__version__,
        "folder": str(verl.__path__[0]),
        "loaded": "awpo_verl.plugin" in sys.modules,
        "registered": "awpo" in core_algos.ADV_ESTIMATOR_REGISTRY and "awpo" in core_algos.POLICY_LOSS_REGISTRY,
    }
    patching = sys.modules.get("awpo_verl.integration.patching")
    return given | {"failures": list(patching.FAILURES) if patching else []}


def _seams() -> dict[str, Any]:
    from awpo_verl.integration.check_seams import check_all_seams

    return {"seams": [asdict(status) for status in check_all_seams()]}


def _in_a_ray_worker() -> dict[str, Any]:
    import ray

    ray.init(address="local", num_cpus=1, include_dashboard=False)
    try:
        return ray.get(ray.remote(inspect_plugin).remote(), timeout=300)
    finally:
        ray.shutdown()


if __name__ == "__main__":
    sys.exit(main())
