"""How each format treats faulty text, after the server that executes its calls (CallFormat.servers)."""

from __future__ import annotations

from typing import Any

import pytest

from awpo_verl.rewards.outcome import ToolCall, parse_response, parse_tools
from tests.rewards.outcome.calls import BOTH, TOOLS, F, tool

GPT_OSS_CALL = '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>'


@pytest.mark.parametrize(
    ("format", "text", "problem"),
    [
        # verl's own tool loop wants the closing tag, an object, and the key `arguments`
        ("hermes", '<tool_call>{"name": "f", "arguments": {"a": 1}}', "a call that is never closed"),
        ("hermes", '<tool_call>{"name": "f", "arguments": null}</tool_call>', "arguments must be an object, got null"),
        ("hermes", '<tool_call>{"name": "f", "arguments": ""}</tool_call>', "arguments must be an object, got string"),
        ("hermes", '<tool_call>{"name": "f"}</tool_call>', "a call without arguments"),
        ("mistral", '[TOOL_CALLS][{"name": "f", "parameters": {}}]', "a call without arguments"),
        ("llama3_json", '{"name": "f", "parameters": "{}"}', "parameters must be an object, got string"),
        # a value that holds another mark was not closed
        (
            "qwen3_coder",
            "<tool_call><function=f>\n<parameter=a>\n1\n<parameter=b>\n2\n</parameter>\n</function>",
            "a parameter that is never closed",
        ),
        (
            "qwen3_coder",
            "<tool_call><function=f>\n<parameter=a>\n1\n</parameter1>\n<parameter=b>\n2\n</parameter>\n</function>",
            "a parameter that is never closed",
        ),
        (
            "seed",
            "<seed:tool_call><function=f><parameter=a>1</ parameter><parameter=b>2</parameter></function>"
            "</seed:tool_call>",
            "a parameter that is never closed",
        ),
        ("seed", "<function=f><parameter=a>1</parameter></function>", "a call without <seed:tool_call>"),
        ("glm", "<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>1\n</tool_call>", "an argument that is never closed"),
        ("glm", "<tool_call>f\n<arg_key>a\n<arg_value>1</arg_value></tool_call>", "an argument that is never closed"),
        ("glm", '<tool_call>{"name": "f", "arguments": {}}</tool_call>', "a call without a name"),
        (
            "glm",
            "<tool_call>f<arg_key>a</arg_key><arg_value>1</arg_value> so</tool_call>",
            "text between the arguments",
        ),
        (
            "minimax",
            '<minimax:tool_call><invoke name="f"><parameter name="a">1</invoke></minimax:tool_call>',
            "a parameter that is never closed",
        ),
        ("minimax", '<invoke name="f"><parameter name="a">1</parameter></invoke>', "a call outside of its block"),
        ("minimax", "<minimax:tool_call>f(a=1)</minimax:tool_call>", "a block without calls"),
        (
            "deepseek_v4",
            '<｜DSML｜tool_calls><｜DSML｜invoke name="f"><｜DSML｜parameter name="a">1</｜DSML｜parameter>'
            "</｜DSML｜invoke></｜DSML｜tool_calls>",
            "text between the parameters",  # string="true|false" is missing: servers drop such a parameter
        ),
        ("deepseek_v31", BOTH["deepseek_v3"], "not JSON"),
        ("deepseek_v3", BOTH["deepseek_v31"], "a call that is not function, name and a block of JSON"),
        ("deepseek_v31", "<｜tool▁call▁begin｜>f<｜tool▁sep｜>{}<｜tool▁call▁end｜>", "a call outside of its section"),
        ("kimi", "<|tool_calls_section_begin|><|tool_calls_section_end|>", "a section without calls"),
        (
            "kimi",
            "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{<|tool_call_end|>",
            "not JSON",
        ),
        (
            "kimi",
            "<|tool_calls_section_begin|><|tool_call_begin|>call_7<|tool_call_argument_begin|>{}<|tool_call_end|>",
            "an id that is not functions.NAME:NUMBER",
        ),
        ("gemma4", "<|tool_call>call:f{a:1}", "a call that is never closed"),
        ("gemma4", '<|tool_call>call:f{a:<|"|>x}<tool_call|>', "a call that is never closed"),
        ("gemma4", "<|tool_call>f(a=1)<tool_call|>", "a call that is not call:NAME{...}"),
        ("gemma4", "<|tool_call>call:f{a:}<tool_call|>", "an argument without a value"),
        ("olmo3", "<function_calls>f(a=x)</function_calls>", "a value that is not a literal"),
        ("olmo3", "<function_calls>\n</function_calls>", "a block without calls"),
        ("phi4_mini", 'functools[{"name": "f", "arguments": {"a": 1}]', "not JSON"),
        ("granite", '<|tool_call|>{"name": "f", "arguments": {"a": 1}}', "a list of calls expected"),
        ("granite", 'Sure. <|tool_call|>[{"name": "f", "arguments": {"a": 1}}]', "a call after other text"),
        ("xlam", '[{"name": "f", "parameters": {}}]', "a call without arguments"),
        # harmony: nothing that was begun vanishes
        (
            "gpt_oss",
            "<|start|>assistant<|channel|>analysis<|channel|>commentary to=functions.f <|constrain|>json<|message|>"
            '{"a": 1}<|call|>',
            "a call whose header cannot be read",
        ),
        ("gpt_oss", "<|channel|>commentary to=functions.f <|constrain|>json", "a call without a message"),
    ],
)
def test_a_call_that_no_server_would_run_is_a_problem(format: str, text: str, problem: str) -> None:
    response = parse_response(text, format, TOOLS)
    assert response.calls == ()
    assert response.problems
    assert problem in response.problems[0]


