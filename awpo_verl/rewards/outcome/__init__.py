"""Outcome reward: was it the right call?"""

from awpo_verl.rewards.outcome.calls import Response, ToolCall
from awpo_verl.rewards.outcome.checker import OutcomeCheck, check_outcome
from awpo_verl.rewards.outcome.expected_calls import ExpectedCalls
from awpo_verl.rewards.outcome.expected_trajectory import ExpectedTrajectory
from awpo_verl.rewards.outcome.formats import CallFormat, find_format, format_of_template
from awpo_verl.rewards.outcome.matching import Match, match_calls
from awpo_verl.rewards.outcome.parse import parse_response
from awpo_verl.rewards.outcome.schema import ToolSchemas, parse_tools, schema_problems
from awpo_verl.rewards.outcome.target import Target, read_expected_calls, read_target

__all__ = [
    "CallFormat",
    "ExpectedCalls",
    "ExpectedTrajectory",
    "Match",
    "OutcomeCheck",
    "Response",
    "Target",
    "ToolCall",
    "ToolSchemas",
    "check_outcome",
    "find_format",
    "format_of_template",
    "match_calls",
    "parse_response",
    "parse_tools",
    "read_expected_calls",
    "read_target",
    "schema_problems",
]
