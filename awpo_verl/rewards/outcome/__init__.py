"""Outcome reward: was it the right call?"""

from awpo_verl.rewards.outcome.calls import Response, ToolCall
from awpo_verl.rewards.outcome.checker import OutcomeCheck, check
from awpo_verl.rewards.outcome.expected_calls import expected_calls
from awpo_verl.rewards.outcome.formats import CallFormat, find_format, format_of_template
from awpo_verl.rewards.outcome.matching import Match, match_calls
from awpo_verl.rewards.outcome.parse import parse_response
from awpo_verl.rewards.outcome.schema import ToolSchemas, parse_tools, schema_problems

__all__ = [
    "CallFormat",
    "Match",
    "OutcomeCheck",
    "Response",
    "ToolCall",
    "ToolSchemas",
    "check",
    "expected_calls",
    "find_format",
    "format_of_template",
    "match_calls",
    "parse_response",
    "parse_tools",
    "schema_problems",
]
