"""An LLM that judges the thinking, behind an OpenAI-compatible API."""

from awpo_verl.rewards.reasoning.judge.endpoint import Endpoint, find_endpoint
from awpo_verl.rewards.reasoning.judge.judge import CACHED, FAILURES, NO_THINKING, NOT_ASKED, OK, Judge, JudgeScore
from awpo_verl.rewards.reasoning.judge.prompt import Case

__all__ = [
    "CACHED",
    "FAILURES",
    "NOT_ASKED",
    "NO_THINKING",
    "OK",
    "Case",
    "Endpoint",
    "Judge",
    "JudgeScore",
    "find_endpoint",
]
