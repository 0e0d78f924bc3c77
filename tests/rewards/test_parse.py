"""Each call format, by hand: what is a call, what is content, what is a problem, what is a thought."""

from __future__ import annotations

from typing import Any

import pytest

from awpo_verl.rewards.outcome import ToolCall, parse_response, parse_tools
from awpo_verl.rewards.outcome.bounded_json import MAX_DEPTH
from awpo_verl.rewards.outcome.calls import MAX_CALLS
from awpo_verl.rewards.outcome.formats import FORMATS
from awpo_verl.rewards.outcome.parse import format_of_template, format_of_text
from tests.rewards.calls import call, hermes, tool

F = ToolCall("f", {"a": 1})
G = ToolCall("g", {"b": ["x", None, True]})
BOTH = {
    "hermes": '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>\n'
    '<tool_call>{"name": "g", "arguments":\n {"b": ["x", null, true]}}</tool_call>',
    "toolrl": '<tool_call>\n{"name": "f", "parameters": {"a": 1}}\n'
    '{"name": "g", "parameters": {"b": ["x",\n null, true]}}\n</tool_call>',
    "pythonic": '[f(a=1), g(b=["x", None, true])]',
    "llama3_json": '{"name": "f", "parameters": {"a": 1}}; {"name": "g", "parameters": {"b": ["x", null, true]}}',
    "mistral": '[TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}},\n'
    ' {"name": "g", "arguments": {"b": ["x", null, true]}}]',
    "qwen3_coder": "<tool_call>\n<function=f>\n<parameter=a>\n1\n</parameter>\n</function>\n</tool_call>\n"
    '<tool_call>\n<function=g>\n<parameter=b>\n["x", null, true]\n</parameter>\n</function>\n</tool_call>',
    "gpt_oss": '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>'
    "<|start|>assistant<|channel|>commentary to=functions.g <|constrain|>json<|message|>"
    '{"b": ["x", null, true]}<|call|>',
}
TOOLS = parse_tools([tool("f", a="integer"), tool("g", b="array")])


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_reads_the_same_two_calls(format: str) -> None:
    response = parse_response(BOTH[format], format, TOOLS)
    assert (response.calls, response.problems, response.content) == ((F, G), (), "")


@pytest.mark.parametrize("format", FORMATS)
def test_auto_tells_the_format_by_the_text(format: str) -> None:
    expected = "hermes" if format == "toolrl" else format  # the same tags: toolrl has to be named
    assert format_of_text(BOTH[format]) == expected
    assert format_of_text("<think>\n{}\n</think>\n\n" + BOTH[format]) == expected


@pytest.mark.parametrize("format", sorted(set(FORMATS) - {"gpt_oss", "mistral"}))
def test_thinking_before_the_calls_is_told_apart(format: str) -> None:
    response = parse_response("<think>\nplan\n</think>\n\n" + BOTH[format], format, TOOLS)
    assert (response.thinking, response.calls, response.format_ok) == ("\nplan\n", (F, G), True)


@pytest.mark.parametrize("format", sorted(set(FORMATS) - {"gpt_oss", "mistral"}))
def test_a_call_inside_the_thinking_is_a_thought(format: str) -> None:
    response = parse_response(f"<think>{BOTH[format]}</think>No.", format, TOOLS)
    assert (response.calls, response.problems, response.content) == ((), (), "No.")


@pytest.mark.parametrize("format", FORMATS)
def test_text_without_calls_is_content(format: str) -> None:
    response = parse_response("It is [45] (see {x}).", format, TOOLS)
    assert (response.calls, response.problems, response.content) == ((), (), "It is [45] (see {x}).")


@pytest.mark.parametrize("format", sorted(set(FORMATS) - {"gpt_oss"}))
def test_thinking_that_is_never_closed_swallows_the_rest(format: str) -> None:
    opening = "[THINK]" if format == "mistral" else "<think>"
    response = parse_response(opening + "hmm\n" + BOTH[format], format, TOOLS)
    assert (response.thinking, response.calls, response.unclosed, response.format_ok) == (None, (), True, False)


def test_thinking_may_be_opened_by_the_prompt() -> None:
    response = parse_response("plan</think>\n" + BOTH["hermes"])
    assert (response.thinking, response.calls) == ("plan", (F, G))


