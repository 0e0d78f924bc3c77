"""Each call format, by hand: what is a call, what is content, what is a problem, what is a thought."""

from __future__ import annotations

import pytest

from awpo_verl.rewards.outcome import ToolCall, parse_response
from awpo_verl.rewards.outcome.calls import MAX_CALLS
from awpo_verl.rewards.outcome.formats import FORMATS, format_of_template, format_of_text
from tests.rewards.outcome.calls import BOTH, TOOLS, F, G, call, hermes
from tests.rewards.outcome.formats.writers import WRITERS


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_reads_the_same_two_calls(format: str) -> None:
    response = parse_response(BOTH[format], format, TOOLS)
    assert (response.calls, response.problems, response.content) == ((F, G), (), "")


@pytest.mark.parametrize("format", FORMATS)
def test_auto_tells_the_format_by_the_text(format: str) -> None:
    expected = "hermes" if format == "toolrl" else format  # the same tags: toolrl has to be named
    assert format_of_text(BOTH[format]).name == expected
    assert format_of_text("<think>\n{}\n</think>\n\n" + BOTH[format]).name == expected


TAGGED = [name for name, format in FORMATS.items() if format.thinking is not None]


def thinking(format: str, text: str) -> str:
    """A text between the format's marks of thinking."""
    marks = FORMATS[format].thinking
    assert marks is not None
    return f"{marks.opening}{text}{marks.closing}"


@pytest.mark.parametrize("format", TAGGED)
def test_thinking_before_the_calls_is_told_apart(format: str) -> None:
    response = parse_response(thinking(format, "\nplan\n") + "\n\n" + BOTH[format], format, TOOLS)
    assert (response.thinking, response.calls, response.format_ok) == ("\nplan\n", (F, G), True)


@pytest.mark.parametrize("format", TAGGED)
def test_a_call_inside_the_thinking_is_a_thought(format: str) -> None:
    response = parse_response(thinking(format, BOTH[format]) + "No.", format, TOOLS)
    assert (response.calls, response.problems, response.content) == ((), (), "No.")


@pytest.mark.parametrize("format", FORMATS)
def test_text_without_calls_is_content(format: str) -> None:
    response = parse_response("It is [45] (see {x}).", format, TOOLS)
    assert (response.calls, response.problems, response.content) == ((), (), "It is [45] (see {x}).")


@pytest.mark.parametrize("format", TAGGED)
def test_thinking_that_is_never_closed_swallows_the_rest(format: str) -> None:
    marks = FORMATS[format].thinking
    assert marks is not None
    opening = marks.opening + "hmm\n"
    response = parse_response(opening + BOTH[format], format, TOOLS)
    assert (response.thinking, response.calls, response.unclosed, response.format_ok) == (None, (), True, False)


def test_thinking_may_be_opened_by_the_prompt() -> None:
    response = parse_response("plan</think>\n" + BOTH["hermes"])
    assert (response.thinking, response.calls) == ("plan", (F, G))


def test_every_turn_of_a_long_rollout_has_its_own_thinking() -> None:
    one, other = BOTH["hermes"].split("\n<tool_call>{")
    text = f"<think>first</think>{one} ok\n<think>I could {one}</think><tool_call>{{{other}\n<think>cut {one}"
    response = parse_response(text)
    assert (response.thinking, response.calls) == (f"first\nI could {one}", (F, G))
    assert (response.content, response.unclosed, response.format_ok) == ("ok", True, False)
    assert parse_response(text.rpartition("<think>")[0]).format_ok


def test_no_call_is_put_together_across_thinking_and_a_mark_in_an_argument_is_text() -> None:
    across = '<think>x</think><tool_\n<think>y</think>call>{"name": "f"}</tool_call>'
    assert parse_response(across).calls == ()
    within = '<think>x</think><tool_call>{"name": "f",\n<think>y</think>"arguments": {}}</tool_call>'
    response = parse_response(within)
    assert (response.calls, response.malformed) == ((), 1)
    made = call("f", a="<think>hi</think> x", b="a <think> b")
    assert parse_response(hermes(made)).calls == (ToolCall("f", made["arguments"]),)


@pytest.mark.parametrize("format", FORMATS)
def test_output_that_was_cut_off_inside_a_call_is_a_problem(format: str) -> None:
    cut = BOTH[format].rpartition("rue")[0]
    response = parse_response(cut, format, TOOLS)
    assert len(response.problems) == 1
    assert not response.format_ok
    assert response.calls in ((F,), ())


# -- bounds and names


@pytest.mark.parametrize("format", FORMATS)
def test_the_number_of_calls_is_bounded(format: str) -> None:
    def written(calls: int) -> str:
        return WRITERS[format].write([ToolCall("f", {})] * calls)

    response = parse_response(written(MAX_CALLS), format)
    assert (len(response.calls), response.problems) == (MAX_CALLS, ())
    response = parse_response(written(MAX_CALLS + 3), format)
    assert (len(response.calls), response.malformed) == (MAX_CALLS, 1)


def name_of_template(template: str | None) -> str | None:
    format = format_of_template(template)
    return format.name if format is not None else None


def test_the_format_is_told_by_the_chat_template() -> None:
    assert name_of_template('... <tool_call>\n{"name": <function-name>} ...') == "hermes"
    assert name_of_template("<tool_call>\n<function=example>") == "qwen3_coder"
    assert name_of_template('{{- "[TOOL_CALLS] " }}') == "mistral"
    assert name_of_template("<|start|>assistant<|channel|>final<|message|>") == "gpt_oss"
    assert name_of_template('{{- \'{"name": "\' }}"parameters": ') == "llama3_json"
    assert name_of_template("[func_name1(params_name1=params_value1)]") == "pythonic"
    assert name_of_template("{{ messages }}") is None
    assert name_of_template(None) is None


def test_an_unknown_format_is_an_error() -> None:
    with pytest.raises(
        ValueError,
        match=r"algorithm\.awpo\.outcome\.format=xml is not usable: it must be one of auto, gpt_oss, .*, hermes",
    ):
        parse_response("x", "xml")
