"""Each call format on its own, by hand: what it accepts, what is content, what is a problem."""

from __future__ import annotations

from typing import Any

import pytest

from awpo_verl.rewards.bounded_json import MAX_DEPTH
from awpo_verl.rewards.outcome import ToolCall, parse_response, parse_tools
from tests.rewards.outcome.calls import TOOLS, F, G, call, hermes, tool

# -- hermes and toolrl


def test_hermes_text_around_the_calls_is_content() -> None:
    response = parse_response('<think>p</think>\n\nSure.\n<tool_call>{"name": "f", "arguments": {}}</tool_call> bye')
    assert (response.content, response.calls) == ("Sure.\n bye", (ToolCall("f", {}),))


def test_hermes_reads_any_white_space_order_and_other_keys() -> None:
    assert parse_response(hermes('\n\n {"arguments":\n{"a":\t1}, "id": 7, "name": "f"}')).calls == (F,)


@pytest.mark.parametrize(
    "block",
    [
        '{"name": "f", "parameters": {"a": 1}}',
        r'{"name": "f", "arguments": "{\"a\": 1}"}',
    ],
)
def test_toolrl_reads_parameters_and_arguments_as_json_text_and_no_arguments_at_all(block: str) -> None:
    assert parse_response(hermes(block), "toolrl").calls == (F,)
    assert parse_response(hermes('{"name": "f"}'), "toolrl").calls == (ToolCall("f", {}),)


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ('{"name": "f"', "not JSON"),
        ("[]", "must be a JSON object, got array"),
        ('{"arguments": {}}', "without a name"),
        ('{"name": 3}', "without a name"),
        ('{"name": "f", "arguments": []}', "arguments must be an object, got array"),
        ('{"name": "f", "arguments": null}', "arguments must be an object, got null"),
        # what verl's tool loop drops, or hands to the tool as a text
        ('{"name": "f", "parameters": {"a": 1}}', "a call without arguments"),
        ('{"name": "f"}', "a call without arguments"),
        ('{"name": "f", "arguments": ""}', "arguments must be an object, got string"),
        (r'{"name": "f", "arguments": "{\"a\": 1}"}', "arguments must be an object, got string"),
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
        *(
            "x",
            "1+2",
            "f()",
            "__import__('os')",
            "1j",
            "0x10",
            "1_000",
            "b'x'",
            "f'{x}'",
            "'a",
            "01",
            "lambda: 0",
            "...",
        ),
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


@pytest.mark.parametrize(
    "text", ["<|python_start|>[f(a=1)]<|python_end|>", "\n [f(a=1)]\n", "<|python_tag|>[ f (a = 1,),]"]
)
def test_a_pythonic_list_is_all_of_the_text_but_for_marks_and_blanks(text: str) -> None:
    assert parse_response(text, "pythonic").calls == (F,)


@pytest.mark.parametrize("text", ["Sure:\n[f(a=1)]", "or arr[f(x)].", "f(a=1)", "[1, 2]", "[]"])
def test_a_pythonic_list_inside_of_prose_is_content_as_it_is_for_servers(text: str) -> None:
    response = parse_response(text, "pythonic")
    assert (response.calls, response.problems, response.content) == ((), (), text)


@pytest.mark.parametrize("text", ["[f(a=1)] [f(a=2)]", "[f(a=1)] and done", "[f(a=1)]]"])
def test_text_after_a_pythonic_list_is_a_problem(text: str) -> None:
    assert parse_response(text, "pythonic").problems == ("not a list of calls: text after it",)


# -- the others


def test_llama3_json_calls_stand_anywhere_and_other_objects_are_content() -> None:
    response = parse_response('<|python_tag|>{"name": "f", "parameters": {"a": 1}}\n{"x": 1}', "llama3_json")
    assert (response.calls, response.content) == ((F,), '{"x": 1}')
    assert parse_response('Sure: {"name": "f", "parameters": {"a": 1}}', "llama3_json").calls == (F,)
    assert parse_response('[{"name": "f", "parameters": {"a": 1}}]', "llama3_json").calls == (F,)
    person = '{"name": "Bob", "age": 3} is the record, {and} not {more}.'
    response = parse_response(person, "llama3_json")
    assert (response.calls, response.problems, response.content) == ((), (), person)


