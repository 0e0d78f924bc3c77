"""Keys of the method's three mechanisms: `algorithm.awpo.gate`, `.difficulty` and `.clip`.

The names of their kinds are in the tables of awpo_verl/algorithm/gate.py and difficulty.py (kinds.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from awpo_verl.config.bounds import check_at_least, check_choice, check_unit, refuse
from awpo_verl.config.kinds import KindConfig, check_kind

CLIP_SCOPES = ("batch", "sequence")


@dataclass
class GateConfig(KindConfig):
    """The gate w: how much of a group's advantage comes from outcome plus reasoning.

    kind: the function that computes w from the spread of both rewards in the group.
    value: a gate in [0, 1].
    threshold: a standard deviation of the outcome, >= 0.
    """

    kind: str = "variance_ratio"
    value: float = 0.5
    threshold: float = 0.0


@dataclass
class DifficultyConfig(KindConfig):
    """The difficulty weight: how much a group counts, by its success rate mu.

    kind: the function that computes the weight.
    d_min: the weight of an all-failed or all-solved group, >= 0.
    d_max: the weight of a half-solved group, >= d_min.
    """

    kind: str = "parabolic"
    d_min: float = 0.1
    d_max: float = 1.5


@dataclass
class ClipConfig:
    """The clip scale, 1 / (1 + shrink * w): it shrinks the clip range where reasoning has more say.

    shrink: eta, >= 0; with 0 the loss is verl's `vanilla`.
    scope: w is the mean gate of the train batch (`batch`), or the row's own (`sequence`).
    """

    shrink: float = 0.2
    scope: str = "batch"


def check_gate(gate: GateConfig) -> None:
    check_unit("gate.value", gate.value)
    check_at_least(0.0, "gate.threshold", gate.threshold)
    if gate != GateConfig():  # the table needs torch, which a command that scores files does not load
        from awpo_verl.algorithm.gate import GATES

        check_kind(GATES, "gate", gate)


def check_difficulty(difficulty: DifficultyConfig) -> None:
    if difficulty != DifficultyConfig():
        from awpo_verl.algorithm.difficulty import DIFFICULTIES

        check_kind(DIFFICULTIES, "difficulty", difficulty)
    check_at_least(0.0, "difficulty.d_min", difficulty.d_min)
    check_at_least(difficulty.d_min, "difficulty.d_max", difficulty.d_max, " (difficulty.d_min)")
    if difficulty.d_max <= 0.0:
        refuse("difficulty.d_max", difficulty.d_max, "a number > 0; with 0 every advantage is 0")


def check_clip(clip: ClipConfig) -> None:
    check_at_least(0.0, "clip.shrink", clip.shrink)
    check_choice(CLIP_SCOPES, "clip.scope", clip.scope)
