"""The messages of a row, and what Qwen3's chat template makes of them."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from awpo_verl.workbench.data.prompt import THINK, render_hermes, render_source
from tests.workbench.data.rows import call, openai

# What Qwen3's template does with tools, system messages, calls and tool answers, written after its documentation.
TEMPLATE = r"""
{%- if tools %}
    {{- '<|im_start|>system\n' }}
    {%- if messages[0].role == 'system' %}{{- messages[0].content + '\n\n' }}{%- endif %}
    {{- "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with function signatures within <tools></tools> XML tags:\n<tools>" }}
    {%- for tool in tools %}{{- "\n" }}{{- tool | tojson }}{%- endfor %}
    {{- "\n</tools>\n\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call><|im_end|>\n" }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == "user" or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>assistant\n' + message.content }}
        {%- for tool_call in message.tool_calls or [] %}
            {%- if (loop.first and message.content) or (not loop.first) %}{{- '\n' }}{%- endif %}
            {{- '<tool_call>\n{"name": "' + tool_call.name + '", "arguments": ' }}{{- tool_call.arguments | tojson }}{{- '}\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\n<tool_response>\n' + message.content + '\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}{{- '<|im_end|>\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}
"""  # noqa: E501

TOOLS = [openai("Wetter <heute>", ("stadt",), stadt="string"), openai("g", a="integer")]
TOOLS[0]["function"]["description"] = "Für Städte 'in' <b>Europa</b>."
SYSTEM, USER = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather in Köln & Rome?"}
CALLS = [call("Wetter <heute>", stadt="Köln"), call("g", a=1)]
ANSWERS = [{"role": "tool", "content": '{"sky": "blau"}'}, {"role": "tool", "content": "2"}]


@pytest.fixture(scope="module")
def tokenizer():
    made = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel({"a": 0}, unk_token="a")))
    made.chat_template = TEMPLATE
    return made


@pytest.mark.parametrize("tools", [TOOLS, TOOLS[:1], []])
@pytest.mark.parametrize(
    "messages",
    [
        [USER],
        [SYSTEM, USER],
        [USER, {"role": "assistant", "content": "", "tool_calls": CALLS}, *ANSWERS],
        [
            SYSTEM,
            USER,
            {"role": "assistant", "content": "Let me see.", "tool_calls": CALLS[:1]},
            *ANSWERS[:1],
            {"role": "assistant", "content": "Blue."},
            USER,
        ],
    ],
)
def test_our_messages_give_the_text_that_the_template_makes_of_messages_and_tools(tokenizer, messages, tools):
    theirs = tokenizer.apply_chat_template(messages, tools=tools or None, tokenize=False, add_generation_prompt=True)
    ours = tokenizer.apply_chat_template(render_hermes(messages, tools), tokenize=False, add_generation_prompt=True)
    assert ours == theirs
    assert "Köln" in ours  # not escaped


def test_the_sentence_for_thinking_stands_before_the_tools():
    (system, user) = render_hermes([SYSTEM, USER], TOOLS, think=True)
    assert system["content"].startswith(f"Be brief.\n\n{THINK}\n\n# Tools\n")
    assert user == USER
    assert render_hermes([USER], [], think=True)[0] == {"role": "system", "content": THINK}


def test_the_sets_own_prompt_is_unchanged():
    assert render_source([SYSTEM, USER]) == [SYSTEM, USER]
    assert render_source([SYSTEM, USER], think=True)[0]["content"] == f"Be brief.\n\n{THINK}"
    assert render_source([USER], think=True) == [{"role": "system", "content": THINK}, USER]
    assert SYSTEM["content"] == "Be brief."