def test_a_harmony_call_may_follow_text_without_a_header() -> None:
    response = parse_response(f"Let me check.<|start|>assistant{GPT_OSS_CALL}", "gpt_oss")
    assert (response.calls, response.content, response.problems) == ((F,), "Let me check.", ())
    response = parse_response(f"Let me check.{GPT_OSS_CALL}", "gpt_oss")
    assert (response.calls, response.content, response.problems) == ((F,), "Let me check.", ())


def test_a_harmony_call_may_follow_a_final_message() -> None:
    text = f"<|channel|>final<|message|>Done.<|end|><|start|>assistant{GPT_OSS_CALL}"
    response = parse_response(text, "gpt_oss")
    assert (response.calls, response.content) == ((F,), "Done.")


def test_a_harmony_message_without_a_channel_is_content() -> None:
    response = parse_response("<|start|>assistant<|message|>It is 3.<|end|>", "gpt_oss")
    assert (response.content, response.problems) == ("It is 3.", ())


@pytest.mark.parametrize(
    ("schema", "written", "value"),
    [
        ({"type": "array"}, "[f(x)]", "[f(x)]"),  # stays text: the schema check says so
        ({"type": "integer"}, "'7'", "'7'"),
        ({"type": "string"}, "['a']", "['a']"),
        ({"type": "number"}, ".5", 0.5),
        ({"type": "number"}, "5.", 5.0),
        ({"type": "integer"}, ".5", ".5"),
        ({"properties": {"k": {}}}, '{"k": 1}', {"k": 1}),  # SGLang: properties mean an object
        ({"items": {"type": "integer"}}, "[1]", [1]),
    ],
)
@pytest.mark.parametrize("format", ["qwen3_coder", "seed", "glm", "minimax"])
def test_the_schema_gives_the_type_of_a_text_value(
    format: str, schema: dict[str, Any], written: str, value: Any
) -> None:
    assert _value_of_a(format, schema, written) == value


def _value_of_a(format: str, schema: dict[str, Any], written: str) -> Any:
    """The value that we read for the argument `a` of `f`."""
    text = {
        "qwen3_coder": "<tool_call>\n<function=f>\n<parameter=a>\n{}\n</parameter>\n</function>\n</tool_call>",
        "seed": "<seed:tool_call>\n<function=f>\n<parameter=a>{}</parameter>\n</function>\n</seed:tool_call>",
        "glm": "<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>{}</arg_value>\n</tool_call>",
        "minimax": '<minimax:tool_call>\n<invoke name="f">\n<parameter name="a">{}</parameter>\n</invoke>\n'
        "</minimax:tool_call>",
    }[format].replace("{}", written)
    (made,) = parse_response(text, format, parse_tools([tool("f", a=schema)])).calls
    assert (made.name, list(made.arguments)) == ("f", ["a"])
    return made.arguments["a"]


@pytest.mark.parametrize(
    ("type", "written", "value"),
    [
        ("array", "['a', 'b']", ["a", "b"]),
        ("object", "{'k': 'v', 'n': None}", {"k": "v", "n": None}),
        ("array", "(1, 2)", [1, 2]),
    ],
)
def test_a_list_in_python_notation_is_read_where_verls_tool_loop_reads_it(type: str, written: str, value: Any) -> None:
    assert _value_of_a("qwen3_coder", {"type": type}, written) == value
    for format in ("seed", "glm", "minimax"):  # verl's loop and vLLM hand the text on
        assert _value_of_a(format, {"type": type}, written) == written


