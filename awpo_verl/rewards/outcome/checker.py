"""The outcome of one response: parse it, then match its calls, or what they did, with what was expected.

One way for the reward manager and for offline scoring. A row's ground truth says how it is checked:
`{"tool_calls": [...]}` by matching (expected.py), `{"environment": ..., "trajectory": [...]}` by what the calls did to
the environment (execution). Other ground truths are not checked here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from awpo_verl.config import OutcomeConfig
from awpo_verl.rewards.outcome.calls import Response
from awpo_verl.rewards.outcome.expected_calls import expected_calls, offered_tools
from awpo_verl.rewards.outcome.ground_truth import as_object
from awpo_verl.rewards.outcome.matching import Match, match_calls
from awpo_verl.rewards.outcome.parse import parse_response
from awpo_verl.rewards.outcome.schema import parse_tools, schema_problems

if TYPE_CHECKING:
    from awpo_verl.rewards.outcome.execution import TrajectoryMatch


@dataclass(frozen=True, slots=True)
class OutcomeCheck:
    """What the checkers say of one response.

    Attributes:
        response: the response, taken apart.
        match: how its calls compare with the expected ones; None where the row expects no calls of our form.
        trajectory: how what its calls did compares with the reference; None where the row has no trajectory.
        schema_problems: what of its calls breaks the tools' schemas; empty where no schemas are known.
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
        """Whether a checker knew the ground truth."""
        return self.match is not None or self.trajectory is not None

    @property
    def exact(self) -> float:
        """1.0 where all is right, else 0.0."""
        if self.trajectory is not None:
            return float(self.trajectory.ok)
        return float(self.match is not None and self.match.exact)

    @property
    def graded(self) -> float:
        """In [0, 1]; 1.0 exactly where `exact` is. Of a trajectory the product of its scores: doing nothing earns 0."""
        if self.trajectory is not None:
            return self.trajectory.state_ok * self.trajectory.results_ok
        return self.match.graded if self.match is not None else 0.0

    def outcome(self, kind: str) -> float:
        """The outcome reward by `algorithm.awpo.outcome.match`: "exact" or "graded"."""
        return self.exact if kind == "exact" else self.graded

    @property
    def failures(self) -> tuple[tuple[str, str], ...]:
        """(kind, detail) of what is wrong, the most telling first; empty where `exact` or not checked."""
        if self.trajectory is not None:
            return () if self.trajectory.ok else (("the trajectory went wrong", self.trajectory.reason),)
        return self.match.failures if self.match is not None else ()

    def as_info(self) -> dict[str, float]:
        """The parts for the logs, the same keys whatever was checked: where `checked` is 0, the scores mean nothing."""
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


def check(
    text: str | Sequence[str],
    ground_truth: Any,
    config: OutcomeConfig | None = None,
    tools: Any = None,
    tool_extra_fields: Mapping[str, Any] | None = None,
    opened: bool | Sequence[bool | None] | None = None,
) -> OutcomeCheck:
    """Check one response. Never raises on any text.

    Args:
        text: what the model wrote, without the prompt (see parse_response).
        ground_truth: one of the forms above, or its JSON text; anything else is not checked. Its `tools`, if it has
            them, are the tools' schemas.
        config: `algorithm.awpo.outcome`; None = its defaults.
        tools: the schemas where the ground truth has none, a list or its JSON text (see schema.parse_tools), or None.
        tool_extra_fields: of a rollout of verl's tool agent loop: what its calls did is in its log. None = there was
            no such loop; the calls of the text are run.

    Raises:
        ValueError: the ground truth or the tools are broken; shows the entry.
    """
    config = config or OutcomeConfig()
    expected = expected_calls(ground_truth)
    of_trajectory = expected is None and has_trajectory(ground_truth)
    ours = expected is not None or of_trajectory  # another's may mean anything by `tools`
    known = (offered_tools(ground_truth) if ours else None) or parse_tools(tools)
    response = parse_response(text, config.format, known, opened)
    problems = tuple(schema_problems(response.calls, known))
    offered = tuple(known or ())
    if expected is not None:
        match = match_calls(response, expected, known, config.strings)
        return OutcomeCheck(
            response, match=match, schema_problems=problems, calls_expected=bool(expected), offered=offered
        )
    if of_trajectory:
        # imported where it is needed: environments need transformers
        from awpo_verl.rewards.outcome.execution import match_response, match_rollout

        if tool_extra_fields is None:
            trajectory = match_response(ground_truth, response.calls)
        else:
            trajectory = match_rollout(ground_truth, tool_extra_fields)
        needs_calls = trajectory is not None
        return OutcomeCheck(
            response, trajectory=trajectory, schema_problems=problems, calls_expected=needs_calls, offered=offered
        )
    return OutcomeCheck(response, schema_problems=problems, offered=offered)


def has_trajectory(ground_truth: Any) -> bool:
    """Whether a ground truth, an object or its JSON text, is a trajectory. ValueError: it is broken."""
    if isinstance(ground_truth, str) and '"trajectory"' not in ground_truth:
        return False
    return "trajectory" in (as_object(ground_truth) or ())
