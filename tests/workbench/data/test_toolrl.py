"""ToolRL's form, and ToolRL's own rows."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from awpo_verl.workbench.data.fit_to_schema import reference_calls
from awpo_verl.workbench.data.pipeline import prepare_files
from awpo_verl.workbench.data.sample import BrokenRowError, Dropped
from awpo_verl.workbench.data.toolrl import parse_turns
from tests.paths import TOOLRL
from tests.workbench.data.rows import ALL, call, read, reference_score, rlla, run, sample, truth, written

TOOLS = (
    "1. Name: Get News\nDescription: The news.\nMore of it.\n"
    'Parameters: {"page": {"description": "The page.", "type": "int", "default": ""}}\n'
    '2. Name: Say\nDescription: Says it.\nParameters: {"text": {"type": "string", "default": "hi"}}'
)
HISTORY = """<user> What is new?
And where? </user>

<think> I should use the appropriate tool. </think>
<tool_call>
{"name": "Get News", "parameters": {"page": 1}}
{"name": "Say", "parameters": {}}
</tool_call>
<obs> [{"name": "Get News", "results": "<b>none</b>"}] </obs>

<think> I should directly respond to the user's need. </think>
<response> Nothing. </response>

<user> Page two? </user>"""
TRUTH = "<think> I should use the appropriate tool with proper parameters to respond to the user's need. </think>\n"
ANSWER = TRUTH + '<tool_call>\n{"name": "Get News", "parameters": {"page": "2"}}\n</tool_call>'


def test_the_conversation_is_taken_out_of_the_users_text():
    assert parse_turns(HISTORY) == [
        {"role": "user", "content": "What is new?\nAnd where?"},
        {"role": "assistant", "content": "", "tool_calls": [call("Get News", page=1), call("Say")]},
        {"role": "tool", "content": '[{"name": "Get News", "results": "<b>none</b>"}]'},
        {"role": "assistant", "content": "Nothing."},
        {"role": "user", "content": "Page two?"},
    ]


def test_tools_and_calls_are_read_and_placeholder_thinking_is_removed(tmp_path):
    given = rlla(TOOLS, HISTORY, ANSWER)
    found = sample("rlla", given)
    assert [t["function"]["description"] for t in found.tools] == ["The news.\nMore of it.", "Says it."]
    assert found.tools[0]["function"]["parameters"] == {  # which are required is not known
        "type": "object",
        "properties": {"page": {"type": "integer", "description": "The page."}},
    }
    assert found.tools[1]["function"]["parameters"]["properties"]["text"]["default"] == "hi"
    assert (found.calls, found.reasoning) == ((call("Get News", page="2"),), "")
    _, (row,) = run("rlla", [given], tmp_path)
    # an integer, as the tool says, is right, and so is the text that the set has
    assert truth(row)["tool_calls"] == [call("Get News", page={"$any": [2, "2"]})]
    assert reference_score(row) == 1.0
    _, (row,) = run("rlla", [given], tmp_path, replace(ALL, prompt="source"))
    assert row["prompt"] == given["prompt"]


def test_a_response_alone_expects_no_call_and_the_thinking_of_the_sft_set_is_kept():
    row = {
        "instruction": rlla(TOOLS, "", "")["prompt"][0]["content"],
        "input": "**Dialogue Records History**\n<user> Hi </user>",
        "output": "<think> A greeting, <tool_call> is not needed. </think>\n<response> Hello. </response>",
    }
    found = sample("rlla", row)
    assert (found.calls, found.reasoning) == ((), "A greeting, <tool_call> is not needed.")


def test_an_answer_that_cannot_be_read_is_dropped():
    for answer in ("<think> t </think> <tool_call> {'name': 1} </tool_call>", "<think> t </think>", "<think> t"):
        (found,) = read("rlla", rlla(TOOLS, "<user> Hi </user>", answer))
        assert isinstance(found, Dropped)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "text"}, "prompt is 'text'; expected a list"),
        ({"prompt": [{"role": "user", "content": ""}]}, r"prompt has roles \['user'\]; expected a system and a user"),
        (
            {**rlla(TOOLS, "<user> Hi </user>", ANSWER), "reward_model": None},
            "reward_model is missing; expected an obj",
        ),
        (rlla(TOOLS, "<user> Hi", ANSWER), "<user> that is not closed"),
        (rlla(TOOLS, "Hi", ANSWER), "outside of <user>"),
        (rlla(TOOLS, "<user> a </user><tool_call> {1 </tool_call>", ANSWER), "an earlier <tool_call> that cannot be"),
        (rlla("1. Name: f\nDescription: d\nParameters: {1", "<user> Hi </user>", ANSWER), "tool 1 of the system text"),
    ],
)
def test_a_row_in_another_form_is_named(row, message):
    with pytest.raises(BrokenRowError, match=message):
        read("rlla", row)


DATA = TOOLRL
real = pytest.mark.skipif(
    not (DATA / "test.parquet").exists(),
    reason="needs test.parquet and rlla_sft.json of ToolRL in ../shared/data/toolrl",
)


def answers(name: str) -> list[list[dict]]:
    """The calls of each row, read as ToolRL reads them, a JSON object a line, and not by our parser."""
    import pyarrow.parquet as pq

    if name.endswith("parquet"):
        texts = [row["reward_model"]["ground_truth"] for row in pq.read_table(DATA / name).to_pylist()]
    else:
        texts = [row["output"] for row in json.loads((DATA / name).read_text(encoding="utf-8"))]
    found = []
    for text in texts:
        block = text.rpartition("</think>")[2].partition("<tool_call>")[2].partition("</tool_call>")[0]
        calls = [json.loads(line) for line in block.strip().split("\n") if line]
        found.append([{"name": item["name"], "arguments": item["parameters"]} for item in calls])
    return found


@real
@pytest.mark.parametrize(("name", "rows", "with_call"), [("test.parquet", 80, 71), ("rlla_sft.json", 400, 346)])
@pytest.mark.parametrize("prompt", ["hermes", "source"])
def test_all_of_toolrls_rows_convert_and_their_answers_are_right(tmp_path, name, rows, with_call, prompt):
    options = replace(ALL, schema_mismatch="keep", prompt=prompt)
    report = prepare_files("rlla", str(DATA / name), tmp_path, options)
    kept = written(tmp_path)
    assert (report.rows, report.broken, len(kept), dict(report.dropped)) == (rows, 0, rows, {})
    assert sum(row["extra_info"]["calls"] > 0 for row in kept) == with_call
    assert [truth(row)["tool_calls"] for row in kept] == answers(name)
    assert all(reference_score(row) == 1.0 for row in kept)
    assert sum(bool(row["extra_info"]["reference_reasoning"]) for row in kept) == (0 if rows == 80 else 400)


@real
@pytest.mark.parametrize(("name", "dropped", "fixed"), [("test.parquet", 8, 10), ("rlla_sft.json", 27, 39)])
def test_by_default_toolrls_broken_answers_are_dropped_and_quoted_numbers_accepted(tmp_path, name, dropped, fixed):
    report = prepare_files("rlla", str(DATA / name), tmp_path, ALL)
    assert (report.rows - report.total, report.fixed) == (dropped, fixed)
    for row in written(tmp_path):
        assert reference_score(row) == 1.0
        assert reference_calls(truth(row)["tool_calls"]) is not None