@pytest.mark.parametrize("format", ["seed", "glm", "minimax"])
def test_without_a_schema_a_json_value_is_read_as_json(format: str) -> None:
    assert parse_response(BOTH[format], format).calls[0] == F


def test_kimi_accepts_a_bare_name_of_a_known_tool() -> None:
    text = BOTH["kimi"].replace("functions.f:0", "f")
    assert parse_response(text, "kimi", TOOLS).calls[0] == F
    assert parse_response(text, "kimi").problems == ("an id that is not functions.NAME:NUMBER",)
    assert (
        parse_response(BOTH["kimi"].replace("functions.f:0", "functions.math.f:12"), "kimi").calls[0].name == "math.f"
    )


HEADER = '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>'


@pytest.mark.parametrize(
    "before",
    [
        "<|channel|>final<|message|>Hello",
        "<|channel|>commentary<|message|>Let me check.",
        "<|channel|>analysis<|message|>I think.",
    ],
)
def test_a_harmony_call_may_follow_a_message_without_an_end(before: str) -> None:
    response = parse_response(before + HEADER, "gpt_oss")
    assert (response.calls, response.problems) == ((F,), ())


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("gpt_oss", '<|channel|>commentary TO=functions.f<|message|>{"a": 1}<|call|>'),
        ("gpt_oss", '<|channel|>commentary functions.f <|constrain|>json<|message|>{"a": 1}<|call|>'),
        ("gpt_oss", '<|start|>user<|channel|>commentary<|message|>{"a": 1}<|call|>'),
        ("gpt_oss", '<|channel|>final<|message|>{"a": 1}<|call|>'),
        ("gpt_oss", "<|channel|>commentary to=functions.f <|constrain|>json<|message|>"),
        ("llama3_json", '<|python_tag|>f.call(a="1")'),
        ("pythonic", "Hi <|python_start|>[f(a=1)]<|python_end|>"),
        ("kimi", 'Hi functions.f:0<|tool_call_argument_begin|>{"a": 1}<|tool_call_end|>'),
        ("deepseek_v31", 'Hi f<｜tool▁sep｜>{"a": 1}<｜tool▁call▁end｜>'),
        ("deepseek_v3", 'Hi f<｜tool▁sep｜>{"a": 1}<｜tool▁call▁end｜>'),
        ("deepseek_v32", '<｜DSML｜parameter name="a" string="false">1</｜DSML｜parameter>'),
        (
            "deepseek_v32",
            '<｜DSML｜function_calls><｜DSML｜invoke  name="f"></｜DSML｜invoke></｜DSML｜function_calls>',
        ),
        ("minimax", '<minimax:tool_call><invoke  name="f"></invoke></minimax:tool_call>'),
        ("mistral", 'f[ARGS]{"a": 1}'),
        ("gemma4", "Hi call:f{a:1}<tool_call|>"),
        ("hermes", '{"name": "f", "arguments": {"a": 1}}\n</tool_call>'),
        ("qwen3_coder", BOTH["qwen3_coder"] + '<tool_call>{"name": "f"}</tool_call>'),
    ],
)
def test_the_remains_of_a_call_are_a_problem(format: str, text: str) -> None:
    response = parse_response(text, format, TOOLS, opened=False)
    assert response.problems


def test_a_llama_call_may_have_its_keys_in_any_order() -> None:
    text = '{"description": "x", "name": "f", "parameters": {"a": 1}}'
    assert parse_response(text, "llama3_json").calls == (F,)
    assert parse_response('{"x": 1} and {"\\u006eame": "f", "parameters": {"a": 1}}', "llama3_json").calls == (F,)
    assert parse_response('set {"a" to 1 and {"b" to 2', "llama3_json").problems == ()


def test_an_xlam_block_may_have_its_keys_in_any_order() -> None:
    text = 'Hi\n```json\n[{"id": 1, "name": "f", "arguments": {"a": 1}}]\n```'
    assert parse_response(text, "xlam").calls == (F,)


def test_a_qwen3_coder_key_is_the_text_in_its_tag() -> None:
    text = "<tool_call>\n<function=f>\n<parameter=a >\n1\n</parameter>\n</function>\n</tool_call>"
    assert parse_response(text, "qwen3_coder", TOOLS).calls == (ToolCall("f", {"a ": "1"}),)
