"""What the rubric and the judge are given of a rollout, from its response and its row."""

from __future__ import annotations

from awpo_verl.rewards.json_values import show_json
from awpo_verl.rewards.outcome import OutcomeCheck, Response
from awpo_verl.rewards.reasoning.evidence import Task
from awpo_verl.rewards.reasoning.judge import Case
from awpo_verl.rewards.row import Row


def make_task(outcome_check: OutcomeCheck, row: Row) -> Task:
    """What the rubric compares a rollout's thinking with."""
    # without a conversation the prompt is unknown: the tools alone are not what was asked
    prompt = f"{row.conversation}\n{row.target.tools_text}" if row.conversation else ""
    return Task(prompt, outcome_check.offered, row.expected_steps, outcome_check.calls_expected)


def make_case(response: Response, row: Row) -> Case:
    """What the judge sees of a rollout. Never raises on any response.

    Args:
        response: from parse_response; its thinking is closed.
    """
    calls = [show_json({"name": call.name, "arguments": call.arguments}) for call in response.calls]
    calls += [f"(a call that does not parse: {problem})" for problem in response.problems]
    return Case(
        conversation=row.conversation,
        thinking=response.thinking or "",
        tools=row.target.tools_text,
        reference=row.target.reference_text,
        answer="\n".join([*(["Calls:", *calls] if calls else []), response.content]).strip(),
    )
