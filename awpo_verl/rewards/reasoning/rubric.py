"""The rubric: a reasoning score without a model, from criteria that are computed from the texts. It is the default.

    score = credit * follows^w * arithmetic^w * loops^w * padding^w,    each fault with its own weight w

credit is the weighted mean of the credits that apply (tools, arguments, sources). If the row states its expected steps,
the share of them that the thinking writes is the only credit. The criteria are in criteria.py, their weights in
`algorithm.awpo.rubric` (RubricConfig). A weight of 0 switches a criterion off.

The score is 0 for thinking that is missing or not closed, for a call that does not parse, and for a missing call. If no
credit applies (no call is made, and none is expected), the reward is missing.

The rubric measures whether the thinking is about this task and leads to this call, not whether it is clever: a terse
plan that mentions the tool and the values earns everything. Length earns nothing. The model's text is hostile, so all
work on it is bounded and about linear.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from awpo_verl.config import RubricConfig
from awpo_verl.config.rewards import RUBRIC_PARTS
from awpo_verl.rewards.outcome import Response
from awpo_verl.rewards.reasoning import criteria
from awpo_verl.rewards.reasoning.evidence import MAX_THINKING_CHARS, Evidence, Task, gather_evidence
from awpo_verl.rewards.reasoning.expected_steps import share_of_steps

CREDITS: dict[str, Callable[[Evidence], float | None]] = {
    "tools": criteria.tools,
    "arguments": criteria.arguments,
    "sources": criteria.sources,
}
FAULTS: dict[str, Callable[[Evidence], float]] = {
    "follows": criteria.follows,
    "arithmetic": criteria.arithmetic,
    "loops": criteria.loops,
    "padding": criteria.padding,
}


@dataclass(frozen=True, slots=True)
class RubricScore:
    """The rubric's score of one rollout.

    Attributes:
        value: in [0, 1]; None if the rubric has no answer.
        parts: for the logs, always the same keys: `rubric` (the value, or 0) and `rubric_<criterion>`, each in [0, 1],
            0 if a criterion does not apply or was not computed.
    """

    value: float | None
    parts: dict[str, float]


def rubric_score(response: Response, task: Task, config: RubricConfig | None = None) -> RubricScore:
    """Score a response's thinking. Never raises on any response.

    Args:
        response: from `parse_response`.
        task: what the row says besides the response.
        config: `algorithm.awpo.rubric`; None = its defaults.
    """
    config = config or RubricConfig()
    if response.thinking is None or not response.has_thinking or response.malformed:
        return _score(0.0, {})
    steps = None
    if config.use_steps:
        steps = share_of_steps(response.thinking[:MAX_THINKING_CHARS], task.expected_steps)
    if steps is None and not response.calls:
        return _score(0.0 if task.calls_expected else None, {})

    evidence = gather_evidence(response, task)
    found: dict[str, float | None] = {"steps": steps}
    if steps is None:
        found |= {name: credit(evidence) for name, credit in CREDITS.items()}
        value = _mean([(found[name], getattr(config, name)) for name in CREDITS])
    else:
        value = steps
    for name, fault in FAULTS.items():
        found[name] = share = fault(evidence)
        value = None if value is None else value * share ** getattr(config, name)
    return _score(value, found)


def _mean(weighted: list[tuple[float | None, float]]) -> float | None:
    """The weighted mean of the credits that apply; None if none applies, or all that apply weigh 0."""
    applying = [(credit, weight) for credit, weight in weighted if credit is not None]
    total = sum(weight for _, weight in applying)
    return sum(credit * weight for credit, weight in applying) / total if total > 0.0 else None


def _score(value: float | None, found: dict[str, float | None]) -> RubricScore:
    parts = {f"rubric_{name}": found.get(name) or 0.0 for name in RUBRIC_PARTS}
    return RubricScore(value, {**parts, "rubric": value or 0.0})
