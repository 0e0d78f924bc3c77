"""Reasoning reward: is the thinking good?"""

from awpo_verl.rewards.reasoning.evidence import Task
from awpo_verl.rewards.reasoning.expected_steps import stated_steps
from awpo_verl.rewards.reasoning.rows import conversation_text, make_case, make_task
from awpo_verl.rewards.reasoning.rubric import RubricScore, rubric_score

__all__ = ["RubricScore", "Task", "conversation_text", "make_case", "make_task", "rubric_score", "stated_steps"]