def test_mistral_from_v11() -> None:
    text = (
        '[THINK]plan[/THINK]Hm.[TOOL_CALLS]f[ARGS]{"a": 1}[TOOL_CALLS]g[CALL_ID]abc123xyz[ARGS]{"b": ["x", null, true]}'
    )
    response = parse_response(text, "mistral")
    assert (response.thinking, response.content, response.calls) == ("plan", "Hm.", (F, G))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[TOOL_CALLS]f[ARGS]", "neither a list of calls nor a name with arguments"),
        ('[TOOL_CALLS]f oh my{"a": 1}', "neither a list of calls nor a name with arguments"),
        ('[TOOL_CALLS]f[ARGS]{"a": 1}{"a": 2}', "text after the calls"),
        ('[TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}}] and so on', "text after the calls"),
        ("[TOOL_CALLS][]", "an empty list of calls"),
    ],
)
def test_mistral_problems(text: str, problem: str) -> None:
    assert parse_response(text, "mistral").problems == (problem,)


@pytest.mark.parametrize(
    ("schema", "written", "value"),
    [
        ({"type": "string"}, "1", "1"),
        ({"type": "string"}, "null", "null"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "null", None),
        ({"type": ["string", "integer"]}, "1", "1"),
        ({}, "1", "1"),
        ({"type": "integer"}, "1", 1),
        ({"type": "integer"}, "+007", 7),
        ({"type": "number"}, "1.5", 1.5),
        ({"type": "boolean"}, "True", True),
        ({"type": "boolean"}, "FALSE", False),
        ({"type": "object"}, '{"k": null}', {"k": None}),
        ({"enum": [1, 2]}, "1", 1),
        ({"allOf": [{"type": "integer"}]}, "1", 1),
        ({"$ref": "#/$defs/n"}, "1", 1),
        ({"type": "integer"}, "\nno\nnumber\n", "\nno\nnumber\n"),  # stays text, with its inner line ends
    ],
)
def test_qwen3_coder_values_are_typed_by_the_schema(schema: dict[str, Any], written: str, value: Any) -> None:
    parameters = {"$defs": {"n": {"type": "integer"}}, "properties": {"a": schema}}
    text = f"<tool_call>\n<function=f>\n<parameter=a>\n{written}\n</parameter>\n</function>\n</tool_call>"
    (made,) = parse_response(text, "qwen3_coder", parse_tools([{"name": "f", "parameters": parameters}])).calls
    assert made.arguments == {"a": value}
    assert type(made.arguments["a"]) is type(value)


def test_qwen3_coder_runs_every_function_of_a_block_and_none_outside_as_verls_loop_does() -> None:
    function = "<function=f>\n<parameter=a>\n1\n</parameter>\n</function>"
    for text in (f"Ok. {function}\n</tool_call>", function, f"<tool_call></tool_call>{function}"):
        response = parse_response(text, "qwen3_coder", TOOLS)
        assert (response.calls, response.problems[-1]) == ((), "a call without <tool_call>")
    assert parse_response(f"<tool_call>{function}{function}</tool_call>", "qwen3_coder", TOOLS).calls == (F, F)
    assert parse_response(f"<tool_call>{function}", "qwen3_coder", TOOLS).calls == (F,)
    assert parse_response("<tool_call></tool_call>", "qwen3_coder").problems == ("a call without <function=...>",)


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


@pytest.mark.parametrize(
    ("header", "end", "problem"),
    [
        ("<|channel|>commentary to=functions.f", "<|end|>", "a call that does not end with <|call|>"),
        ("<|channel|>final to=functions.f", "<|call|>", "a call in the final channel"),
        ("<|channel|>commentary to=browser.search", "<|call|>", "a call to 'browser.search', which is no function"),
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
def test_gpt_oss_headers_that_make_no_call(header: str, end: str, problem: str | None) -> None:
    response = parse_response(f'{header}<|message|>{{"a": 1}}{end}', "gpt_oss")
    assert response.calls == ()
    assert response.problems == ((problem,) if problem else ())
    assert response.content == ""
