"""Entry point `verl.plugins`: verl imports this module in each process that imports verl (driver, Ray, vLLM).

verl 0.9.1 loads the entry point while `verl/__init__` still runs. It does not call it, and it hides what it raises in a
debug line. So the module calls `register()` itself, imports little (each seam is put in place when verl imports its own
module, see integration/hooks.py), and prints on stderr what went wrong.
"""

from __future__ import annotations

import functools
import sys
from importlib import metadata
from typing import Any

from awpo_verl.versions import SUPPORTED_VERL, version_problem


def register() -> None:
    """Register AWPO with verl, once. Never raises, because a run that does not use AWPO must not stop.

    If AWPO cannot be registered, the reason is printed on stderr now, and a config with adv_estimator=awpo is refused
    in the driver, with the same text, before Ray starts.
    """
    global _registered
    if _registered:
        return
    _registered = True
    problem = version_problem(_verl_version())
    if problem is None:
        try:
            from awpo_verl.integration import hooks

            hooks.install()
        except Exception as error:  # noqa: BLE001  # verl would hide it; it is printed below
            problem = (
                f"AWPO could not be registered with verl {_verl_version()}: {type(error).__name__}: {error}. "
                "algorithm.adv_estimator=awpo will be refused. Reinstall awpo_verl with what it needs (pip install "
                f'awpo_verl "verl{SUPPORTED_VERL}"), and check that nothing else patches verl.'
            )
    if problem is not None:
        print(f"awpo_verl: {problem}", file=sys.stderr, flush=True)
        try:
            _refuse_awpo(problem)
        except Exception as error:  # noqa: BLE001  # verl refuses an unknown estimator itself, later
            print(
                f"awpo_verl: it cannot be refused early either: {type(error).__name__}: {error}",
                file=sys.stderr,
                flush=True,
            )


def _refuse_awpo(problem: str) -> None:
    """Stop a config with adv_estimator=awpo in the driver, in any version of verl, with this message."""
    import verl.utils.config as module

    from awpo_verl.config import AWPOConfigError

    original = module.validate_config

    @functools.wraps(original)
    def validate(*args: Any, **kwargs: Any) -> Any:
        config = args[0] if args else next(iter(kwargs.values()))
        if config.algorithm.adv_estimator == "awpo":
            raise AWPOConfigError(f"algorithm.adv_estimator=awpo: {problem}")
        return original(*args, **kwargs)

    module.validate_config = validate


def _verl_version() -> str:
    """verl's version. verl states it itself, because a checkout on PYTHONPATH has no distribution."""
    return getattr(sys.modules.get("verl"), "__version__", None) or metadata.version("verl")


_registered = False
register()
