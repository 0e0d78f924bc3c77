"""Kimi K2: calls in a section, each with an id and JSON arguments.

<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{"a": 1}<|tool_call_end|>
<|tool_calls_section_end|>

The id is `functions.NAME:NUMBER`. An id without a number counts only if it names a tool of the prompt.
"""

from __future__ import annotations

import re

from awpo_verl.rewards.bounded_json import read_arguments
from awpo_verl.rewards.outcome.calls import BadCallError, Found, ToolCall
from awpo_verl.rewards.outcome.formats.call_format import CallFormat, between
from awpo_verl.rewards.outcome.formats.sections import Section
from awpo_verl.rewards.outcome.schema import ToolSchemas

SECTION, SECTION_END = "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"
CALL, ARGUMENTS, CALL_END = "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"
_NUMBERED = re.compile(r"(.{1,256}?):[0-9]{1,9}")


def read_calls(text: str, tools: ToolSchemas | None, found: Found) -> None:
    Section(SECTION, SECTION_END, CALL, CALL_END).read_calls(text, found, lambda body: _read_call(body, tools))


def _read_call(body: str, tools: ToolSchemas | None) -> ToolCall:
    header, mark, written = body.partition(ARGUMENTS)
    if not mark:
        raise BadCallError("a call without arguments")
    arguments = read_arguments(written)
    return ToolCall(_name(header.strip(), tools), arguments)


def _name(header: str, tools: ToolSchemas | None) -> str:
    numbered = _NUMBERED.fullmatch(header)
    name = (numbered[1] if numbered else header).removeprefix("functions.")
    if not name or (numbered is None and name not in (tools or ())):
        raise BadCallError("an id that is not functions.NAME:NUMBER")
    return name


KIMI = CallFormat(
    name="kimi",
    read_calls=read_calls,
    places=between(re.escape(SECTION), SECTION_END),
    marks=(CALL, SECTION),
    templates=((CALL,),),
    tokens=(SECTION, SECTION_END, CALL, ARGUMENTS, CALL_END, "<think>", "</think>"),
    servers="verl's kimi and vLLM's kimi_k2. verl's runs a call with broken arguments without any, and looks for a "
    "tool that an odd id may mean; vLLM's drops an id without a number, hands broken arguments on, and runs a last "
    "call that is not closed.",
)