def test_every_turn_of_a_long_rollout_has_its_own_thinking() -> None:
    one, other = BOTH["hermes"].split("\n<tool_call>{")
    text = f"<think>first</think>{one} ok <think>I could {one}</think><tool_call>{{{other}<think>cut {one}"
    response = parse_response(text)
    assert (response.thinking, response.calls) == (f"first\nI could {one}", (F, G))
    assert (response.content, response.unclosed, response.format_ok) == ("ok", True, False)
    assert parse_response(text.rpartition("<think>")[0]).format_ok


@pytest.mark.parametrize("format", FORMATS)
def test_output_that_was_cut_off_inside_a_call_is_a_problem(format: str) -> None:
    cut = BOTH[format].rpartition("rue")[0]
    response = parse_response(cut, format, TOOLS)
    assert len(response.problems) == 1
    assert not response.format_ok
    assert response.calls in ((F,), ())


# -- hermes and toolrl


def test_hermes_text_around_the_calls_is_content() -> None:
    response = parse_response('<think>p</think>\n\nSure.\n<tool_call>{"name": "f"}</tool_call> bye')
    assert (response.content, response.calls) == ("Sure.\n bye", (ToolCall("f", {}),))


@pytest.mark.parametrize(
    "block",
    [
        '{"name": "f", "parameters": {"a": 1}}',
        r'{"name": "f", "arguments": "{\"a\": 1}"}',
        '\n\n {"arguments":\n{"a":\t1}, "id": 7, "name": "f"}',
    ],
)
def test_hermes_accepts_parameters_and_arguments_as_json_text(block: str) -> None:
    assert parse_response(hermes(block)).calls == (F,)


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ('{"name": "f"', "not JSON"),
        ("[]", "must be a JSON object, got array"),
        ('{"arguments": {}}', "without a name"),
        ('{"name": 3}', "without a name"),
        ('{"name": "f", "arguments": []}', "arguments must be an object, got array"),
        ('{"name": "f", "arguments": null}', "arguments must be an object, got null"),
        ('{"name": "f", "arguments": "x"}', "not JSON"),
        ('{"name": "f", "arguments": "[1]"}', "arguments must be an object, got array"),
        ('{"name": "f", "arguments": {}, "parameters": {}}', "both arguments and parameters"),
        ('{"name": "f", "arguments": {"a": 1, "a": 2}}', "a key twice"),
        ('{"name": "f"} {"name": "g"}', "text after the value"),  # one call in a block: toolrl has several
        ('{"name": "f", "arguments": {"a": NaN}}', "NaN is not JSON"),
        ('{"name": "f", "arguments": {"a": 1e999}}', "too large for a float"),
        ('{"name": "f", "arguments": {"a": ' + "9" * 101 + "}}", "more than 100 digits"),
        ('{"name": "f", "arguments": {"a": ' + "9" * 60_000 + "}}", "more than 100 digits"),
        ('{"name": "f", "arguments": {"a": ' + "[" * 30_000 + "]" * 30_000 + "}}", "nested too deeply"),
        ('{"name": "f", "arguments": {"a": ' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}}", "nested deeper"),
        ('{"name": "f", "arguments": {"a": "' + "x" * 70_000 + '"}}', "more than 65536 characters"),
    ],
    ids=lambda value: value[:40],
)
def test_a_malformed_or_oversized_block_is_one_problem_with_its_reason(block: str, problem: str) -> None:
    response = parse_response(hermes(block, call("f", a=1)))
    assert response.calls == (F,)
    assert len(response.problems) == 1
    assert problem in response.problems[0]


def test_nesting_up_to_the_bound_is_read() -> None:
    depth = MAX_DEPTH - 2  # the call and its arguments are two
    response = parse_response(hermes('{"name": "f", "arguments": {"a": ' + "[" * depth + "]" * depth + "}}"))
    assert (len(response.calls), response.problems) == (1, ())


def test_toolrl_keeps_the_response_as_content_and_the_calls_before_a_broken_one() -> None:
    calls = '<tool_call>\n{"name": "f", "parameters": {"a": 1}}\n{"name": \n</tool_call>'
    response = parse_response(f"<think>p</think>\n{calls}\n<response> hi </response>", "toolrl")
    assert (response.content, response.calls, response.malformed) == ("hi", (F,), 1)


