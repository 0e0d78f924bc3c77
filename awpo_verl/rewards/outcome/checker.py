"""The outcome of one response: parse it, match its calls with the expected ones, check them against the schemas.

One way for the reward manager and for offline scoring.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from awpo_verl.config import OutcomeConfig
from awpo_verl.rewards.outcome.calls import Response
from awpo_verl.rewards.outcome.expected import expected_calls, tools_of
from awpo_verl.rewards.outcome.matching import Match, match_calls
from awpo_verl.rewards.outcome.parse import parse_response
from awpo_verl.rewards.outcome.schema import parse_tools, schema_problems


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checkers say of one response.

    Attributes:
        response: the response, taken apart.
        match: how its calls compare with the expected ones; None where the row expects no calls of our form.
        schema_problems: what of its calls breaks the tools' schemas; empty where no schemas are known.
        outcome: in [0, 1], by `algorithm.awpo.outcome.match`; None where `match` is.
        calls_expected: the row is known to expect at least one call.
    """

    response: Response
    match: Match | None
    schema_problems: tuple[str, ...]
    outcome: float | None
    calls_expected: bool = False

    def as_info(self) -> dict[str, float]:
        """The parts for the logs, the same keys whatever was checked: where `checked` is 0, the scores mean nothing."""
        match = self.match or _NO_MATCH
        return {
            "format_ok": float(self.response.format_ok),
            "n_calls": float(len(self.response.calls)),
            "schema_ok": float(not self.schema_problems),
            "checked": float(self.match is not None),
            "exact": float(match.exact),
            "graded": match.graded,
            "name_score": match.name,
            "key_score": match.key,
            "value_score": match.value,
            "refused": float(match.refused),
            "needless": float(match.needless),
        }


_NO_MATCH = Match(exact=False, name=0.0, key=0.0, value=0.0)


def check(text: str, ground_truth: Any, tools: Any = None, config: OutcomeConfig | None = None) -> Verdict:
    """Check one response. Never raises on any text.

    Args:
        text: what the model wrote, without the prompt.
        ground_truth: `{"tool_calls": [...]}` or its JSON text (see expected.py); anything else is not checked. Its
            `tools`, if it has them, are the tools' schemas.
        tools: the schemas where the ground truth has none, a list or its JSON text (see schema.parse_tools), or None.
        config: `algorithm.awpo.outcome`; None = its defaults.

    Raises:
        ValueError: the ground truth or the tools are broken; shows the entry.
    """
    config = config or OutcomeConfig()
    expected, known = expected_calls(ground_truth), tools_of(ground_truth) or parse_tools(tools)
    response = parse_response(text, config.format, known)
    problems = tuple(schema_problems(response.calls, known))
    if expected is None:
        return Verdict(response, None, problems, None)
    match = match_calls(response, expected, known, config.strings)
    outcome = float(match.exact) if config.match == "exact" else match.graded
    return Verdict(response, match, problems, outcome, calls_expected=bool(expected))
