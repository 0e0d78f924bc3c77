"""DeepSeek V3, R1 and V3.1: calls in a section, each with a name, a separator and JSON.

V3:    <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f
       ```json
       {"a": 1}
       ```<｜tool▁call▁end｜><｜tool▁calls▁end｜>
V3.1:  <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{"a": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>
"""

from __future__ import annotations

import re

from awpo_verl.rewards.bounded_json import read_arguments
from awpo_verl.rewards.outcome.calls import BadCallError, Found, ToolCall
from awpo_verl.rewards.outcome.formats.call_format import CallFormat, between
from awpo_verl.rewards.outcome.formats.sections import Section
from awpo_verl.rewards.outcome.schema import ToolSchemas

SECTION = Section("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>")
SEPARATOR = "<｜tool▁sep｜>"
_V3 = re.compile(r"(?P<name>[^\s<>]{1,256})\n```json\n(?P<arguments>.*)\n```", re.DOTALL)
_NAME = re.compile(r"[^\s<>]{1,256}")


def read_v3_calls(text: str, tools: ToolSchemas | None, found: Found) -> None:
    SECTION.read_calls(text, found, _call_v3)


def read_v31_calls(text: str, tools: ToolSchemas | None, found: Found) -> None:
    SECTION.read_calls(text, found, _call_v31)


def _call_v3(body: str) -> ToolCall:
    kind, separated, written = body.partition(SEPARATOR)
    call = _V3.fullmatch(written)
    if not separated or kind != "function" or call is None:
        raise BadCallError("a call that is not function, name and a block of JSON")
    return _call(call["name"], call["arguments"])


def _call_v31(body: str) -> ToolCall:
    name, separated, written = body.partition(SEPARATOR)
    if not separated or not _NAME.fullmatch(name.strip()):
        raise BadCallError("a call without a name")
    return _call(name.strip(), written)


def _call(name: str, written: str) -> ToolCall:
    return ToolCall(name, read_arguments(written))


_CALL, _SECTION = re.escape(SECTION.call), re.escape(SECTION.opening)
_MARKS = (SECTION.opening, SECTION.call)
_TOKENS = (SECTION.opening, SECTION.closing, SECTION.call, SECTION.call_end, SEPARATOR, "<think>", "</think>")

DEEPSEEK_V3 = CallFormat(
    name="deepseek_v3",
    read_calls=read_v3_calls,
    places=between(
        rf"{_SECTION}\s{{0,64}}{_CALL}[^<\n]{{0,64}}{re.escape(SEPARATOR)}[^\s<>]{{1,256}}\n", SECTION.closing
    ),
    marks=_MARKS,
    templates=((SEPARATOR, "```json"),),
    tokens=_TOKENS,
    servers="vLLM's deepseek_v3. It drops arguments of several lines, which SGLang's reads, as we do, and hands broken "
    "arguments on.",
)

DEEPSEEK_V31 = CallFormat(
    name="deepseek_v31",
    read_calls=read_v31_calls,
    places=between(_SECTION, SECTION.closing),
    marks=_MARKS,
    templates=((SEPARATOR,),),
    tokens=_TOKENS,
    servers="vLLM's deepseek_v31. It drops arguments of several lines, which SGLang's reads, as we do, and hands "
    "broken arguments on.",
)