# -- pythonic


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("-1", -1),
        ("+1", 1),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1.5e3", -1500.0),
        ("null", None),
        ("False", False),
        ("'it\\'s'", "it's"),
        (r"'a\n\t\\\x41\u00e9'", "a\n\t\\Aé"),
        (r"r'\d+'", r"\d+"),
        ("'a' \"b\"", "ab"),
        ("'[f(a=1)]'", "[f(a=1)]"),
        ("(1, 2)", [1, 2]),
        ("(1,)", [1]),
        ("(1)", 1),
        ("[]", []),
        ("[1, [2, {'k': (3,)}],]", [1, [2, {"k": [3]}]]),
        ("{'a': {}, }", {"a": {}}),
    ],
)
def test_pythonic_literals(written: str, value: Any) -> None:
    (made,) = parse_response(f"[f(a={written})]", "pythonic").calls
    assert made == ToolCall("f", {"a": value})
    assert type(made.arguments["a"]) is type(value)


@pytest.mark.parametrize(
    "written",
    [
        *("x", "1+2", "f()", "__import__('os')", "1j", "0x10", "1_000", "b'x'", "f'{x}'", "'a", "lambda: 0", "..."),
        *("{1: 2}", "{1, 2}", "{'a': 1, 'a': 2}", "[*x]", "**k", "9" * 101, "1e999", "[" * 40 + "]" * 40),
        r"'\U00ffffff'",
    ],
)
def test_pythonic_refuses_what_is_no_literal(written: str) -> None:
    response = parse_response(f"[f(a={written})]", "pythonic")
    assert (response.calls, response.malformed) == ((), 1)


def test_pythonic_positional_arguments_take_the_schemas_order() -> None:
    tools = parse_tools([tool("f", x="integer", y="string", z="boolean")])
    assert parse_response("[f(1, 'a', z=True)]", "pythonic", tools).calls == (
        ToolCall("f", {"x": 1, "y": "a", "z": True}),
    )
    assert parse_response("[f(1)]", "pythonic").problems == ("positional arguments of a tool without a schema",)
    assert parse_response("[f(1, 2, 3, 4)]", "pythonic", tools).problems == (
        "more positional arguments than the tool has",
    )


def test_pythonic_refuses_an_argument_given_twice() -> None:
    tools = parse_tools([tool("f", x="integer", y="string")])
    assert parse_response("[f(x=1, x=2)]", "pythonic").problems == ("an argument twice",)
    assert parse_response("[f(1, x=2)]", "pythonic", tools).problems == ("an argument twice",)


def test_pythonic_calls_stand_on_a_line_of_their_own() -> None:
    text = "Let me see:\n[math.sqrt(x=2)]\nor arr[f(x)]."
    response = parse_response(text, "pythonic")
    assert (response.calls, response.problems) == ((ToolCall("math.sqrt", {"x": 2}),), ())
    assert response.content == "Let me see:\n\nor arr[f(x)]."
    assert parse_response("<|python_start|>[f(a=1)]<|python_end|>", "pythonic").calls == (F,)


# -- the others


def test_llama3_json_of_another_kind_is_content() -> None:
    response = parse_response('<|python_tag|>{"name": "f", "parameters": {"a": 1}}\n{"x": 1}', "llama3_json")
    assert (response.calls, response.content) == ((F,), '{"x": 1}')


def test_mistral_from_v11() -> None:
    text = (
        '[THINK]plan[/THINK]Hm.[TOOL_CALLS]f[ARGS]{"a": 1}[TOOL_CALLS]g[CALL_ID]abc123xyz[ARGS]{"b": ["x", null, true]}'
    )
    response = parse_response(text, "mistral")
    assert (response.thinking, response.content, response.calls) == ("plan", "Hm.", (F, G))
    assert parse_response("[TOOL_CALLS]f[ARGS]", "mistral").problems == ("a call without arguments",)


