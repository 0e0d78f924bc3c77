"""Where each piece of AWPO is hung on verl, one line per piece.

A post-import hook runs when verl itself imports the module, so nothing heavy is imported earlier than without us, and
a seam is in place before another module of verl binds the patched name.
"""

from __future__ import annotations

import os
from typing import Any

import wrapt

from awpo_verl.config import AWPOConfigError
from awpo_verl.integration.patching import wrap

NAME = "awpo"


def install() -> None:
    """Register the estimator, the loss and the reward manager, and put the seams in place as verl is imported."""
    for module, piece in {
        "hydra._internal.config_loader_impl": _config_section,
        "verl.utils.config": _validation,
        "verl.trainer.ppo.core_algos": _estimator_and_loss,
        "verl.trainer.ppo.ray_trainer": _advantage,
        "verl.trainer.ppo.metric_utils": _legacy_metrics,
        "verl.trainer.ppo.v1.trainer_base": _v1_trainer,
        "verl.workers.utils.losses": _actor_loss,
        "verl.experimental.reward_loop.reward_manager": _reward_manager,
    }.items():
        wrapt.register_post_import_hook(piece, module)
    if os.environ.get("VERL_PLATFORM", "").strip().lower() == "cpu":
        from awpo_verl.integration.cpu import install as install_cpu

        install_cpu()


def refuse_awpo(problem: str) -> None:
    """Make a config that asks for AWPO stop in the driver, with this message."""

    def refuse(module: Any) -> None:
        def validate(original: Any, config: Any, *args: Any, **kwargs: Any) -> Any:
            if config.algorithm.adv_estimator == NAME:
                raise AWPOConfigError(f"algorithm.adv_estimator={NAME}: {problem}")
            return original(config, *args, **kwargs)

        wrap(module, "validate_config", validate)

    wrapt.register_post_import_hook(refuse, "verl.utils.config")


def _config_section(module: Any) -> None:
    from awpo_verl.integration import hydra_section

    hydra_section.install(module)


def _validation(module: Any) -> None:
    from awpo_verl.integration import validation

    wrap(module, "validate_config", validation.validate_config)


def _estimator_and_loss(module: Any) -> None:
    from awpo_verl.integration import actor_loss, trainer

    module.register_adv_est(NAME)(trainer.estimator)
    module.register_policy_loss(NAME)(actor_loss.policy_loss)


def _advantage(module: Any) -> None:
    from awpo_verl.integration import trainer

    wrap(module, "compute_advantage", trainer.compute_advantage)


def _legacy_metrics(module: Any) -> None:
    from awpo_verl.integration import trainer

    wrap(module, "compute_data_metrics", trainer.compute_data_metrics)


def _v1_trainer(module: Any) -> None:
    from awpo_verl.integration import trainer_v1

    trainer_v1.install(module)


def _actor_loss(module: Any) -> None:
    from awpo_verl.integration import actor_loss

    wrap(module, "ppo_loss", actor_loss.ppo_loss)


def _reward_manager(module: Any) -> None:
    import awpo_verl.rewards.manager  # noqa: F401  # registers itself with verl
