"""What can only be learned by importing torch and verl, in a process of its own: an import may fail, hang or crash.

    python -m awpo_verl.workbench.doctor.probe [--ray]

Prints a JSON line as each stage begins and as it ends, so that a crash is told with its stage. What verl prints goes to
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

CLASHING = ("torchvision", "torchaudio")  # built for one version of torch; transformers imports them where they are


def main() -> int:
    """Runs the stages; one that fails ends only itself."""
    stages: dict[str, Callable[[], dict[str, Any]]] = {"torch": _torch}
    for name in CLASHING:
        if importlib.util.find_spec(name):
            stages[name] = lambda name=name: _import(name)
    stages |= {"plugin": plugin, "seams": _seams}
    if "--ray" in sys.argv:
        stages["ray"] = _in_a_ray_worker
    for name, stage in stages.items():
        print(json.dumps({"stage": "began", "name": name}), flush=True)  # which one, should it not live to its end
        with contextlib.redirect_stdout(sys.stderr):
            try:
                found = stage()
            except Exception as error:  # noqa: BLE001  # what it is, is what is asked
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


def plugin() -> dict[str, Any]:
    """Whether verl has loaded AWPO in this process, and what was amiss."""
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
        return ray.get(ray.remote(plugin).remote(), timeout=300)
    finally:
        ray.shutdown()


if __name__ == "__main__":
    sys.exit(main())
