"""Every key of `algorithm.awpo`: its default, its bounds, and what a wrong value is told.

The dataclasses are an OmegaConf structured config: OmegaConf refuses unknown keys and wrong types where the config is
composed; `parse` adds the bounds and the combinations. The defaults are the recommended setting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from awpo_verl.config.bounds import (
    SECTION,
    AWPOConfigError,
    at_least,
    interval,
    one_of,
    one_of_or_own,
    refuse,
    used_by,
    within_unit,
)
from awpo_verl.config.rewards import (
    REASONING_SOURCES,
    RUBRIC_PARTS,
    JudgeConfig,
    OutcomeConfig,
    RubricConfig,
    check_judge,
    check_outcome,
    check_rubric,
)

__all__ = [
    "AUTO_RANGE",
    "SECTION",
    "AWPOConfig",
    "AWPOConfigError",
    "ClipConfig",
    "DifficultyConfig",
    "GateConfig",
    "JudgeConfig",
    "OutcomeConfig",
    "RubricConfig",
    "known_keys",
    "merge_defaults",
    "parse",
]

GATE_KINDS = ("variance_ratio", "fixed", "hard", "none", "agreement")
DIFFICULTY_KINDS = ("parabolic", "none")
CLIP_SCOPES = ("batch", "sequence")
AUTO_RANGE = "auto"
# Keys of reward_extra_info with a meaning of their own (rewards/parts.py).
_RESERVED_KEYS = frozenset(
    [
        *("acc", "score", "reward", "outcome", "reasoning_valid", "reasoning_nonfinite", "verl_rule"),
        *("format_ok", "n_calls"),
        *("checked", "exact", "graded", "name_score", "key_score", "value_score", "schema_ok", "refused", "needless"),
        *("state_ok", "results_ok"),
        *("rubric", *(f"rubric_{name}" for name in RUBRIC_PARTS)),
        *("judge_status", "judge_reason", "judge_seconds", "judge_requests", "judge_tokens_in", "judge_tokens_out"),
        *("judge_retries", "judge_neutralized"),
    ]
)


@dataclass
class GateConfig:
    """Variance-aware gate (algorithm/gate.py).

    kind: variance_ratio (the more reasoning adds to the spread, the more say it has) | fixed (gate.value everywhere) |
        hard (1 in groups of equal outcomes, else 0) | none (0: the outcome alone) | agreement (variance_ratio, less of
        it where reasoning contradicts the outcome) | module:function, your own (docs/extending.md).
    value: the gate of kind=fixed, in [0, 1].
    threshold: kind=hard opens the gate where the group's outcome std is at most this; >= 0.
    """

    kind: str = "variance_ratio"
    value: float = 0.5
    threshold: float = 0.0


@dataclass
class DifficultyConfig:
    """Difficulty-aware weight (algorithm/difficulty.py).

    kind: parabolic (most weight where half of a group succeeds) | none (1 everywhere) | module:function, your own.
    d_min: weight of an all-failed or all-solved group, >= 0.
    d_max: weight of a half-solved group, >= d_min.
    """

    kind: str = "parabolic"
    d_min: float = 0.1
    d_max: float = 1.5


@dataclass
class ClipConfig:
    """Tailored clipping (algorithm/policy_loss.py).

    shrink: eta >= 0 in scale = 1 / (1 + eta * w); 0 is verl's vanilla loss.
    scope: batch (mean gate of the train batch) | sequence (each row's own gate).
    """

    shrink: float = 0.2
    scope: str = "batch"


@dataclass
class AWPOConfig:
    """The section `algorithm.awpo`.

    reasoning_weight: lambda >= 0, weight of the reasoning reward in the mixed reward.
    reasoning_std_floor: >= 0, smallest unit that reasoning is divided by where the outcome is constant, so that
        a scorer's noise alone is not blown up to unit size.
    outcome_range: auto, or [low, high] of the outcome reward; the difficulty weight maps it to [0, 1]. auto takes it
        from the data source: known for this package's checker and verl's own rules, else [0, 1], widened by what the
        run has seen. [low, high] holds for all data sources.
    reasoning_range: [low, high] of the reasoning reward, which is mapped to [0, 1] before anything else. A value
        outside stops the run at its first train batch; in later batches it is clipped and counted. The rubric and the
        judge, which score in [0, 1], are put on this scale.
    reasoning_key: key of the reasoning reward in each rollout's reward_extra_info.
    reasoning_source: rubric (rules, no model) | judge (an LLM), for rollouts that your own function does not score.
    """

    reasoning_weight: float = 1.0
    reasoning_std_floor: float = 0.05
    outcome_range: Any = AUTO_RANGE  # or two floats; OmegaConf has no type for "a text or a list"
    reasoning_range: list[float] = field(default_factory=lambda: [0.0, 1.0])
    reasoning_key: str = "reasoning"
    reasoning_source: str = "rubric"
    gate: GateConfig = field(default_factory=GateConfig)
    difficulty: DifficultyConfig = field(default_factory=DifficultyConfig)
    clip: ClipConfig = field(default_factory=ClipConfig)
    outcome: OutcomeConfig = field(default_factory=OutcomeConfig)
    rubric: RubricConfig = field(default_factory=RubricConfig)
    judge: JudgeConfig = field(default_factory=JudgeConfig)

    def __post_init__(self) -> None:
        check(self)

    def fixed_outcome_range(self) -> tuple[float, float] | None:
        """`outcome_range` as two numbers; None for auto."""
        if self.outcome_range == AUTO_RANGE:
            return None
        low, high = self.outcome_range
        return float(low), float(high)


def check(config: AWPOConfig) -> None:
    """Bounds and combinations. Raises AWPOConfigError that names the first wrong key."""
    at_least(0.0, "reasoning_weight", config.reasoning_weight)
    at_least(0.0, "reasoning_std_floor", config.reasoning_std_floor)
    if config.outcome_range != AUTO_RANGE:
        interval("outcome_range", config.outcome_range, f"{AUTO_RANGE}, or ")
    interval("reasoning_range", config.reasoning_range)
    if not config.reasoning_key or config.reasoning_key in _RESERVED_KEYS:
        taken = ", ".join(sorted(_RESERVED_KEYS))
        refuse("reasoning_key", config.reasoning_key, f"a name of its own in reward_extra_info (taken: {taken})")
    kind = config.gate.kind
    one_of_or_own(GATE_KINDS, "gate.kind", kind)
    within_unit("gate.value", config.gate.value)
    at_least(0.0, "gate.threshold", config.gate.threshold)
    if kind in GATE_KINDS:  # a function of one's own may read both
        used_by("gate.value", config.gate.value, GateConfig.value, "gate.kind", "fixed", kind)
        used_by("gate.threshold", config.gate.threshold, GateConfig.threshold, "gate.kind", "hard", kind)
    one_of_or_own(DIFFICULTY_KINDS, "difficulty.kind", config.difficulty.kind)
    if config.difficulty.kind == "none":
        for key in ("d_min", "d_max"):
            given, default = getattr(config.difficulty, key), getattr(DifficultyConfig, key)
            used_by(f"difficulty.{key}", given, default, "difficulty.kind", "parabolic", "none")
    at_least(0.0, "difficulty.d_min", config.difficulty.d_min)
    at_least(config.difficulty.d_min, "difficulty.d_max", config.difficulty.d_max, " (difficulty.d_min)")
    if config.difficulty.d_max <= 0.0:
        refuse("difficulty.d_max", config.difficulty.d_max, "a number > 0; with 0 every advantage is 0")
    at_least(0.0, "clip.shrink", config.clip.shrink)
    one_of(CLIP_SCOPES, "clip.scope", config.clip.scope)
    check_outcome(config.outcome)
    check_rubric(config.rubric)
    one_of(REASONING_SOURCES, "reasoning_source", config.reasoning_source)
    check_judge(config.judge, config.reasoning_source)


def parse(section: Any) -> AWPOConfig:
    """The section `algorithm.awpo`, as OmegaConf node, mapping or None (all defaults), checked.

    Raises:
        AWPOConfigError: unknown key, wrong type, value out of bounds, interpolation to nowhere; names the key.
    """
    if isinstance(section, AWPOConfig):
        return section
    from omegaconf import DictConfig, OmegaConf

    def build() -> Any:
        # resolved where it is attached: a merged copy has lost the rest of the config
        given = OmegaConf.to_container(section, resolve=True) if isinstance(section, DictConfig) else section
        return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(AWPOConfig), given or {}))

    config = _by_key(build)
    assert isinstance(config, AWPOConfig)
    return config


def merge_defaults(section: Any) -> Any:
    """The defaults under what a config says, as an OmegaConf node. Keys and types are checked, values not yet.

    Raises:
        AWPOConfigError: unknown key or wrong type; names the key.
    """
    from omegaconf import OmegaConf

    return _by_key(lambda: OmegaConf.merge(OmegaConf.structured(AWPOConfig), section or {}))


def _by_key(build: Callable[[], Any]) -> Any:
    """Run build(); an error of OmegaConf becomes one that names our key."""
    from omegaconf.errors import OmegaConfBaseException

    try:
        return build()
    except OmegaConfBaseException as error:
        if isinstance(error.__cause__, AWPOConfigError):
            raise error.__cause__ from None
        key = f"{SECTION}.{error.full_key}" if error.full_key else SECTION
        reason = str(error).splitlines()[0]
        raise AWPOConfigError(f"{key}: {reason}. The keys and their defaults: {known_keys()}.") from None


def known_keys() -> str:
    """All keys of the section with their defaults, on one line, for messages."""
    from omegaconf import OmegaConf

    flat: list[str] = []

    def walk(node: Any, prefix: str) -> None:
        for key, value in node.items():
            if isinstance(value, dict):
                walk(value, f"{prefix}{key}.")
            else:
                flat.append(f"{prefix}{key}={value}")

    walk(OmegaConf.to_container(OmegaConf.structured(AWPOConfig)), "")
    return ", ".join(flat)