def test_qwen3_coder_values_are_typed_by_the_schema() -> None:
    types = {
        "s": "string",
        "i": "integer",
        "n": "number",
        "b": "boolean",
        "o": "object",
        "u": ["string", "integer"],
        "x": {},
    }
    schemas = {key: {"type": value} if value else {} for key, value in types.items()}
    tools = parse_tools([tool("f", **schemas)])
    written = {"s": "1", "i": "1", "n": "1.5", "b": "True", "o": '{"k": null}', "u": "1", "x": "1", "new": "1"}
    body = "".join(f"<parameter={key}>\n{value}\n</parameter>\n" for key, value in written.items())
    text = f"<tool_call>\n<function=f>\n{body}</function>\n</tool_call>"
    (made,) = parse_response(text, "qwen3_coder", tools).calls
    typed = {"s": "1", "i": 1, "n": 1.5, "b": True, "o": {"k": None}, "u": "1", "x": "1", "new": "1"}
    assert made.arguments == typed
    # text that its type does not fit stays text, with its inner line ends
    text = text.replace("\n1\n", "\n\nno\nnumber\n\n")
    (made,) = parse_response(text, "qwen3_coder", tools).calls
    assert made.arguments["i"] == "\nno\nnumber\n"


@pytest.mark.parametrize(
    "body",
    [
        "<function=f>",
        "<function=></function>",
        "<function=f><parameter=a>1</function>",
        "<function=f>x<parameter=a>1</parameter></function>",
        "<function=f><parameter=a>1</parameter><parameter=a>2</parameter></function>",
        "f(a=1)",
    ],
)
def test_qwen3_coder_problems(body: str) -> None:
    response = parse_response(f"<tool_call>{body}</tool_call>", "qwen3_coder")
    assert (response.calls, response.malformed) == ((), 1)


def test_gpt_oss_channels() -> None:
    text = (
        "<|channel|>analysis<|message|>plan to=functions.x<|end|>"
        "<|start|>assistant to=functions.f<|channel|>commentary <|constrain|>json<|message|>"
        '{"a": 1}<|call|><|start|>assistant<|channel|>final<|message|>Done.<|return|>'
    )
    response = parse_response(text, "gpt_oss")
    assert (response.thinking, response.calls, response.content) == ("plan to=functions.x", (F,), "Done.")
    assert parse_response("<|channel|>analysis<|message|>plan", "gpt_oss").unclosed
    cut = '<|channel|>commentary to=functions.f<|message|>{"a": 1}<|end|>'
    assert parse_response(cut, "gpt_oss").problems == ("a call that does not end with <|call|>",)


# -- bounds and names


@pytest.mark.parametrize("format", FORMATS)
def test_the_number_of_calls_is_bounded(format: str) -> None:
    one = {
        "hermes": '<tool_call>{"name": "f"}</tool_call>',
        "toolrl": '<tool_call>{"name": "f"}</tool_call>',
        "pythonic": "[f()]\n",
        "llama3_json": '{"name": "f", "parameters": {}}',
        "mistral": "[TOOL_CALLS]f{}",
        "qwen3_coder": "<tool_call><function=f></function></tool_call>",
        "gpt_oss": "<|channel|>commentary to=functions.f<|message|>{}<|call|>",
    }[format]
    assert len(parse_response(one * MAX_CALLS, format).calls) == MAX_CALLS
    assert parse_response(one * MAX_CALLS, format).problems == ()
    response = parse_response(one * (MAX_CALLS + 3), format)
    assert len(response.calls) == MAX_CALLS
    assert response.malformed == 1


def test_the_format_is_told_by_the_chat_template() -> None:
    assert format_of_template('... <tool_call>\n{"name": <function-name>} ...') == "hermes"
    assert format_of_template("<tool_call>\n<function=example>") == "qwen3_coder"
    assert format_of_template('{{- "[TOOL_CALLS] " }}') == "mistral"
    assert format_of_template("<|start|>assistant<|channel|>final<|message|>") == "gpt_oss"
    assert format_of_template('{{- \'{"name": "\' }}"parameters": ') == "llama3_json"
    assert format_of_template("[func_name1(params_name1=params_value1)]") == "pythonic"
    assert format_of_template("{{ messages }}") is None
    assert format_of_template(None) is None


def test_an_unknown_format_is_an_error() -> None:
    with pytest.raises(ValueError, match="format='xml' is not a call format; use one of auto, hermes"):
        parse_response("x", "xml")
