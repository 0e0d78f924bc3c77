"""Outcome reward: was it the right call?"""

from awpo_verl.rewards.outcome.calls import Response, ToolCall
from awpo_verl.rewards.outcome.checker import Verdict, check
from awpo_verl.rewards.outcome.expected import expected_calls
from awpo_verl.rewards.outcome.matching import Match, match_calls
from awpo_verl.rewards.outcome.parse import format_of_template, needs_special_tokens, parse_response, with_marks
from awpo_verl.rewards.outcome.schema import Tools, parse_tools, schema_problems

__all__ = [
    "Match",
    "Response",
    "ToolCall",
    "Tools",
    "Verdict",
    "check",
    "expected_calls",
    "format_of_template",
    "match_calls",
    "needs_special_tokens",
    "parse_response",
    "parse_tools",
    "schema_problems",
    "with_marks",
]
