"""The section `algorithm.awpo` as a whole: its dataclass, its checks, and how it is read from a config.

The dataclasses are an OmegaConf structured config. OmegaConf refuses unknown keys and wrong types where the config is
composed; `check_section` adds the bounds and the combinations. The defaults are the recommended setting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from awpo_verl.config.bounds import SECTION, AWPOConfigError, check_at_least, check_choice, check_interval, refuse
from awpo_verl.config.method import (
    ClipConfig,
    DifficultyConfig,
    GateConfig,
    check_clip,
    check_difficulty,
    check_gate,
)
from awpo_verl.config.rewards import (
    REASONING_SOURCES,
    RESERVED_KEYS,
    JudgeConfig,
    OutcomeConfig,
    RubricConfig,
    check_judge,
    check_outcome,
    check_rubric,
)

if TYPE_CHECKING:
    from omegaconf import DictConfig

AUTO_RANGE = "auto"
Built = TypeVar("Built")


@dataclass
class AWPOConfig:
    """Weights, ranges and the source of the reasoning reward.

    reasoning_weight: lambda, >= 0: the mixed reward is outcome + lambda * reasoning.
    reasoning_std_floor: >= 0; where the outcome is constant, reasoning is divided by at least this, so that a scorer's
        noise stays small.
    outcome_range: [low, high] of the outcome reward for all data sources, or `auto`: by data source
        (docs/method.md#ranges).
    reasoning_range: [low, high] of the reasoning reward, mapped to [0, 1]. A value outside stops the run at its first
        train batch; later ones are clipped and counted.
    reasoning_key: the key of the reasoning reward in reward_extra_info.
    reasoning_source: `rubric` (rules, no model) or `judge` (an LLM), for rollouts that your own function does not
        score.
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
        check_section(self)

    def fixed_outcome_range(self) -> tuple[float, float] | None:
        """`outcome_range` as two numbers; None for auto."""
        if self.outcome_range == AUTO_RANGE:
            return None
        low, high = self.outcome_range
        return float(low), float(high)

    def reasoning_bounds(self) -> tuple[float, float]:
        """`reasoning_range` as two numbers."""
        low, high = self.reasoning_range
        return low, high


def check_section(config: AWPOConfig) -> None:
    """Check bounds and combinations.

    Raises:
        AWPOConfigError: a value is out of its bounds, or has no effect; names the first such key.
    """
    check_at_least(0.0, "reasoning_weight", config.reasoning_weight)
    check_at_least(0.0, "reasoning_std_floor", config.reasoning_std_floor)
    if config.outcome_range != AUTO_RANGE:
        check_interval("outcome_range", config.outcome_range, f"{AUTO_RANGE}, or ")
    check_interval("reasoning_range", config.reasoning_range)
    if not config.reasoning_key or config.reasoning_key in RESERVED_KEYS:
        taken = ", ".join(sorted(RESERVED_KEYS))
        refuse("reasoning_key", config.reasoning_key, f"a name of its own in reward_extra_info (taken: {taken})")
    check_gate(config.gate)
    check_difficulty(config.difficulty)
    check_clip(config.clip)
    check_outcome(config.outcome)
    check_rubric(config.rubric)
    check_choice(REASONING_SOURCES, "reasoning_source", config.reasoning_source)
    check_judge(config.judge, config.reasoning_source)


def parse(section: AWPOConfig | DictConfig | Mapping[str, object] | None) -> AWPOConfig:
    """Read and check the section, given as OmegaConf node, mapping or None (all defaults).

    Raises:
        AWPOConfigError: unknown key, wrong type, value out of bounds, or an interpolation that leads nowhere; names
            the key.

    >>> parse({"gate": {"kind": "hard"}}).gate.kind
    'hard'
    """
    if isinstance(section, AWPOConfig):
        return section
    from omegaconf import DictConfig, OmegaConf

    def build() -> object:
        # resolved where it is attached: a merged copy has lost the rest of the config
        given = OmegaConf.to_container(section, resolve=True) if isinstance(section, DictConfig) else section
        return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(AWPOConfig), given or {}))

    return cast(AWPOConfig, _name_key_in_errors(build))


def merge_defaults(section: DictConfig | Mapping[str, object] | None) -> DictConfig:
    """Put the defaults under what a config says. Keys and types are checked; values are checked by `parse`.

    Raises:
        AWPOConfigError: unknown key or wrong type; names the key.
    """
    from omegaconf import OmegaConf

    merged = _name_key_in_errors(lambda: OmegaConf.merge(OmegaConf.structured(AWPOConfig), section or {}))
    return cast("DictConfig", merged)


def known_keys() -> str:
    """All keys of the section with their defaults, on one line, for messages."""
    from omegaconf import OmegaConf

    flat: list[str] = []

    def walk(node: Mapping[str, object], prefix: str) -> None:
        for key, value in node.items():
            if isinstance(value, dict):
                walk(cast(Mapping[str, object], value), f"{prefix}{key}.")
            else:
                flat.append(f"{prefix}{key}={value}")

    walk(cast(Mapping[str, object], OmegaConf.to_container(OmegaConf.structured(AWPOConfig))), "")
    return ", ".join(flat)


def _name_key_in_errors(build: Callable[[], Built]) -> Built:
    """Call build(). An error of OmegaConf becomes one that names our key."""
    from omegaconf.errors import OmegaConfBaseException

    try:
        return build()
    except OmegaConfBaseException as error:
        if isinstance(error.__cause__, AWPOConfigError):
            raise error.__cause__ from None
        key = f"{SECTION}.{error.full_key}" if error.full_key else SECTION
        reason = str(error).splitlines()[0]
        raise AWPOConfigError(f"{key}: {reason}. The keys and their defaults: {known_keys()}.") from None
