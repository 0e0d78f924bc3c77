"""Which verl module gets which seam. One line for each verl module.

A post-import hook runs when verl itself imports the module. So nothing heavy is imported earlier than without AWPO,
and a seam is in place before another module of verl binds the function by its name.

A seam that cannot be put in place (upstream has moved the function) must not stop a run that does not use AWPO. It is
printed once on stderr and remembered, and a run with AWPO is refused (patching.require_all_seams).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import wrapt

from awpo_verl.integration.keys import on_cpu
from awpo_verl.integration.patching import FAILURES

if TYPE_CHECKING:
    from awpo_verl.integration.step import Step


def install() -> None:
    """Register the estimator, the loss and the reward manager, and wrap each function when verl imports its module."""
    for module, install_seams in HOOKS.items():
        wrapt.register_post_import_hook(_remember_failure(install_seams), module)
    if on_cpu():
        from awpo_verl.integration import cpu

        cpu.install()


def _remember_failure(install_seams: Callable[[Any], None]) -> Callable[[Any], None]:
    def hook(module: Any) -> None:
        try:
            install_seams(module)
        except Exception as error:  # noqa: BLE001  # a run without AWPO must go on
            FAILURES.append(f"{type(error).__name__}: {error}")
            print(f"awpo_verl: {FAILURES[-1]} Runs without AWPO go on.", file=sys.stderr, flush=True)

    return hook


@cache
def _step() -> Step:
    """The train step of this process, which both trainers' seams share."""
    from awpo_verl.integration.step import Step

    return Step()


def _hydra(module: Any) -> None:
    from awpo_verl.integration import seam_hydra

    seam_hydra.install(module)


def _algorithm_dataclass(module: Any) -> None:
    from awpo_verl.integration import seam_algo_config

    seam_algo_config.install(module)


def _config(module: Any) -> None:
    from awpo_verl.integration import seam_config

    seam_config.install(module)


def _estimator_and_policy_loss(module: Any) -> None:
    from awpo_verl.integration import seam_estimator, seam_loss

    seam_estimator.register(module)
    seam_loss.register(module)


def _legacy_trainer(module: Any) -> None:
    from awpo_verl.integration import seam_dumps, seam_legacy

    seam_legacy.install(module, _step())
    seam_dumps.install_legacy(module)


def _legacy_metrics(module: Any) -> None:
    from awpo_verl.integration import seam_legacy

    seam_legacy.install_metrics(module)


def _v1_trainer(module: Any) -> None:
    from awpo_verl.integration import seam_dumps, seam_v1

    seam_v1.install(module, _step())
    seam_dumps.install(module)


def _actor_loss(module: Any) -> None:
    from awpo_verl.integration import seam_loss

    seam_loss.install(module)


def _agent_loop(module: Any) -> None:
    from awpo_verl.integration import seam_agent_loop

    seam_agent_loop.install(module)


def _reward_manager(module: Any) -> None:
    import awpo_verl.rewards.manager  # noqa: F401  # registers itself with verl


def _reward_loop(module: Any) -> None:
    from awpo_verl.integration import seam_reward_loop

    seam_reward_loop.install(module)


HOOKS: dict[str, Callable[[Any], None]] = {
    "hydra._internal.config_loader_impl": _hydra,
    "verl.trainer.config.algorithm": _algorithm_dataclass,
    "verl.utils.config": _config,
    "verl.trainer.ppo.core_algos": _estimator_and_policy_loss,
    "verl.trainer.ppo.ray_trainer": _legacy_trainer,
    "verl.trainer.ppo.metric_utils": _legacy_metrics,
    "verl.trainer.ppo.v1.trainer_base": _v1_trainer,
    "verl.workers.utils.losses": _actor_loss,
    "verl.experimental.agent_loop.agent_loop": _agent_loop,
    "verl.experimental.reward_loop.reward_manager": _reward_manager,
    "verl.experimental.reward_loop.reward_loop": _reward_loop,
}
