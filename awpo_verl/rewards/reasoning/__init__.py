"""Reasoning reward: is the thinking good?"""

from awpo_verl.rewards.reasoning.rules import rule_score, stated_steps

__all__ = ["rule_score", "stated_steps"]
