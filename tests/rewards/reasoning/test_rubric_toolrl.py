"""Thinking of real traces (ToolRL's 400 SFT samples): its scores, and those of other texts in its place."""

from __future__ import annotations

import dataclasses
import json
import re
from functools import cache

import numpy as np
import pytest

from awpo_verl.rewards.outcome import Response, parse_response
from awpo_verl.rewards.reasoning import Task, rubric_score
from tests.paths import TOOLRL

DATA = TOOLRL
pytestmark = pytest.mark.skipif(
    not (DATA / "rlla_sft.json").exists(), reason="needs rlla_sft.json of ToolRL in ../shared/data/toolrl"
)


@cache
def samples() -> list[tuple[Response, Task]]:
    """The 346 samples that make a call."""
    found: list[tuple[Response, Task]] = []
    for item in json.loads((DATA / "rlla_sft.json").read_text(encoding="utf-8")):
        response = parse_response(item["output"], "toolrl")
        tools = tuple(re.findall(r"(?m)^\d+\. Name: (.*)$", item["instruction"]))
        if response.calls:
            found.append((response, Task(f"{item['instruction']}\n{item['input']}", tools, calls_expected=True)))
    return found


def thinkings() -> list[str]:
    return [response.thinking or "" for response, _ in samples()]


def scores(thinkings: list[str]) -> np.ndarray:
    """[346], of each sample with the thinking given for it."""
    return np.array(
        [
            rubric_score(dataclasses.replace(response, thinking=thinking), task).value
            for (response, task), thinking in zip(samples(), thinkings, strict=True)
        ]
    )


@cache
def real() -> np.ndarray:
    return scores(thinkings())


def test_real_thinking_scores_high() -> None:
    assert len(real()) == 346
    assert real().mean() > 0.9  # measured: 0.94


@pytest.mark.parametrize("shift", [1, 137])
def test_real_thinking_beats_the_thinking_of_another_sample(shift: int) -> None:
    said = thinkings()
    swapped = scores(said[shift:] + said[:shift])
    assert (real() > swapped).mean() >= 0.99  # of the pairs
    assert (real()[:, None] > swapped).mean() >= 0.99  # AUC, ties as lost


def test_longer_thinking_does_not_score_higher() -> None:
    length = [len(thinking.split()) for thinking in thinkings()]
    # measured: -0.21; the longer ones are about calls with more and odder values
    assert -0.35 < np.corrcoef(real(), length)[0, 1] < 0.1


def test_appending_the_thinking_of_another_sample_earns_nothing() -> None:
    said = thinkings()
    longer = scores([f"{own}\n{other}" for own, other in zip(said, said[137:] + said[:137], strict=True)])
    assert (longer > real()).mean() <= 0.01  # where the other one names a tool or value that its own leaves out
    assert longer.mean() < real().mean()


@pytest.mark.parametrize("hack", ["the prompt", "the question", "the tools", "the calls"])
def test_real_thinking_beats_the_text_that_is_at_hand(hack: str) -> None:
    texts = {
        "the prompt": [task.prompt for _, task in samples()],
        "the question": [task.prompt.rpartition("<user>")[2].partition("</user>")[0] for _, task in samples()],
        "the tools": [", ".join(task.tools) for _, task in samples()],
        "the calls": [
            "\n".join(json.dumps({"name": call.name, "arguments": call.arguments}) for call in response.calls)
            for response, _ in samples()
        ],
    }[hack]
    assert (real() > scores(texts)).mean() > 0.95
    assert real().mean() > scores(texts).mean() + 0.4
