"""Outcome reward: was it the right call?"""

from awpo_verl.rewards.outcome.tool_calls import Response, ToolCall, exact_match, expected_calls, parse_response

__all__ = ["Response", "ToolCall", "exact_match", "expected_calls", "parse_response"]
