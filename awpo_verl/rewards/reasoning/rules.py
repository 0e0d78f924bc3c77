"""A reasoning score without a model: rules over the thinking.

Where the row states its expected steps (`extra_info["reasoning_steps"]`, e.g. ["6*17=102", "102+9=111"]), the score is
the share of them that the thinking writes, in order. Where it does not, the score is the share of the calls' names
and argument values that the thinking mentions: reasoning that the call does not follow from earns little.

Thinking that is missing or never closed scores 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from awpo_verl.rewards.outcome.tool_calls import Response

MAX_STEPS = 256  # steps of the thinking that are looked at
MAX_THINKING_CHARS = 65_536


def rule_score(response: Response, expected_steps: Sequence[str] | None = None) -> float:
    """Score of a response's thinking, in [0, 1]. Never raises on any response.

    Args:
        response: from `parse_response`.
        expected_steps: the steps of the row, or None where it states none. Steps are compared without white
            space; in the thinking they are separated by `;` or line ends.
    """
    if response.thinking is None or not response.thinking.strip():
        return 0.0
    thinking = response.thinking[:MAX_THINKING_CHARS]
    if expected_steps is not None and len(expected_steps) > 0:
        return _steps_in_order(_steps(thinking), [_squeeze(step) for step in expected_steps])
    facts = {fact for call in response.calls for fact in (call.name, *_leaves(call.arguments))}
    if not facts:
        return 1.0
    return sum(fact in thinking for fact in facts) / len(facts)


def _steps(thinking: str) -> list[str]:
    steps = (_squeeze(step) for step in thinking.replace("\n", ";").split(";"))
    return [step for step in steps if step][:MAX_STEPS]


def _squeeze(text: str) -> str:
    return "".join(text.split())


def _steps_in_order(written: list[str], expected: list[str]) -> float:
    """Length of the longest common subsequence, over the number of expected steps."""
    best = [0] * (len(written) + 1)
    for step in expected:
        diagonal = 0
        for j, other in enumerate(written, 1):
            diagonal, best[j] = best[j], diagonal + 1 if step == other else max(best[j], best[j - 1])
    return best[-1] / len(expected)


def _leaves(value: Any) -> Iterator[str]:
    """The texts of the scalars in a JSON value (its nesting is bounded by the parser)."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, str | int | float) and not isinstance(value, bool) and str(value):
        yield str(value)
