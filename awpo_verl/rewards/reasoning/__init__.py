"""Reasoning reward: is the thinking good?"""

from awpo_verl.rewards.reasoning.rules import rule_score

__all__ = ["rule_score"]
