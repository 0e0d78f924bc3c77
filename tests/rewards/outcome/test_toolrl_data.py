"""ToolRL's own data: every answer is right against itself, and not with a call more or less."""

from __future__ import annotations

import json

import pandas
import pytest

from awpo_verl.rewards.outcome import Match, match_calls, parse_response, read_expected_calls
from tests.paths import TOOLRL

DATA = TOOLRL
pytestmark = pytest.mark.skipif(
    not (DATA / "test.parquet").exists(),
    reason="needs test.parquet and rlla_sft.json of ToolRL in ../shared/data/toolrl",
)


def texts() -> list[str]:
    truths = [item["ground_truth"] for item in pandas.read_parquet(DATA / "test.parquet")["reward_model"]]
    return truths + [item["output"] for item in json.loads((DATA / "rlla_sft.json").read_text(encoding="utf-8"))]


def calls_of(text: str) -> list[dict]:
    """Read as ToolRL reads them, not by our parser."""
    answer = text.rpartition("</think>")[2]
    lines = answer.partition("<tool_call>")[2].partition("</tool_call>")[0].strip().split("\n")
    calls = [json.loads(line) for line in lines] if "<tool_call>" in answer else []
    return [{"name": call["name"], "arguments": call["parameters"]} for call in calls]


def match(text: str, calls: list[dict]) -> Match:
    expected = read_expected_calls(json.dumps({"tool_calls": calls}))
    assert expected is not None
    return match_calls(parse_response(text, "toolrl"), expected)


def test_every_text_is_right_against_itself_and_wrong_without_its_last_call():
    given = texts()
    assert len(given) == 480
    for text in given:
        calls = calls_of(text)
        assert match(text, calls).graded == 1.0, text
        if calls:
            assert not match(text, calls[:-1]).exact
            assert not match(text, [*calls, calls[0]]).exact
