"""A reasoning score without a model: rules over the thinking.

Where the row states its expected steps (`extra_info["reasoning_steps"]`, e.g. ["6*17=102", "102+9=111"]), the score is
the share of them that the thinking writes, in order. Where it does not, the score is the share of the calls' names
and argument values that the thinking mentions: reasoning that the call does not follow from earns little.

Thinking that is missing or never closed scores 0; so does a call that does not parse, and no call where one is
expected. Where there is nothing to hold the thinking against, the rules have no answer: a missing reward.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from awpo_verl.rewards.outcome import Response

MAX_STEPS = 256  # steps of the thinking that are looked at
MAX_FACTS = 256  # names and values that are looked for
MAX_THINKING_CHARS = 65_536


def rule_score(
    response: Response,
    expected_steps: Sequence[str] | None = None,
    calls_expected: bool = False,
) -> float | None:
    """Score of a response's thinking, in [0, 1], or None where the rules cannot tell. Never raises on any response.

    Args:
        response: from `parse_response`.
        expected_steps: the steps of the row, or None where it states none. Steps are compared without white
            space; in the thinking they are separated by `;` or line ends.
        calls_expected: the row is known to expect a call, so making none scores 0.
    """
    if response.thinking is None or not response.thinking.strip() or response.malformed:
        return 0.0
    thinking = response.thinking[:MAX_THINKING_CHARS]
    if expected := _steps("\n".join(expected_steps or ())):
        return _steps_in_order(_steps(thinking), expected)
    if response.calls:
        facts = {fact for call in response.calls for fact in (call.name, *_leaves(call.arguments))}
        looked_for = sorted(facts)[:MAX_FACTS]
        return sum(_mentions(thinking, fact) for fact in looked_for) / len(looked_for)
    return 0.0 if calls_expected else None


def stated_steps(extra_info: Any) -> list[str] | None:
    """The expected steps that a row states, for `rule_score`; None where it states none.

    Args:
        extra_info: the row's, or None.

    Raises:
        TypeError: extra_info is no mapping, or its reasoning_steps are no list (or array) of strings; shows them.
    """
    if extra_info is not None and not isinstance(extra_info, Mapping):
        raise TypeError(f"extra_info must be an object, got {str(extra_info)[:200]!r}.")
    steps: Any = (extra_info or {}).get("reasoning_steps")
    if hasattr(steps, "tolist"):
        steps = steps.tolist()
    if steps is not None and not (isinstance(steps, list) and all(isinstance(step, str) for step in steps)):
        raise TypeError(f"extra_info['reasoning_steps'] must be a list of strings, got {str(steps)[:200]!r}.")
    return steps


def _steps(thinking: str) -> list[str]:
    steps = ("".join(step.split()) for step in thinking.replace("\n", ";").split(";"))
    return [step for step in steps if step][:MAX_STEPS]


def _steps_in_order(written: list[str], expected: list[str]) -> float:
    """Length of the longest common subsequence, over the number of expected steps."""
    best = [0] * (len(written) + 1)
    for step in expected:
        diagonal = 0
        for j, other in enumerate(written, 1):
            diagonal, best[j] = best[j], diagonal + 1 if step == other else max(best[j], best[j - 1])
    return best[-1] / len(expected)


def _mentions(thinking: str, fact: str) -> bool:
    """As a whole word: 1 is not mentioned by 17."""
    return re.search(rf"(?<!\w){re.escape(fact)}(?!\w)", thinking) is not None


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
