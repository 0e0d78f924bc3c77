"""An LLM that scores the thinking, behind an OpenAI-compatible API or a JudgeModel of your own."""

from awpo_verl.rewards.reasoning.judge.chat import ChatModel, make_judge
from awpo_verl.rewards.reasoning.judge.endpoint import Endpoint, find_endpoint
from awpo_verl.rewards.reasoning.judge.judge import Judge
from awpo_verl.rewards.reasoning.judge.prompt import Case, Prompt
from awpo_verl.rewards.reasoning.judge.reply import JudgeReply
from awpo_verl.rewards.reasoning.judge.scorer import (
    CACHED,
    FAILURES,
    NO_THINKING,
    NOT_ASKED,
    OK,
    JudgeModel,
    JudgeScore,
    RequestError,
    Scorer,
)

__all__ = [
    "CACHED",
    "FAILURES",
    "NOT_ASKED",
    "NO_THINKING",
    "OK",
    "Case",
    "ChatModel",
    "Endpoint",
    "Judge",
    "JudgeModel",
    "JudgeReply",
    "JudgeScore",
    "Prompt",
    "RequestError",
    "Scorer",
    "find_endpoint",
    "make_judge",
]
