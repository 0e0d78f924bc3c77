"""ToolACE's form: conversations with calls in Python's form, under names that are no names in Python."""

from __future__ import annotations

import time

import pytest

from awpo_verl.rewards.outcome.calls import BadCallError
from awpo_verl.workbench.data import toolace as module
from awpo_verl.workbench.data.sample import BrokenRowError, Dropped, Sample
from awpo_verl.workbench.data.toolace_calls import looks_like_calls, read_calls
from tests.workbench.data.rows import ALL, call, drops, read, reference_score, run, sample, toolace, truth

PARAMETERS = {"City Weather/v2 (daily)": ["city", "days", "unit.name"], "getTime": [], "What's New": []}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[City Weather/v2 (daily)(city="Rome", days=2)]', [("City Weather/v2 (daily)", {"city": "Rome", "days": 2})]),
        ("[getTime(), What's New(a='x')]", [("getTime", {}), ("What's New", {"a": "x"})]),
        (
            '[getTime(unit.name="a, b=(c)", user-id=[1, {"k": (1, 2)}], ok=true)]',
            [("getTime", {"unit.name": "a, b=(c)", "user-id": [1, {"k": [1, 2]}], "ok": True})],
        ),
        (' [ Not Offered API (x = "[g(y=1)]") ] ', [("Not Offered API", {"x": "[g(y=1)]"})]),
        ('[f(a="say \\"f(b=1)\\"")]', [("f", {"a": 'say "f(b=1)"'})]),
        # without names: the schema's order
        ('[City Weather/v2 (daily)("Rome, IT", 2)]', [("City Weather/v2 (daily)", {"city": "Rome, IT", "days": 2})]),
        (
            '[City Weather/v2 (daily)("Rome", unit.name="C"), City Weather/v2 (daily)("Oslo")]',
            [
                ("City Weather/v2 (daily)", {"city": "Rome", "unit.name": "C"}),
                ("City Weather/v2 (daily)", {"city": "Oslo"}),
            ],
        ),
        ("[g(k0=1, p0=2, t0=3)]", [("g", {"k0": 1, "p0": 2, "t0": 3})]),
    ],
)
def test_names_with_blanks_dots_slashes_and_brackets_are_read(text, expected):
    assert [(c.name, c.arguments) for c in read_calls(text, PARAMETERS)] == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[getTime(a=1, a=2)]", "an argument twice"),
        ("[getTime(1)]", "more positional arguments than the tool has"),
        ("[other(1)]", "positional arguments of a tool without a schema"),
        ('[City Weather/v2 (daily)("Rome", city="Oslo")]', "an argument twice"),
        ('[City Weather/v2 (daily)(days=2, "Rome")]', "a positional argument after a named one"),
        ("[getTime(" + "a" * 300 + "=1)]", "an argument's name cannot be read: aaa"),
        ("[" + "f" * 300 + "(a=1)]", "a name of more than 200"),
        ("[getTime(a=b)]", "not a literal"),
        ("[getTime(a=__import__('os').system('x'))]", "not a literal"),
        ('[getTime(a="it)]', "a text that is not closed"),
        ("[getTime(a=[1)]", "brackets that do not match"),
        ("[getTime()] and more", "text after it"),
        ("[getTime(", "cut off"),
        ("[]", "not a list of calls"),
        ("[getTime(a=" + "1" * 200 + ")]", "digits"),
        ("[getTime(a=" + "[" * 100 + "]" * 100 + ")]", "nested"),
        ("[" + "x" * 70_000, "more than"),
    ],
)
def test_a_text_that_is_not_a_list_of_calls_is_refused(text, reason):
    with pytest.raises(BadCallError, match=reason):
        read_calls(text, PARAMETERS)


