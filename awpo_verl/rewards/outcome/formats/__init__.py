"""The call formats: an ordered table, and the functions that look one up.

A format accepts what the server that executes its calls accepts. verl's own tool loop comes first. Credit for a text
that no server executes would teach the model to write it. Where servers differ, `CallFormat.servers` names the one that
we follow.

We do not use the servers' parsers. They need a tokenizer or a server's request objects, run unbounded regular
expressions over the model's text, and silently drop bad calls, which a reward must count.

To add a format:
  1. Write a file with a CallFormat, and add its line to FORMATS.
  2. In tests/rewards/outcome: two calls in `BOTH` (calls.py), a writer in `WRITERS` (formats/writers.py), a chat
     template in `TEMPLATES` (formats/test_table.py), and hostile texts in `PIECES` (test_hostile_text.py).
  3. For a format that a server parses: 20 cases in formats/cases/, and its parser in
     benchmarks/call_formats/servers.py.
  4. A row and an example in docs/call_formats.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from awpo_verl.config.bounds import SECTION, AWPOConfigError
from awpo_verl.config.import_path import is_import_path, load_object
from awpo_verl.rewards.outcome.formats import (
    deepseek,
    deepseek_dsml,
    gemma,
    glm,
    gpt_oss,
    hermes,
    json_lists,
    kimi,
    llama3_json,
    minimax,
    mistral,
    olmo3,
    pythonic,
    qwen3_coder,
)
from awpo_verl.rewards.outcome.formats.call_format import CallFormat, Places, Split, Thinking, between
from awpo_verl.rewards.outcome.formats.unread import UNREAD

__all__ = [
    "AUTO",
    "FORMATS",
    "THINKING",
    "CallFormat",
    "Places",
    "Split",
    "Thinking",
    "between",
    "check_name",
    "find_format",
    "find_in_text",
    "foreign_mark",
    "format_of_template",
    "format_of_text",
    "mark_tokens",
    "opened_by",
    "template_in_use",
]

AUTO = "auto"
KEY = "outcome.format"

# A chat template has the first format whose marks it contains, so formats with specific marks come first.
FORMATS: dict[str, CallFormat] = {
    format.name: format
    for format in (
        gpt_oss.GPT_OSS,
        qwen3_coder.SEED,
        minimax.MINIMAX,
        kimi.KIMI,
        deepseek_dsml.DEEPSEEK_V32,
        deepseek_dsml.DEEPSEEK_V4,
        deepseek.DEEPSEEK_V3,
        deepseek.DEEPSEEK_V31,
        gemma.GEMMA4,
        gemma.FUNCTIONGEMMA,
        glm.GLM,
        olmo3.OLMO3,
        qwen3_coder.QWEN3_CODER,
        json_lists.PHI4_MINI,
        json_lists.XLAM,
        json_lists.GRANITE,
        hermes.HERMES,
        hermes.TOOLRL,
        mistral.MISTRAL,
        pythonic.PYTHONIC,
        llama3_json.LLAMA3_JSON,
    )
}


# Every pair of thinking marks, once
THINKING = tuple({each: None for format in FORMATS.values() if (each := format.thinking) is not None})


def find_format(name: str) -> CallFormat:
    """The format with this name, or your own, given as `module:object`.

    Raises:
        AWPOConfigError: no such format. The message names the key and the valid values.
    """
    if name in FORMATS:
        return FORMATS[name]
    if not is_import_path(name):
        raise AWPOConfigError(
            f"{SECTION}.{KEY}={name} is not usable: it must be one of {AUTO}, {', '.join(FORMATS)}, or module:object "
            "of your own."
        )
    found = load_object(KEY, name)
    if not isinstance(found, CallFormat):
        raise AWPOConfigError(
            f"{SECTION}.{KEY}={name} is not usable: it is a {type(found).__name__}, and must be a CallFormat "
            "(awpo_verl.rewards.outcome.formats)."
        )
    return found


def check_name(name: str) -> None:
    """Raise AWPOConfigError unless the name is "auto" or `find_format` finds it."""
    if name != AUTO:
        find_format(name)


def format_of_template(chat_template: str | Mapping[str, str] | None) -> CallFormat | None:
    """The format that a chat template teaches the model; None if the template contains no format's marks.

    Args:
        chat_template: the tokenizer's chat template. Some tokenizers have several, by name: all are searched.

    Raises:
        AWPOConfigError: the template teaches a format that we know and do not read. The message names the key to set.
    """
    several = isinstance(chat_template, Mapping)
    template = "\n".join(chat_template.values()) if several else chat_template or ""
    family = next((name for name, marks in UNREAD.items() if any(mark in template for mark in marks)), None)
    if family is not None:
        raise AWPOConfigError(
            f"{SECTION}.{KEY}={AUTO}: the tokenizer's chat template teaches the calls of {family}, which are not read "
            f"here. Set {SECTION}.{KEY} to the format that your model writes, or to module:object of your own."
        )
    return next((format for format in FORMATS.values() if _teaches(template, format)), None)


def template_in_use(model: Any, tokenizer: Any) -> Any:
    """The chat template that verl renders prompts with.

    verl sets `custom_chat_template` on the rollout tokenizers, but not on the tokenizer of its reward workers.

    Args:
        model: verl's config section actor_rollout_ref.model, or None.
        tokenizer: the reward worker's tokenizer.
    """
    custom = model.get("custom_chat_template") if model is not None else None
    return custom or getattr(tokenizer, "chat_template", None)


def _teaches(template: str, format: CallFormat) -> bool:
    return any(all(mark in template for mark in group) for group in format.templates)


def format_of_text(text: str) -> CallFormat:
    """The format of the first call outside the thinking; hermes if there is no call."""
    return find_in_text(text) or hermes.HERMES


def find_in_text(text: str) -> CallFormat | None:
    """The format of the first call outside the thinking; None if no call begins."""
    rest = _after_thinking(text)
    begins = ((format.places.begin(rest, 0), format) for format in FORMATS.values())
    first = min((begin for begin in begins if begin[0] >= 0), key=lambda begin: begin[0], default=None)
    if first is not None:
        return first[1]
    return next((format for format in FORMATS.values() if any(mark in rest for mark in format.marks)), None)


def _after_thinking(text: str) -> str:
    """The text after the first thinking, by any format's marks; the whole text if there is no thinking."""
    for marks in THINKING:
        end = text.find(marks.closing)
        if end < 0:
            continue
        if text.lstrip().startswith(marks.opening) or not _inside_a_call(text, end):
            return text[end + len(marks.closing) :]
    return text


