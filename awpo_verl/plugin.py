"""Entry point `verl.plugins`: verl imports this module in every process that imports verl (driver, Ray, vLLM).

verl 0.9.1 loads the entry point without calling it, while `verl/__init__` still runs, and swallows whatever it raises
(a debug line). So the module calls `register()` itself at the end, stays light (each piece is hung on the verl module
that it belongs to and runs when that module is imported), and says on stderr what went wrong.
"""

from __future__ import annotations

import functools
import sys
from importlib import metadata
from typing import Any

from awpo_verl.versions import SUPPORTED_VERL, version_problem


def register() -> None:
    """Hang AWPO on verl; idempotent. Never raises: a run that does not use AWPO must not stop because of it.

    If AWPO cannot be registered, that is said on stderr now, and a config that asks for AWPO is refused in the driver,
    with the same words, before Ray starts.
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
        except Exception as error:  # noqa: BLE001  # verl would swallow it: said below, and refused where it matters
            problem = (
                f"AWPO could not be registered with verl {_verl_version()}: {type(error).__name__}: {error}. "
                "algorithm.adv_estimator=awpo will be refused. Reinstall awpo_verl with what it needs (pip install "
                f'awpo_verl "verl{SUPPORTED_VERL}"), and check that nothing else patches verl.'
            )
    if problem is not None:
        print(f"awpo_verl: {problem}", file=sys.stderr, flush=True)
        try:
            _refuse_awpo(problem)
        except Exception as error:  # noqa: BLE001  # verl refuses an estimator that it does not know, in its own words
            print(
                f"awpo_verl: nor can it be refused early: {type(error).__name__}: {error}", file=sys.stderr, flush=True
            )


def _refuse_awpo(problem: str) -> None:
    """Make a config that asks for AWPO stop in the driver, with this message. Knows as little of verl as it can."""
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
    """verl's own word for it: a checkout on PYTHONPATH has no distribution."""
    return getattr(sys.modules.get("verl"), "__version__", None) or metadata.version("verl")


_registered = False
register()
