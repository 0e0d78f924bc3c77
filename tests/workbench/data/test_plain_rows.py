"""One's own JSONL."""

from __future__ import annotations

import json

import pytest

from awpo_verl.workbench.data.sample import BrokenRowError
from tests.workbench.data.rows import call, openai, plain, read, reference_score, run, sample, truth

F = openai("f", a="integer", b="string")
USER = {"role": "user", "content": "Q"}
OPENAI_CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


@pytest.mark.parametrize(
    "row",
    [
        plain("Q", call("f", a=1)),
        {"prompt": [USER], "tools": json.dumps([F["function"]]), "tool_calls": [OPENAI_CALL]},
        {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL]}], "tools": [F]},
        {"messages": json.dumps([USER]), "ground_truth": {"tool_calls": [call("f", a=1)], "tools": [F]}},
        {"question": "Q", "ground_truth": json.dumps({"tool_calls": [call("f", a=1)]}), "tools": [F]},
    ],
)
def test_each_way_to_write_a_row_gives_the_same_sample(row):
    found = sample("jsonl", row)
    assert (found.messages, found.tools, found.calls) == ((USER,), (F,), (call("f", a=1),))


def test_a_rows_own_fields_are_kept(tmp_path):
    more = {"id": 9, "data_source": "mine", "difficulty": "level 3", "reasoning": "So.", "reasoning_steps": ["1+1=2"]}
    given = plain("Q", call("f", a={"$any": [1, 2]}), **more)
    report, (row,) = run("jsonl", [given], tmp_path)
    info = row["extra_info"]
    assert row["data_source"] == "mine"
    assert (info["id"], info["difficulty"], info["reference_reasoning"]) == ("9", "level 3", "So.")
    assert info["reasoning_steps"] == ["1+1=2"]
    assert report.kept == {("train", "level 3"): 1}
    assert truth(row)["tool_calls"] == [call("f", a={"$any": [1, 2]})]
    assert reference_score(row) == 1.0


def test_a_reply_at_the_end_of_the_messages_never_gets_into_the_prompt() -> None:
    reply = {"role": "assistant", "content": "", "tool_calls": [call("f", a=1)]}
    row = {"messages": [{"role": "user", "content": "Q"}, reply], "tools": [openai("f", a="integer")]}
    for answer in ({"tool_calls": [call("f", a=1)]}, {"ground_truth": {"tool_calls": [call("f", a=1)]}}, {}):
        assert [message["role"] for message in sample("jsonl", row | answer).messages] == ["user"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "Q"}, "^has none of messages, prompt, question; it has text"),
        ({"question": "Q"}, "tool_calls is missing, and so is ground_truth; expected"),
        ({"question": "Q", "tool_calls": []}, r"tools is missing; expected a list of tools \(\[\] where"),
        (plain("Q", call("f"), tools="{"), "tools is not JSON"),
        (plain("Q", {"name": ""}), r"tool_calls\[0\] is not a call \(a call without a name\)"),
        ({"messages": [], "tools": [], "tool_calls": []}, r"messages is \[\]; expected messages"),
        ({"messages": [{"role": "robot"}], "tools": []}, r"messages\[0\].role is 'robot'; expected one of system"),
        ({"messages": [{"role": "user"}], "tools": []}, r"messages\[0\].content is missing; expected a text"),
        ({"messages": [{"role": "system", "content": ""}], "tool_calls": [], "tools": []}, "no message of the user"),
        (plain("Q", reasoning_steps="1+1=2"), "reasoning_steps is '1\\+1=2'; expected a list of texts"),
    ],
)
def test_a_row_in_another_form_is_named_by_its_field(row, message):
    with pytest.raises(BrokenRowError, match=message):
        read("jsonl", row)
