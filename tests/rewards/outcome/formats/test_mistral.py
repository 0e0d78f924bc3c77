"""Mistral, by hand: the newer form, and problems of both."""

from __future__ import annotations

import pytest

from awpo_verl.rewards.outcome import parse_response
from tests.rewards.outcome.calls import F, G


def test_calls_of_version_11() -> None:
    text = (
        '[THINK]plan[/THINK]Hm.[TOOL_CALLS]f[ARGS]{"a": 1}[TOOL_CALLS]g[CALL_ID]abc123xyz[ARGS]{"b": ["x", null, true]}'
    )
    response = parse_response(text, "mistral")
    assert (response.thinking, response.content, response.calls) == ("plan", "Hm.", (F, G))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[TOOL_CALLS]f[ARGS]", "neither a list of calls nor a name with arguments"),
        ('[TOOL_CALLS]f oh my{"a": 1}', "neither a list of calls nor a name with arguments"),
        ('[TOOL_CALLS]f[ARGS]{"a": 1}{"a": 2}', "text after the calls"),
        ('[TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}}] and so on', "text after the calls"),
        ("[TOOL_CALLS][]", "an empty list of calls"),
    ],
)
def test_problems(text: str, problem: str) -> None:
    assert parse_response(text, "mistral").problems == (problem,)
