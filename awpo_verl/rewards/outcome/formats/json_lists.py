"""A JSON list of calls behind a mark: Phi-4-mini, xLAM and Granite 3.

phi4_mini:  functools[{"name": "f", "arguments": {"a": 1}}]
xlam:       [{"name": "f", "arguments": {"a": 1}}]                or in a block of ```json
granite:    <|tool_call|>[{"name": "f", "arguments": {"a": 1}}]   (3.0)   or <tool_call>[...]   (3.1 and later)

Granite's list, and xLAM's list without a block, must be the whole text. Phi's list and xLAM's block may follow other
text, and text may follow the block.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from awpo_verl.rewards.bounded_json import as_call, read_value, skip_space
from awpo_verl.rewards.outcome.calls import BadCallError, Found
from awpo_verl.rewards.outcome.formats.call_format import CallFormat, Places
from awpo_verl.rewards.outcome.schema import ToolSchemas

TOOL_CALL = "<|tool_call|>"
FENCE = "```"


@dataclass(frozen=True, slots=True)
class _Form:
    """What comes before the bracket of the list, for one family of models.

    Attributes:
        at_front: the pattern at the front of the text; None if the list may begin anywhere.
        anywhere: the pattern after other text; None if the list cannot follow other text.
        keys: the keys that may hold a call's arguments.
    """

    at_front: re.Pattern[str] | None
    anywhere: re.Pattern[str] | None
    keys: tuple[str, ...] = ("arguments",)

    def start(self, text: str, position: int = 0) -> re.Match[str] | None:
        if self.at_front is None:
            return self.anywhere.search(text, position) if self.anywhere is not None else None
        return self.at_front.match(text, skip_space(text, position))


_PHI = _Form(None, re.compile(r"functools[ ]?(?=\[)"), ("arguments", "parameters"))
_XLAM = _Form(
    re.compile(r"(?:```(?:json)?\s*)?(?=\[\s*\{\s*\")"),
    re.compile(r"```(?:json)?\s*(?=\[\s*\{)"),
)
_GRANITE = _Form(re.compile(r"(?:<\|tool_call\|>\s*)?(?:<tool_call>\s*)?(?=\[\s*\{)|<\|tool_call\|>"), None)


def read_calls(text: str, tools: ToolSchemas | None, found: Found, *, form: _Form) -> None:
    start = form.start(text) or (form.anywhere.search(text) if form.anywhere is not None else None)
    if start is None:
        if form is _GRANITE and TOOL_CALL in text:
            found.problems.append("a call after other text")
            text = text.replace(TOOL_CALL, "")
        found.outside.append(text)
        return
    found.outside.append(text[: start.start()])
    try:
        values, end = read_value(text, start.end())
        if not isinstance(values, list) or not values:
            raise BadCallError("a list of calls expected")
        for value in cast(list[Any], values):
            if found.full():
                found.over()
                return
            found.calls.append(as_call(value, form.keys))
        rest = text[end:].strip()
        if start[0].startswith(FENCE) and rest.startswith(FENCE):
            found.outside.append(rest.removeprefix(FENCE))
        elif rest:
            raise BadCallError("text after the calls")
    except BadCallError as error:
        found.problems.append(str(error))


def _places(form: _Form) -> Places:
    def begin(text: str, position: int) -> int:
        start = form.start(text, position)
        return -1 if start is None else start.start()

    def end(text: str, position: int) -> int:
        start = form.start(text, position)
        try:
            return len(text) if start is None else read_value(text, start.end())[1]
        except BadCallError:
            return len(text)

    return Places(begin, end, at_front=form.at_front is not None)


def _format(name: str, form: _Form, marks: tuple[str, ...], templates: tuple[str, ...], servers: str) -> CallFormat:
    return CallFormat(
        name=name,
        read_calls=partial(read_calls, form=form),
        places=_places(form),
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
    "vLLM's phi4_mini_json. It ends the list at the first `]`, so a list among the arguments breaks its call.",
)
XLAM = _format(
    "xlam",
    _XLAM,
    (),
    ('[{"name": "tool_call_name"', '[{"name": "func_name1"'),
    "vLLM's xlam. It also reads a list in <tool_call> or behind [TOOL_CALLS], and arguments that are the JSON text of "
    "an object.",
)
GRANITE = _format(
    "granite",
    _GRANITE,
    (TOOL_CALL,),
    (TOOL_CALL,),
    "vLLM's granite. It drops all calls where text follows them. Granite 4 writes `hermes`.",
)
