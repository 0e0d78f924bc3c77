"""One row, read: its conversation, its steps, its tools."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from awpo_verl.rewards.row import read_row, show_conversation
from tests.rewards.managing import RIGHT, manager, score


def test_expected_steps_must_be_a_list_of_strings(tokenizer: Any) -> None:
    with pytest.raises(TypeError, match=r"reasoning_steps.*'2\*3=6'"):
        score(manager(tokenizer), RIGHT, extra_info={"reasoning_steps": "2*3=6"})
    _, info = score(manager(tokenizer), RIGHT, extra_info={"reasoning_steps": np.array(["2*3=6"], dtype=object)})
    assert info["reasoning"] == 1.0


MESSAGES = [
    {"role": "system", "content": "You pay."},
    {
        "role": "user",
        "content": [{"type": "text", "text": "This bill."}, {"type": "image", "image": "bill.png"}, "Now."],
    },
    {"role": "assistant", "content": None, "tool_calls": [{"name": "pay"}]},
]
SHOWN = '[system]\nYou pay.\n[user]\nThis bill.\n(image)\nNow.\n[assistant]\n\n[{"name": "pay"}]'


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        (None, ""),
        ("a text", "a text"),
        (MESSAGES, SHOWN),
        (np.array(MESSAGES, dtype=object), SHOWN),
        ([{"content": "no role"}, "no message"], "[?]\nno role\nno message"),
    ],
    ids=["none", "text", "list", "array", "odd"],
)
def test_a_prompt_is_shown_as_text(prompt: Any, shown: str) -> None:
    assert show_conversation(prompt) == read_row(None, prompt).conversation == shown


def test_what_the_model_was_told_between_its_turns_is_part_of_a_known_conversation() -> None:
    assert read_row(None, "Pay.", between=["paid", "done"]).conversation == "Pay.\npaid\ndone"
    assert read_row(None, None, between=["paid"]).conversation == ""  # the prompt is unknown


def test_tools_come_from_the_row_or_else_from_its_extra_info() -> None:
    info = {"tools": '[{"name": "of_info"}]', "reasoning_steps": ["1+1=2"]}
    row = read_row({"tool_calls": []}, extra_info=info, data_source="set")
    assert list(row.target.tools or ()) == ["of_info"]
    assert (row.expected_steps, row.data_source, row.extra_info) == (("1+1=2",), "set", info)
    beside = read_row({"tool_calls": []}, extra_info=info, tools=[{"name": "of_row"}])
    assert list(beside.target.tools or ()) == ["of_row"]


@pytest.mark.parametrize("extra_info", ["text", [1], 3])
def test_an_extra_info_that_is_not_an_object_is_shown(extra_info: Any) -> None:
    with pytest.raises(TypeError, match="extra_info must be an object, got "):
        read_row(None, extra_info=extra_info)
