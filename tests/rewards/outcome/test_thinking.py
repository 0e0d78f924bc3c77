"""Thinking and calls told apart, whichever holds a mark of the other."""

from __future__ import annotations

import pytest

from awpo_verl.config import OutcomeConfig
from awpo_verl.rewards.outcome import ToolCall, check_outcome, parse_response, parse_tools, read_target
from awpo_verl.rewards.outcome.formats import FORMATS
from tests.rewards.outcome.calls import tool
from tests.rewards.outcome.formats.writers import WRITERS

TOOLS = parse_tools([tool("note", text="string")])
TAGGED = [name for name, format in FORMATS.items() if format.thinking is not None]


def note(format: str, text: str) -> str:
    return WRITERS[format].write([ToolCall("note", {"text": text})])


@pytest.mark.parametrize("opened", [None, False])
@pytest.mark.parametrize("format", TAGGED)
def test_a_mark_of_thinking_inside_of_a_call_is_part_of_the_call(format: str, opened: bool | None) -> None:
    marks = FORMATS[format].thinking
    assert marks is not None
    for value in (f"a {marks.closing} b", f"{marks.opening} a", f"a\n{marks.opening}x{marks.closing}\nb"):
        text = note(format, value)
        config = OutcomeConfig(format=format)
        forbidden = check_outcome(text, read_target({"tool_calls": []}), config, opened=opened)
        assert forbidden.exact == 0.0
        expected = {"tool_calls": [{"name": "note", "arguments": {"text": value}}]}
        target = read_target(expected, [tool("note", text="string")])
        assert check_outcome(text, target, config, opened=opened).exact == 1.0


@pytest.mark.parametrize("format", TAGGED)
def test_in_thinking_that_the_prompt_has_opened_the_first_closing_mark_ends_it(format: str) -> None:
    marks = FORMATS[format].thinking
    assert marks is not None
    text = f"I could write {note(format, 'x')} or not.{marks.closing}No."
    response = parse_response(text, format, TOOLS, opened=True)
    assert (response.calls, response.problems, response.content) == ((), (), "No.")
    # without that knowledge the closing mark, which stands outside of all calls, says the same
    assert parse_response(text, format, TOOLS) == response


@pytest.mark.parametrize("format", TAGGED)
def test_a_whole_call_in_the_thinking_that_holds_a_closing_mark_ends_no_thinking(format: str) -> None:
    """Else half of a call, which the tool loop runs, would be an answer: a forbidden call that earns 1.0."""
    marks = FORMATS[format].thinking
    assert marks is not None
    text = f"\n{note(format, f'a {marks.closing} b')}"
    config = OutcomeConfig(format=format)
    none = read_target({"tool_calls": []})
    assert check_outcome(text, none, config, opened=True).exact == 0.0
    assert check_outcome(f"{marks.opening}{text}", none, config, opened=False).exact == 0.0
    closed = parse_response(f"{text}{marks.closing}No.", format, TOOLS, opened=True)
    assert (closed.content, closed.calls, closed.unclosed) == ("No.", (), False)


@pytest.mark.parametrize("opened", [None, True])
def test_a_thought_that_only_begins_to_write_a_call_can_be_closed(opened: bool | None) -> None:
    right = note("hermes", "x")
    text = f'I should write <tool_call>\n{{"name": "no maybe\n</think>\n{right}'
    response = parse_response(text, opened=opened)
    assert (response.calls, response.problems) == ((ToolCall("note", {"text": "x"}),), ())


@pytest.mark.parametrize("format", TAGGED)
def test_thinking_that_is_never_closed_behind_a_right_call_is_not_right(format: str) -> None:
    """What follows is not read, and the tool loop may run it."""
    marks = FORMATS[format].thinking
    assert marks is not None
    expected = {"tool_calls": [{"name": "note", "arguments": {"text": "x"}}]}
    text = f"{note(format, 'x')}\n{marks.opening}\n{note(format, 'y')}"
    target = read_target(expected, [tool("note", text="string")])
    outcome_check = check_outcome(text, target, OutcomeConfig(format=format), opened=False)
    assert outcome_check.exact == 0.0
    assert outcome_check.graded < 1.0


@pytest.mark.parametrize("format", TAGGED)
def test_thinking_that_the_prompt_has_opened_and_the_model_never_closes_is_no_answer(format: str) -> None:
    response = parse_response("It is probably 45", format, opened=True)
    assert (response.thinking, response.unclosed, response.content) == (None, True, "")
    outcome_check = check_outcome(
        "It is probably 45", read_target({"tool_calls": []}), OutcomeConfig(format=format), opened=True
    )
    assert outcome_check.exact == 0.0


def test_a_closing_mark_without_thinking_is_text_where_the_prompt_has_opened_none() -> None:
    response = parse_response("Hm.</think>\nIt is 45.", opened=False)
    assert (response.thinking, response.content) == (None, "Hm.</think>\nIt is 45.")
    assert parse_response("Hm.</think>\nIt is 45.").thinking == "Hm."


def test_the_model_may_write_the_opening_mark_that_the_prompt_has_written_too() -> None:
    assert parse_response("<think>\nplan\n</think>Yes.", opened=True).thinking == "\nplan\n"


def test_each_turn_has_its_own_beginning() -> None:
    turns = ["plan</think>A.", "B </think> C"]
    response = parse_response(turns, opened=[True, False])
    assert (response.thinking, response.content) == ("plan", "A.\nB </think> C")


@pytest.mark.parametrize("format", TAGGED)
def test_a_call_in_the_thinking_of_a_turn_that_was_answered_was_run_by_the_tool_loop(format: str) -> None:
    marks = FORMATS[format].thinking
    assert marks is not None
    thought = f"{marks.opening}{note(format, 'x')}{marks.closing}"
    none = read_target({"tool_calls": []})
    config = OutcomeConfig(format=format)
    assert check_outcome([f"{thought}I look.", "Done."], none, config).exact == 0.0
    assert (
        check_outcome(["I look.", f"{thought}Done."], none, config).exact == 1.0
    )  # the last turn: nothing came after it
    said = f"{marks.opening}I could write a call.{marks.closing}"
    assert check_outcome([f"{said}I look.", "Done."], none, config).exact == 1.0


def test_gemmas_channel_has_a_name() -> None:
    text = "<|channel>thought\nI add.<channel|>It is 3."
    assert parse_response(text, "gemma4").thinking == "\nI add."
    assert parse_response("I add.<channel|>It is 3.", "gemma4", opened=True).thinking == "I add."


@pytest.mark.parametrize(
    ("prompt", "format", "is_open"),
    [
        ("<|im_start|>assistant\n<think>\n", "hermes", True),
        ("<|im_start|>assistant\n<think>\n\n</think>\n\n", "hermes", False),
        ("Write <think> first.<|im_end|>\n<|im_start|>assistant\n", "hermes", False),
        ("<｜Assistant｜><think>", "deepseek_v31", True),
        ("<｜Assistant｜></think>", "deepseek_v31", False),
        ("]~b]ai\n<think>\n", "minimax", True),
        ("<seed:bos>assistant\n<seed:think><seed:cot_budget_reflect>", "seed", True),
        ("<|turn>model\n<|channel>thought\n<channel|>", "gemma4", False),
        ("<|turn>model\n<|channel>thought\n", "gemma4", True),
        ("[/INST][THINK]", "mistral", True),
    ],
)
def test_whether_a_prompt_has_opened_the_thinking(prompt: str, format: str, is_open: bool) -> None:
    marks = FORMATS[format].thinking
    assert marks is not None
    assert marks.is_open_at_end_of(prompt) is is_open
