"""The check of one response as a whole."""

from __future__ import annotations

from awpo_verl.rewards.outcome import check_outcome, read_target
from tests.rewards.outcome.calls import call, hermes, tool


def test_a_call_that_matches_but_breaks_its_schema_says_so_in_the_parts() -> None:
    truth = {"tool_calls": [call("f", a="high")]}
    tools = [tool("f", a={"type": "string", "enum": ["low", "mid"]})]
    outcome_check = check_outcome(hermes(call("f", a="high")), read_target(truth, tools))
    assert (outcome_check.exact, outcome_check.as_info()["exact"], outcome_check.as_info()["schema_ok"]) == (
        1.0,
        1.0,
        0.0,
    )
    assert outcome_check.schema_problems == ("a: enum",)
    assert check_outcome(hermes(call("f", a="high")), read_target(truth)).as_info()["schema_ok"] == 1.0
