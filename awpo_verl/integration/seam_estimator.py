"""Seam of verl's estimators (verl 0.9.1, trainer/ppo/core_algos.py): `awpo` is a name that verl knows.

verl calls an estimator with rewards [B, T], response mask [B, T] and group labels [B], and takes two tensors [B, T]
back. AWPO also needs each row's reward parts, and also gives a clip scale. So verl's trainers reach it through
seam_v1.py and seam_legacy.py, and never call the registered function.
"""

from __future__ import annotations

from typing import Any, NoReturn

from torch import Tensor

from awpo_verl.integration.keys import AWPO
from awpo_verl.integration.patching import require_all_seams


def register(module: Any) -> None:
    """Register `awpo` in verl.trainer.ppo.core_algos."""
    module.register_adv_est(AWPO)(estimator)


def estimator(token_level_rewards: Tensor, response_mask: Tensor, **kwargs: Any) -> NoReturn:
    """Stop a trainer that calls `awpo` by its name.

    Raises:
        RuntimeError: always.
    """
    require_all_seams()
    raise RuntimeError(
        "This trainer calls the awpo estimator by name, without the reward parts of the rollouts, so AWPO cannot run "
        "in it. Use verl's own trainers (v1 or legacy), or call awpo_verl.algorithm.estimate yourself."
    )
