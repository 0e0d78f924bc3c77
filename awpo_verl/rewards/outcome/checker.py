"""The outcome of one response: parse it, then compare its calls, or what they did, with what its row expects.

The reward manager and offline scoring both use it. A Target says how a response is checked: expected calls by matching
(matching.py), an expected trajectory by what the calls did to the environment (execution). Without a Target of ours the
response is parsed and not checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from awpo_verl.config import OutcomeConfig
from awpo_verl.rewards.outcome.calls import Response, ToolCall
from awpo_verl.rewards.outcome.expected_calls import ExpectedCalls
from awpo_verl.rewards.outcome.expected_trajectory import ExpectedTrajectory
from awpo_verl.rewards.outcome.matching import Match, match_calls
from awpo_verl.rewards.outcome.parse import parse_response
from awpo_verl.rewards.outcome.schema import schema_problems
from awpo_verl.rewards.outcome.target import Target

if TYPE_CHECKING:
    from awpo_verl.rewards.outcome.execution import TrajectoryMatch


@dataclass(frozen=True, slots=True)
class OutcomeCheck:
    """What the checker found in one response.

    Attributes:
        response: the response, parsed.
        match: how its calls compare with the expected ones; None where the row has no expected calls.
        trajectory: how the effect of its calls compares with the reference's; None where the row has no trajectory.
        schema_problems: how its calls break the tools' schemas; empty where no schemas are known.
        calls_expected: the row is known to expect at least one call.
        offered: names of the tools that the prompt offers; empty where no schemas are known.
    """

    response: Response
    match: Match | None = None
    trajectory: TrajectoryMatch | None = None
    schema_problems: tuple[str, ...] = ()
    calls_expected: bool = False
    offered: tuple[str, ...] = ()

    @property
    def checked(self) -> bool:
        """Whether the ground truth was one that this package checks."""
        return self.match is not None or self.trajectory is not None

    @property
    def exact(self) -> float:
        """1.0 if everything is right, else 0.0."""
        if self.trajectory is not None:
            return float(self.trajectory.ok)
        return float(self.match is not None and self.match.exact)

    @property
    def graded(self) -> float:
        """In [0, 1]; 1.0 exactly where `exact` is. For a trajectory, the product of both scores."""
        if self.trajectory is not None:
            return self.trajectory.state_ok * self.trajectory.results_ok
        return self.match.graded if self.match is not None else 0.0

    def outcome(self, kind: str) -> float:
        """The outcome reward by `algorithm.awpo.outcome.match`: "exact" or "graded"."""
        return self.exact if kind == "exact" else self.graded

    @property
    def failures(self) -> tuple[tuple[str, str], ...]:
        """(kind, detail) of what is wrong, the most important first; empty where `exact` or not checked."""
        if self.trajectory is not None:
            return () if self.trajectory.ok else (("the trajectory went wrong", self.trajectory.reason),)
        return self.match.failures if self.match is not None else ()

    def as_info(self) -> dict[str, float]:
        """The parts for the logs, always the same keys. Where `checked` is 0, the scores mean nothing."""
        match, trajectory = self.match, self.trajectory
        return {
            "format_ok": float(self.response.format_ok),
            "n_calls": float(len(self.response.calls)),
            "schema_ok": float(not self.schema_problems),
            "checked": float(self.checked),
            "exact": self.exact,
            "graded": self.graded,
            "name_score": match.name if match else 0.0,
            "key_score": match.key if match else 0.0,
            "value_score": match.value if match else 0.0,
            "refused": float(match is not None and match.refused),
            "needless": float(match is not None and match.needless),
            "state_ok": trajectory.state_ok if trajectory else 0.0,
            "results_ok": trajectory.results_ok if trajectory else 0.0,
        }


def check_outcome(
    text: str | Sequence[str],
    target: Target | None,
    config: OutcomeConfig | None = None,
    tool_extra_fields: Mapping[str, Any] | None = None,
    opened: bool | Sequence[bool | None] | None = None,
) -> OutcomeCheck:
    """Check one response. Never raises on any text.

    Args:
        text: what the model wrote, without the prompt (see parse_response).
        target: of the row, from read_target. None = parse the response and compare it with nothing.
        config: `algorithm.awpo.outcome`; None = its defaults.
        tool_extra_fields: of a rollout of verl's tool agent loop, whose log says what its calls did. None = there was
            no such loop; the calls of the text are run.
        opened: whether the prompt has opened the thinking (see parse_response).

    Raises:
        ValueError: the ground truth or the tools are broken; shows the entry.

    Example:
        >>> from awpo_verl.rewards.outcome.target import read_target
        >>> target = read_target('{"tool_calls": [{"name": "f", "arguments": {"a": 2}}]}')
        >>> check_outcome('<tool_call>{"name": "f", "arguments": {"a": 2}}</tool_call>', target).exact
        1.0
    """
    config = config or OutcomeConfig()
    expected, tools = (None, None) if target is None else (target.expected, target.tools)
    response = parse_response(text, config.format, tools, opened)
    match = trajectory = None
    calls_expected = False
    if isinstance(expected, ExpectedCalls):
        match = match_calls(response, expected.calls, tools, config.strings)
        calls_expected = bool(expected.calls)
    elif expected is not None:
        trajectory = _match_trajectory(expected, response.calls, tool_extra_fields)
        calls_expected = True
    problems = tuple(schema_problems(response.calls, tools))
    return OutcomeCheck(response, match, trajectory, problems, calls_expected, offered=tuple(tools or ()))


def _match_trajectory(
    expected: ExpectedTrajectory, calls: Sequence[ToolCall], tool_extra_fields: Mapping[str, Any] | None
) -> TrajectoryMatch:
    # imported where it is needed: environments need transformers
    from awpo_verl.rewards.outcome.execution import match_response, match_rollout

    if tool_extra_fields is None:
        return match_response(expected, calls)
    return match_rollout(expected, tool_extra_fields)
