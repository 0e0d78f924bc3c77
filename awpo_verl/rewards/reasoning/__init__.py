"""Reasoning reward: is the thinking good?"""

from awpo_verl.rewards.reasoning.evidence import Task
from awpo_verl.rewards.reasoning.inputs import make_case, make_task
from awpo_verl.rewards.reasoning.rubric import RubricScore, rubric_score

__all__ = ["RubricScore", "Task", "make_case", "make_task", "rubric_score"]
