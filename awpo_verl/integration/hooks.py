"""Where each piece of AWPO is hung on verl, one line per piece.

A post-import hook runs when verl itself imports the module, so nothing heavy is imported earlier than without us, and
a seam is in place before another module of verl binds the patched name.

A piece that fails (upstream has moved a seam) must not stop a run that does not use AWPO: it is said once on stderr,
remembered, and raised where AWPO is asked for or would run without it (patching.require_intact).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import wrapt

from awpo_verl.integration.keys import AWPO, on_cpu
from awpo_verl.integration.patching import FAILURES, wrap


def install() -> None:
    """Register the estimator, the loss and the reward manager, and put the seams in place as verl is imported."""
    for module, piece in {
        "hydra._internal.config_loader_impl": _config_section,
        "verl.trainer.config.algorithm": _algorithm_dataclass,
        "verl.utils.config": _validation,
        "verl.trainer.ppo.core_algos": _estimator_and_loss,
        "verl.trainer.ppo.ray_trainer": _advantage,
        "verl.trainer.ppo.metric_utils": _legacy_metrics,
        "verl.trainer.ppo.v1.trainer_base": _v1_trainer,
        "verl.workers.utils.losses": _actor_loss,
        "verl.experimental.agent_loop.agent_loop": _agent_loop,
        "verl.experimental.reward_loop.reward_manager": _reward_manager,
        "verl.experimental.reward_loop.reward_loop": _reward_worker,
    }.items():
        wrapt.register_post_import_hook(_remembering_failure(piece), module)
    if on_cpu():
        from awpo_verl.integration import cpu

        cpu.install()


def _remembering_failure(piece: Callable[[Any], None]) -> Callable[[Any], None]:
    def hang(module: Any) -> None:
        try:
            piece(module)
        except Exception as error:  # noqa: BLE001  # see the module's docstring
            FAILURES.append(f"{type(error).__name__}: {error}")
            print(f"awpo_verl: {FAILURES[-1]} Runs without AWPO go on.", file=sys.stderr, flush=True)

    return hang


def _algorithm_dataclass(module: Any) -> None:
    """The section would be an unknown argument for code that makes verl's AlgoConfig of `config.algorithm`."""

    def initialize(original: Any, self: Any, *args: Any, awpo: Any = None, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        object.__setattr__(self, AWPO, awpo)

    wrap(module, "AlgoConfig.__init__", initialize)


def _config_section(module: Any) -> None:
    from awpo_verl.integration import seam_hydra

    seam_hydra.install(module)


def _validation(module: Any) -> None:
    from awpo_verl.integration import seam_config

    wrap(module, "validate_config", seam_config.validate_config)


def _estimator_and_loss(module: Any) -> None:
    from awpo_verl.integration import seam_loss, step

    module.register_adv_est(AWPO)(step.estimator)
    module.register_policy_loss(AWPO)(seam_loss.policy_loss)


def _advantage(module: Any) -> None:
    from awpo_verl.integration import seam_dumps, step

    wrap(module, "compute_advantage", step.compute_advantage)
    seam_dumps.install_legacy(module)


def _legacy_metrics(module: Any) -> None:
    from awpo_verl.integration import step

    wrap(module, "compute_data_metrics", step.compute_data_metrics)


def _v1_trainer(module: Any) -> None:
    from awpo_verl.integration import seam_dumps, seam_v1

    seam_v1.install(module)
    seam_dumps.install(module)


def _actor_loss(module: Any) -> None:
    from awpo_verl.integration import seam_loss

    wrap(module, "ppo_loss", seam_loss.ppo_loss)


def _agent_loop(module: Any) -> None:
    from awpo_verl.integration import seam_agent_loop

    wrap(module, "AgentLoopWorker._compute_score", seam_agent_loop.compute_score)


def _reward_manager(module: Any) -> None:
    import awpo_verl.rewards.manager  # noqa: F401  # registers itself with verl


def _reward_worker(module: Any) -> None:
    from awpo_verl.integration import seam_reward_loop

    wrap(module, "RewardLoopWorker.compute_score", seam_reward_loop.compute_score)
