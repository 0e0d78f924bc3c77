"""gpt-oss, by hand: channels and headers."""

from __future__ import annotations

import pytest

from awpo_verl.rewards.outcome import parse_response
from tests.rewards.outcome.calls import F


def test_channels() -> None:
    text = (
        "<|channel|>analysis<|message|>plan to=functions.x<|end|>"
        "<|start|>assistant to=functions.f<|channel|>commentary <|constrain|>json<|message|>"
        '{"a": 1}<|call|><|start|>assistant<|channel|>final<|message|>Done.<|return|>'
    )
    response = parse_response(text, "gpt_oss")
    assert (response.thinking, response.calls, response.content) == ("plan to=functions.x", (F,), "Done.")
    assert parse_response("<|channel|>analysis<|message|>plan", "gpt_oss").unclosed


@pytest.mark.parametrize(
    ("header", "end", "problem"),
    [
        ("<|channel|>commentary to=functions.f", "<|end|>", "a call that does not end with <|call|>"),
        ("<|channel|>final to=functions.f", "<|call|>", "a call in the final channel"),
        ("<|channel|>commentary to=browser.search", "<|call|>", "a call to 'browser.search', which is not a function"),
        # another role does not call: what ends with the mark of a call is one that cannot be read
        ("<|start|>user to=functions.f<|channel|>commentary", "<|call|>", "a call whose header cannot be read"),
        ("<|start|>user to=functions.f<|channel|>commentary", "<|end|>", None),
        ("<|start|>functions.g to=assistant<|channel|>commentary", "<|end|>", None),
        ("garbage to=functions.f here", "<|call|>", "a call whose header cannot be read"),
        (
            "<|start|>assistant to=functions.g<|channel|>commentary to=functions.f",
            "<|call|>",
            "a call whose header cannot be read",
        ),
    ],
)
def test_headers_that_do_not_make_a_call(header: str, end: str, problem: str | None) -> None:
    response = parse_response(f'{header}<|message|>{{"a": 1}}{end}', "gpt_oss")
    assert response.calls == ()
    assert response.problems == ((problem,) if problem else ())
    assert response.content == ""
