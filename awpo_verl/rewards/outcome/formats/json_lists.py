"""A JSON list of calls behind a mark: Phi-4-mini, xLAM and Granite 3.

phi4_mini:  functools[{"name": "f", "arguments": {"a": 1}}]
xlam:       [{"name": "f", "arguments": {"a": 1}}]                or in a block of ```json
granite:    <|tool_call|>[{"name": "f", "arguments": {"a": 1}}]   (3.0)   or <tool_call>[...]   (3.1 and later)

xLAM's and Granite's list is all of the text; Phi's may follow other text.
"""

from __future__ import annotations

import re
from functools import partial

from awpo_verl.rewards.outcome.bounded_json import as_call, read_value, skip_space
from awpo_verl.rewards.outcome.calls import BadCallError, Found
from awpo_verl.rewards.outcome.formats.call_format import CallFormat, Places
from awpo_verl.rewards.outcome.schema import Tools

TOOL_CALL = "<|tool_call|>"
_PHI = re.compile(r"functools[ ]?(?=\[)")
_XLAM = re.compile(r"(?:```(?:json)?\s*)?(?=\[\s*\{\s*\")")
_GRANITE = re.compile(r"(?:<\|tool_call\|>\s*)?(?:<tool_call>\s*)?(?=\[\s*\{)|<\|tool_call\|>")
_REST = re.compile(r"\s*(?:```|</tool_call>|<\|/tool_call\|>)?\s*")


def read(text: str, tools: Tools | None, found: Found, *, begin: re.Pattern[str], keys: tuple[str, ...]) -> None:
    start = _start(begin, text, 0)
    if start is None:
        if begin is _GRANITE and TOOL_CALL in text:
            found.problems.append("a call after other text")
            text = text.replace(TOOL_CALL, "")
        found.outside.append(text)
        return
    found.outside.append(text[: start.start()])
    try:
        values, end = read_value(text, start.end())
        if not isinstance(values, list) or not values:
            raise BadCallError("a list of calls expected")
        for value in values:
            if found.full():
                found.over()
                return
            found.calls.append(as_call(value, keys))
        rest = _REST.match(text, skip_space(text, end))
        if rest is None or rest.end() != len(text):
            raise BadCallError("text after the calls")
    except BadCallError as error:
        found.problems.append(str(error))


def _places(begin: re.Pattern[str]) -> Places:
    def find_begin(text: str, position: int) -> int:
        start = _start(begin, text, position)
        return -1 if start is None else start.start()

    def find_end(text: str, position: int) -> int:
        start = _start(begin, text, position)
        try:
            return len(text) if start is None else read_value(text, start.end())[1]
        except BadCallError:
            return len(text)

    return Places(find_begin, find_end)


def _start(begin: re.Pattern[str], text: str, position: int) -> re.Match[str] | None:
    """Phi's list begins anywhere, the others' at the front."""
    return begin.search(text, position) if begin is _PHI else begin.match(text, skip_space(text, position))


def _format(
    name: str, begin: re.Pattern[str], marks: tuple[str, ...], templates: tuple[str, ...], keys: str, servers: str
) -> CallFormat:
    return CallFormat(
        name=name,
        read=partial(read, begin=begin, keys=tuple(keys.split())),
        places=_places(begin),
        marks=marks,
        templates=tuple((text,) for text in templates),
        tokens=marks if name == "granite" else (),
        servers=servers,
    )


PHI4_MINI = _format(
    "phi4_mini",
    _PHI,
    ("functools[",),
    ("functools[",),
    "arguments parameters",
    "vLLM's phi4_mini_json. It ends the list at the first `]`, so a list among the arguments breaks its call.",
)
XLAM = _format(
    "xlam",
    _XLAM,
    (),
    ('[{"name": "tool_call_name"', '[{"name": "func_name1"'),
    "arguments",
    "vLLM's xlam. It also reads a list in <tool_call> or behind [TOOL_CALLS].",
)
GRANITE = _format(
    "granite",
    _GRANITE,
    (TOOL_CALL,),
    (TOOL_CALL,),
    "arguments",
    "vLLM's granite. Granite 4 writes `hermes`.",
)