def _inside_a_call(text: str, place: int) -> bool:
    """Whether a call of any format begins before this place in the text and ends after it."""
    for format in FORMATS.values():
        begin = format.places.begin(text, 0)
        while 0 <= begin < place:
            end = format.places.end(text, begin)
            if end > place:
                return True
            begin = format.places.begin(text, max(end, begin + 1))
    return False


def opened_by(prompt: str) -> bool | None:
    """True if the prompt ends with an opening mark of thinking, else None (unknown).

    It is unknown because a prompt from a file may have lost the special tokens at its end.
    """
    return True if any(marks.is_open_at_end_of(prompt) for marks in THINKING) else None


def foreign_mark(content: str, format: CallFormat) -> str | None:
    """The first mark in the content that belongs to a call in another format; None if there is none.

    Args:
        content: the text outside the thinking and the calls.
        format: the format of the response.
    """
    own = set(format.marks)
    for other in FORMATS.values():
        for mark in other.marks:
            if mark not in own and mark in content:
                return mark
    return next((mark for marks in UNREAD.values() for mark in marks if mark in content), None)


def mark_tokens(format: CallFormat | None) -> frozenset[str]:
    """The special tokens that stay in a decoded response.

    These are all marks of the format (of every format, for None), and the marks that open a call in any other format.
    """
    formats = FORMATS.values() if format is None else (format,)
    thinking = [marks for each in formats if (marks := each.thinking) is not None]
    return frozenset(
        [token for each in formats for token in each.tokens]
        + [mark for marks in thinking for mark in (marks.opening, marks.closing)]
        + [mark for each in FORMATS.values() for mark in each.marks]  # keeps calls in another format visible
        + [mark for marks in UNREAD.values() for mark in marks]
    )
