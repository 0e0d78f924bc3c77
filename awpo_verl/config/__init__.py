"""`algorithm.awpo`: every key, its default and its bounds (docs/configuration.md is made from the dataclasses)."""

from awpo_verl.config.bounds import SECTION, AWPOConfigError
from awpo_verl.config.method import ClipConfig, DifficultyConfig, GateConfig
from awpo_verl.config.rewards import JudgeConfig, OutcomeConfig, RubricConfig
from awpo_verl.config.section import AUTO_RANGE, AWPOConfig, known_keys, merge_defaults, parse

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
