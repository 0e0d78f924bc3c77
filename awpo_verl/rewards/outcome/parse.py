"""A decoded response, taken apart: the thinking first, then the calls in the format of the model.

A call inside the thinking is a thought, not a call. Thinking that is opened and never closed swallows the rest: the
output was cut off, and nothing after it counts. The text is the model's, so it is hostile: whatever it is, reading it
raises nothing, runs nothing, and takes time linear in its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from awpo_verl.rewards.outcome.calls import Found, Response
from awpo_verl.rewards.outcome.formats import FORMATS, NEEDS_SPECIAL_TOKENS, harmony
from awpo_verl.rewards.outcome.schema import Tools

AUTO = "auto"

_THINKING = {"mistral": ("[THINK]", "[/THINK]")}
_DEFAULT_THINKING = ("<think>", "</think>")
_STARTS = {
    opening: re.compile(rf"^[ \t]*{re.escape(opening)}", re.MULTILINE)
    for opening, _ in (_DEFAULT_THINKING, *_THINKING.values())
}

# What tells a format, in a text or in a chat template. The first that is found decides.
_MARKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("gpt_oss", ("<|channel|>",)),
    ("qwen3_coder", ("<function=",)),
    ("hermes", ("<tool_call>",)),
    ("mistral", ("[TOOL_CALLS]",)),
    ("pythonic", ("[func_name1(", "[func1(")),
    ("llama3_json", ("<|python_tag|>", '"parameters":')),
)
_ALL_MARKS = [mark for _, marks in (*_MARKS, *_THINKING.items(), ("", _DEFAULT_THINKING)) for mark in marks]


def parse_response(text: str | Sequence[str], format: str = "hermes", tools: Tools | None = None) -> Response:
    """Take a decoded response apart. Never raises on any text.

    Args:
        text: what the model wrote, without the prompt; of several turns a text each, without what came in between.
            A chat template may put the opening `<think>` into the prompt, so a text that has only `</think>` has
            thinking too.
        format: a name in FORMATS, or "auto": told by the text's own marks.
        tools: from `parse_tools`; types the values of qwen3_coder and names positional arguments of pythonic.

    Raises:
        ValueError: no such format.
    """
    turns = [text] if isinstance(text, str) else text
    if format == AUTO:
        format = _format_of_turns(turns)
    reader = FORMATS.get(format)
    if reader is None:
        raise ValueError(f"format={format!r} is not a call format; use one of {AUTO}, {', '.join(FORMATS)}.")
    found = Found()
    thoughts: list[str] = []
    contents: list[str] = []
    unclosed = False
    for turn in turns:
        thinking, unclosed, segments = _split(turn, format)
        if thinking is not None:
            thoughts.append(thinking)
        # what thinking lies between is never read as one call
        for segment in segments:
            if segment.strip():
                reader(segment, tools, found)
        contents.append("".join(found.outside))
        found.outside.clear()
        if unclosed:
            break
    return Response(
        thinking="\n".join(thoughts) if thoughts else None,
        content="\n".join(contents).strip(),
        calls=tuple(found.calls),
        problems=tuple(found.problems),
        unclosed=unclosed,
    )


def format_of_template(chat_template: str | None) -> str | None:
    """The call format that a tokenizer's chat template teaches the model, None where no mark tells."""
    return next((name for name, marks in _MARKS if _has(chat_template or "", marks)), None)


def format_of_text(text: str) -> str:
    """The call format that a response is written in, by its marks after the thinking; hermes where none tells."""
    rest = text.rpartition("</think>")[2]
    begin = rest.replace("<|python_start|>", "").lstrip()[:1]
    if begin == "[" and "[TOOL_CALLS]" not in rest:
        return "pythonic"
    return format_of_template(rest) or ("llama3_json" if begin == "{" else "hermes")


def _format_of_turns(turns: Sequence[str]) -> str:
    """By the first turn with a mark after its thinking, else by the first turn."""
    if len(turns) == 1:
        return format_of_text(turns[0])
    told = (format_of_template(turn.rpartition("</think>")[2]) for turn in turns)
    return next(filter(None, told), None) or format_of_text(turns[0] if turns else "")


def with_marks(plain: str, special: str) -> str:
    """Of a response decoded without and with special tokens the one to read: the latter, if the former lost a mark.

    Else special tokens are no more than the ends of turns, which would count as something said.
    """
    return special if any(mark in special and mark not in plain for mark in _ALL_MARKS) else plain


def needs_special_tokens(format: str) -> bool:
    """Whether a response has to be decoded with special tokens for this format to be read (or, for auto, told)."""
    return format == AUTO or format in NEEDS_SPECIAL_TOKENS


def _has(text: str, marks: Iterable[str]) -> bool:
    return any(mark in text for mark in marks)


def _split(turn: str, format: str) -> tuple[str | None, bool, list[str]]:
    """(thinking or None, whether the last one is never closed, the texts outside, where calls may be)."""
    if format == "gpt_oss":
        return *harmony.thinking(turn), [turn]
    return _split_thinking(turn, *_THINKING.get(format, _DEFAULT_THINKING))


def _split_thinking(text: str, opening: str, closing: str) -> tuple[str | None, bool, list[str]]:
    """(thinking or None, whether the last one is never closed, the texts outside).

    Thinking begins with the text, where the prompt may have opened it, or at the start of a line: a file's text may
    hold several turns. Elsewhere the mark is text, such as in a call's argument.
    """
    if opening not in text and closing not in text:
        return None, False, [text]
    starts = _STARTS[opening]
    thoughts: list[str] = []
    outside: list[str] = []
    position = 0
    end = text.find(closing)
    if end >= 0 and starts.search(text, 0, end) is None:
        thoughts.append(text[:end])
        position = end + len(closing)
    while start := starts.search(text, position):
        outside.append(text[position : start.start()])
        end = text.find(closing, start.end())
        if end < 0:
            return ("\n".join(thoughts) if thoughts else None), True, outside
        thoughts.append(text[start.end() : end])
        position = end + len(closing)
    outside.append(text[position:])
    return ("\n".join(thoughts) if thoughts else None), False, outside