@pytest.mark.parametrize(
    "piece", ['\\"', '"', "'", "[", "(", "f(a=", "[f(", "a=", ",", " ", "=", "x", '"\\', "f(a='b',"]
)
def test_hostile_text_takes_no_time(piece):
    began = time.perf_counter()
    for text in ("[f(a=" + piece * (65_000 // len(piece)), "[" + piece * (65_000 // len(piece))):
        looks_like_calls(text, list(PARAMETERS))
        with pytest.raises(BadCallError):
            read_calls(text, PARAMETERS)
    assert time.perf_counter() - began < 3


CONVERSATION = toolace(
    ("user", "Weather in Rome?"),
    ("assistant", '[City Weather/v2 (daily)(city="Rome")]'),
    ("tool", '[{"name": "City Weather/v2 (daily)", "results": {"sky": "blue"}}]'),
    ("assistant", "It is blue."),
    ("user", "And the time, and Oslo?"),
    ("assistant", '[getTime(), City Weather/v2 (daily)(city="Oslo", days=3)]'),
    context="Today is Monday.\n",
)


def test_each_assistant_turn_is_a_sample_with_the_turns_before_it():
    first, second, third = read("toolace", CONVERSATION)
    assert isinstance(first, Sample)
    assert isinstance(second, Sample)
    assert isinstance(third, Sample)
    assert [s.id for s in (first, second, third)] == ["here:1#1", "here:1#3", "here:1#5"]
    weather = call("City Weather/v2 (daily)", city="Rome")
    assert (first.calls, second.calls) == ((weather,), ())
    assert third.calls == (call("getTime"), call("City Weather/v2 (daily)", city="Oslo", days=3))
    assert [m["role"] for m in first.messages] == ["system", "user"]
    assert third.messages == (
        {"role": "system", "content": "Today is Monday."},  # its instructions for the form of calls are gone
        {"role": "user", "content": "Weather in Rome?"},
        {"role": "assistant", "content": "", "tool_calls": [weather]},
        {"role": "tool", "content": '[{"name": "City Weather/v2 (daily)", "results": {"sky": "blue"}}]'},
        {"role": "assistant", "content": "It is blue."},
        {"role": "user", "content": "And the time, and Oslo?"},
    )
    assert first.source_prompt is not None
    assert first.source_prompt[0]["content"] == CONVERSATION["system"]


def test_the_tools_are_json_schema():
    tools = sample("toolace", toolace(("user", "Time?"), ("assistant", "[getTime()]"))).tools
    assert tools[0]["function"]["parameters"] == {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "unit.name": {"type": "string"}},
        "required": ["city"],
    }
    assert tools[1]["function"]["parameters"] == {"type": "object", "properties": {}}


def test_without_tools_or_thinking_there_is_no_system_message():
    first = sample("toolace", toolace(("user", "Time?"), ("assistant", "[getTime()]")))
    assert [m["role"] for m in first.messages] == ["user"]


def test_an_unreadable_call_drops_its_turn_and_all_later_turns():
    row = toolace(
        ("user", "Time?"),
        ("assistant", "[getTime()]"),
        ("user", "Rome?"),
        ("assistant", "[getTime(zone=Rome)]"),
        ("user", "Well?"),
        ("assistant", "[getTime()]"),
    )
    good, broken, later = read("toolace", row)
    assert isinstance(good, Sample)
    assert isinstance(broken, Dropped)
    assert isinstance(later, Dropped)
    assert (broken.where, broken.reason, later.reason) == ("here:1#3", module.UNREADABLE, module.EARLIER)


def test_a_call_inside_prose_is_dropped_as_ambiguous():
    (found,) = read("toolace", toolace(("user", "Time?"), ("assistant", "Sure: [getTime()]")))
    assert isinstance(found, Dropped)
    assert found.reason == module.IN_PROSE


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            toolace(("user", "a"), ("tool", "b"), ("bot", "c")),
            r"conversations\[2\].from is 'bot'; expected user, assist",
        ),
        ({**CONVERSATION, "system": "You are kind."}, "system has no JSON list of functions"),
        (
            {**CONVERSATION, "system": "you can invoke:\n[{'name': 1}]"},
            "system has a list of functions that is not JSON",
        ),
        ({"system": CONVERSATION["system"]}, "conversations is missing; expected a list"),
        (toolace(("assistant", "Hello.")), "no turn of the user"),
        (
            toolace(("user", "a"), tools=[{"name": "f", "parameters": {"type": "object", "required": [1]}}]),
            "is not a tool",
        ),
        (toolace(("user", "a"), tools=[{"description": "f"}]), r"system\[0\].name is missing"),
        (
            {**CONVERSATION, "conversations": [{"from": "user", "value": 3}]},
            r"conversations\[0\].value is 3; expected a",
        ),
    ],
)
def test_a_row_in_another_form_is_named_by_its_field(row, message):
    with pytest.raises(BrokenRowError, match=message):
        read("toolace", row)


