"""The table of formats: templates, names, a format of your own, and formats that we know and do not read."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from awpo_verl.config import AWPOConfigError, OutcomeConfig
from awpo_verl.rewards.outcome import ToolCall, check_outcome, parse_response, read_target
from awpo_verl.rewards.outcome.formats import (
    FORMATS,
    CallFormat,
    Places,
    find_format,
    format_of_template,
    mark_tokens,
    opened_by,
)
from awpo_verl.rewards.outcome.formats.unread import UNREAD
from tests.paths import ROOT
from tests.rewards.outcome.calls import BOTH

# The part of each model's real template that shows a call, in our own words: Jinja's quotes and names as there.
TEMPLATES = {
    "gpt_oss": "{{- '<|start|>assistant to=' + name + '<|channel|>commentary json<|message|>' }}",
    "seed": "{%- set toolcall_begin_token = '<seed:tool_call>' -%} <function=example>\\n<parameter=p>",
    "minimax": "{%- set toolcall_begin_token = '<minimax:tool_call>' -%} <invoke name=\"tool-name-1\">",
    "kimi": "<|tool_calls_section_begin|>{%- for c in calls -%}<|tool_call_begin|>{{ id }}<|tool_call_argument_begin|>",
    "deepseek_v32": '{%- set dsml_token = "｜DSML｜" -%}{{ message.tool_calls }}<{{ dsml_token }}function_calls>',
    "deepseek_v4": '{%- set dsml_token = "｜DSML｜" -%}{{ message.tool_calls }}<{{ dsml_token }}tool_calls>',
    "deepseek_v3": "{{'<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>' + type + '<｜tool▁sep｜>' + name + '\\n```json'}}",
    "deepseek_v31": "{{'<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>' + name + '<｜tool▁sep｜>' + arguments}}",
    "gemma4": "{{- '<|tool_call>call:' + function['name'] + '{' -}} <|channel>thought\\n<channel|> <|tool>declaration:",
    "functiongemma": "{{ '<start_function_call>call:' + name + '{' }} <escape>",
    "glm": "<tool_call>{function-name}\n<arg_key>{arg-key-1}</arg_key>\n<arg_value>{arg-value-1}</arg_value>\n...",
    "olmo3": "wrapped in <function_calls></function_calls> XML tags. <functions>\\n",
    "qwen3_coder": "<tool_call>\n<function=example_function_name>\n<parameter=example_parameter_1>\nvalue_1",
    "phi4_mini": 'formatted as functools[{"name": [function name], "arguments": [function arguments as JSON]}, ...]',
    "xlam": 'in a single JSON array:\n\n[{"name": "tool_call_name", "arguments": {"arg1": "value1"}}, ...]',
    "granite": 'respond with <|tool_call|> followed by a JSON list of tools. {"parameters": }',
    "hermes": 'within <tool_call></tool_call> XML tags:\n<tool_call>\n{"name": <function-name>, "arguments": ...}',
    "mistral": '{{- "[TOOL_CALLS][" }} [AVAILABLE_TOOLS]',
    "pythonic": "in the format of [func_name1(params_name1=params_value1), func_name2(params)]",
    "llama3_json": '{{- \'"parameters": \' }} Respond in the format {"name": function name, "parameters": dictionary}',
}


def test_every_format_has_a_template() -> None:
    assert set(TEMPLATES) == set(FORMATS) - {"toolrl"}  # ToolRL's is asked for in the prompt


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_format_of_a_chat_template(name: str) -> None:
    format = format_of_template(TEMPLATES[name])
    assert format is not None
    assert format.name == name


@pytest.mark.parametrize("family", UNREAD)
def test_a_template_of_an_unread_format_is_an_error_that_names_the_family(family: str) -> None:
    for mark in UNREAD[family]:
        with pytest.raises(AWPOConfigError, match=re.escape(f"the calls of {family}, which are not read here")):
            format_of_template(f'{{{{ "parameters": }}}} {mark}')


@pytest.mark.parametrize("family", UNREAD)
@pytest.mark.parametrize("format", FORMATS)
def test_a_call_in_an_unread_format_is_not_an_answer(family: str, format: str) -> None:
    text = f"Sure, I look. {UNREAD[family][0]} f"
    assert check_outcome(text, read_target({"tool_calls": []}), OutcomeConfig(format=format), opened=False).exact == 0.0


def test_a_tokenizer_may_have_several_templates() -> None:
    format = format_of_template({"default": "{{ messages }}", "tool_use": TEMPLATES["mistral"]})
    assert format is FORMATS["mistral"]


def test_a_template_without_marks_has_no_known_format() -> None:
    assert format_of_template("{{ messages }}") is None
    assert format_of_template(None) is None


def test_names() -> None:
    assert [format.name for format in FORMATS.values()] == list(FORMATS)
    assert all(format.servers.endswith(".") for format in FORMATS.values())
    with pytest.raises(AWPOConfigError, match=r"outcome\.format=xml is not usable: it must be one of auto, gpt_oss"):
        find_format("xml")


OWN = """
from awpo_verl.rewards.outcome import ToolCall
from awpo_verl.rewards.outcome.formats import CallFormat, between

def read_calls(text, tools, found):
    for line in text.splitlines():
        if line.startswith("CALL "):
            found.calls.append(ToolCall(line[5:], {}))
        else:
            found.outside.append(line)

MINE = CallFormat(name="mine", read_calls=read_calls, places=between("CALL ", "\\n"), marks=("CALL ",))
NOT = 3
"""


def test_a_format_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_format_of_calls.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    response = parse_response("<think>t</think>CALL f\nDone.", "own_format_of_calls:MINE")
    assert (response.calls, response.content, response.thinking) == ((ToolCall("f", {}),), "Done.", "t")
    with pytest.raises(AWPOConfigError, match="it is a int, and must be a CallFormat"):
        find_format("own_format_of_calls:NOT")
    with pytest.raises(AWPOConfigError, match="cannot be used: ModuleNotFoundError"):
        find_format("no_such_module_at_all:MINE")
    sys.modules.pop("own_format_of_calls")


def test_a_decoded_response_keeps_the_tokens_of_marks() -> None:
    assert {"<|call|>", "<|message|>"} <= mark_tokens(FORMATS["gpt_oss"])
    assert "<|end|>" not in mark_tokens(FORMATS["phi4_mini"])  # there it ends the turn
    assert mark_tokens(None) >= mark_tokens(FORMATS["kimi"])


def test_a_prompt_may_end_inside_open_thinking() -> None:
    assert opened_by("Hello\nassistant\n<think>\n") is True
    assert opened_by("Hello\nassistant\n") is None


def test_the_docs_have_every_format_and_the_server_that_it_follows() -> None:
    docs = (ROOT / "docs" / "call_formats.md").read_text(encoding="utf-8")
    for format in FORMATS.values():
        row = re.search(rf"^\| `{format.name}` \| .+ \| (.+) \|$", docs, re.MULTILINE)
        assert row is not None
        assert re.sub(r"\W", "", row[1].split(";")[0]).lower() in re.sub(r"\W", "", format.servers).lower()
        assert re.search(rf"^{format.name} ", docs, re.MULTILINE)


def test_a_format_is_one_object() -> None:
    assert all(isinstance(format, CallFormat) and isinstance(format.places, Places) for format in FORMATS.values())
    assert set(BOTH) == set(FORMATS)