def test_turns(tmp_path):
    from dataclasses import replace

    for which, calls in (("all", [1, 0, 2]), ("first", [1]), ("last", [2])):
        report, rows = run("toolace", [CONVERSATION], tmp_path, replace(ALL, turns=which))
        assert [row["extra_info"]["calls"] for row in rows] == calls
        assert report.dropped.total() == 3 - len(calls)
        assert all(reference_score(row) == 1.0 for row in rows)


def test_the_default_keeps_turns_without_a_call_up_to_a_fifth_of_the_rows(tmp_path):
    from dataclasses import replace

    chats = [toolace(("user", f"Hello {n}"), ("assistant", "Hello.")) for n in range(10)]
    times = [toolace(("user", f"Time {n}?"), ("assistant", "[getTime()]")) for n in range(8)]
    report, rows = run("toolace", chats + times, tmp_path, replace(ALL, no_call=0.2))
    # 8 calls are four fifths of 10 rows: 2 of the 10 others may stay
    assert (len(rows), report.calls[0], report.no_call) == (10, 2, 0.2)
    assert sum(1 for _, reason, _ in drops(tmp_path / "out") if "--no-call" in reason) == 8
    assert run("toolace", chats + times, tmp_path, replace(ALL, no_call=0.0))[0].calls[0] == 0


def test_an_expected_call_of_a_tool_that_is_not_offered_is_dropped(tmp_path):
    rows = [
        toolace(("user", "A?"), ("assistant", '[getDate(day="x")]')),
        toolace(("user", "B?"), ("assistant", "[City Weather/v2 (daily)(days=1)]")),
        toolace(("user", "C?"), ("assistant", '[City Weather/v2 (daily)(city="Rome", sky=1)]')),
        toolace(("user", "D?"), ("assistant", '[City Weather/v2 (daily)(city="Rome", days="2")]')),
    ]
    _, kept = run("toolace", rows, tmp_path)
    reasons = [(where, reason) for where, reason, _ in drops(tmp_path / "out")]
    assert reasons == [
        ("source.jsonl:1#1", "calls a tool that is not offered"),
        ("source.jsonl:2#1", "an expected call breaks its tool's schema"),
        ("source.jsonl:3#1", "an argument that the tool does not have"),
    ]
    assert truth(kept[0])["tool_calls"][0]["arguments"] == {"city": "Rome", "days": {"$any": [2, "2"]}}


@pytest.mark.parametrize("which", ["first", "last"])
def test_one_turn_of_a_conversation_is_one_with_a_call_where_there_is_one(tmp_path, which):
    from dataclasses import replace

    prose = [("user", "Hi"), ("assistant", "Hello."), ("user", "Time?")]
    row = toolace(*prose, ("assistant", "[getTime()]"), ("user", "Thanks"), ("assistant", "Bye."))
    chat = toolace(("user", "Ho"), *prose[1:], ("assistant", "Late."))
    _, rows = run("toolace", [row, chat], tmp_path, replace(ALL, turns=which))
    turn = {"first": 1, "last": 3}[which]
    assert [r["extra_info"]["id"] for r in rows] == ["source.jsonl:1#3", f"source.jsonl:2#{turn}"]
