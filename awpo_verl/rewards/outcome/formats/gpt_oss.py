"""gpt-oss (harmony): messages in channels. A call is a message of the assistant to a function.

<|channel|>analysis<|message|>thinking<|end|><|start|>assistant
<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>

We do not use the library openai-harmony: it reads tokens and downloads their vocabulary, while a reward worker has text
and no network. Every piece of the text is one of these:
- a message of the assistant. In `analysis` it is thinking. To a function, in `commentary` or `analysis`, it is a call.
  To any other recipient it is a problem. Any other message is content;
- a message of another role (its header begins with `<|start|>` and another name): ignored;
- a message whose header cannot be read: a problem if it has a recipient, else content;
- text without a header: content.
A call ends with `<|call|>` or with the text, because generation stops at `<|call|>` and may drop it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from awpo_verl.rewards.bounded_json import read_arguments
from awpo_verl.rewards.outcome.calls import BadCallError, Found, ToolCall
from awpo_verl.rewards.outcome.formats.call_format import CallFormat, Split, between
from awpo_verl.rewards.outcome.schema import ToolSchemas

START, CHANNEL, MESSAGE, CALL = "<|start|>", "<|channel|>", "<|message|>", "<|call|>"
_MARK = re.compile(r"<\|(?:call|end|return|start|message)\|>")
_BODY_END = re.compile(r"<\|(?:call|end|return|start|channel)\|>")
# Only one \s* can match each run of blanks: two in a row take cubic time on hostile text.
_HEADER = re.compile(
    r"(?:<\|start\|>\s*)?(?:assistant\s*)?(?:(?<=\s)to=(?P<early>[^\s<]{1,256})\s*)?"
    r"<\|channel\|>\s*(?P<channel>analysis|commentary|final)\s*(?:(?<=\s)to=(?P<late>[^\s<]{1,256})\s*)?"
    r"(?:<\|constrain\|>\s*)?(?:(?:json|code)\s*)?"
)
_OTHER_ROLE = re.compile(r"<\|start\|>\s*(?!assistant\b)[\w.\-]")
_MARKS = re.compile(r"<\|[a-z]{1,16}\|>")
_BEGIN = re.compile(r"\bassistant\b|<\|(?:start|channel)\|>")
MAX_HEADER = 1_024


@dataclass(frozen=True, slots=True)
class Message:
    """One message, or a text without a header.

    Attributes:
        channel: "analysis", "commentary" or "final"; "" if there is no readable header.
        to: the recipient; "" if there is none.
        body: its text.
        end: the mark that ends it; "" if the text ends first.
        broken: why the message is a problem; "" if it is not.
    """

    channel: str
    to: str
    body: str
    end: str
    broken: str = ""


def read_calls(text: str, tools: ToolSchemas | None, found: Found) -> None:
    for message in _messages(text):
        if not message.to and not message.broken:
            if message.channel != "analysis":
                found.outside.append(message.body)
        elif found.full():
            found.over()
            break
        else:
            try:
                found.calls.append(_call(message))
            except BadCallError as error:
                found.problems.append(str(error))


def split(text: str) -> Split:
    """Take the text of all closed analysis messages as the thinking. `read_calls` skips these messages."""
    thoughts = [message for message in _messages(text) if message.channel == "analysis" and not message.to]
    closed = [message.body for message in thoughts if message.end]
    return Split("\n".join(closed) if closed else None, len(closed) < len(thoughts), [text])


def _call(message: Message) -> ToolCall:
    if message.broken:
        raise BadCallError(message.broken)
    kind, _, name = message.to.partition(".")
    if kind != "functions" or not name:
        raise BadCallError(f"a call to {message.to[:40]!r}, which is not a function")
    if message.channel == "final":
        raise BadCallError("a call in the final channel")
    if message.end not in (CALL, ""):
        raise BadCallError("a call that does not end with <|call|>")
    if not message.body.strip() and not message.end:
        raise BadCallError("a call that is never closed")
    return ToolCall(name, read_arguments(message.body) if message.body.strip() else {})


def _messages(text: str) -> Iterator[Message]:
    """All messages of the assistant, and the texts without a header, in order."""
    position = 0
    while position < len(text):
        mark = _MARK.search(text, position)
        while mark is not None and mark[0] == START and not text[position : mark.start()].strip():
            mark = _MARK.search(text, mark.end())  # the header begins with it
        if mark is None or mark[0] != MESSAGE:
            # a header without a message, or a text without a header
            yield _without_message(text[position : mark.start() if mark else None])
            if mark is None:
                return
            position = mark.start() if mark[0] == START else mark.end()
            continue
        begin = _BEGIN.search(text, position, mark.start())
        start = begin.start() if begin is not None else position
        if text[position:start].strip():
            yield Message("", "", text[position:start], "")
        body = mark.end()
        end = _BODY_END.search(text, body)
        message = _message(text[start : mark.start()], text[body : end.start() if end else None], end[0] if end else "")
        if message is not None:
            yield message
        if end is None:
            return
        position = end.start() if end[0] in (START, CHANNEL) else end.end()


def _message(header: str, body: str, end: str) -> Message | None:
    """The message with this header; None if it is a message of another role."""
    header = " ".join(header.split())
    parts = _HEADER.fullmatch(header) if len(header) <= MAX_HEADER else None
    if parts is not None and not (parts["early"] and parts["late"]):
        to = parts["early"] or parts["late"] or ""
        return Message(parts["channel"], to, body, end, "" if to or end != CALL else "a call without a recipient")
    if end == CALL and not ("to=" in header or "functions." in header):
        return Message("", "", body, end, "a call without a recipient")
    if _OTHER_ROLE.match(header) and end != CALL:
        return None
    if "to=" in header.lower() or "functions." in header:
        return Message("", "", body, end, "a call whose header cannot be read")
    return Message("", "", _MARKS.sub("", header).strip().removeprefix("assistant") + body, end)


def _without_message(text: str) -> Message:
    """A text without a `<|message|>` after it. If it has a recipient, it is the beginning of a call."""
    begun = CHANNEL in text and " to=" in text
    return Message("", "", text, "", "a call without a message" if begun else "")


GPT_OSS = CallFormat(
    name="gpt_oss",
    read_calls=read_calls,
    places=between(re.escape(CHANNEL), CALL),
    marks=(CHANNEL,),
    templates=((CHANNEL,),),
    tokens=(START, CHANNEL, MESSAGE, CALL, "<|constrain|>", "<|end|>", "<|return|>"),
    thinking=None,
    split=split,
    servers="verl's gpt-oss, and vLLM's harmony parser where verl's misses calls of the template: it wants "
    "`<|start|>assistant` in the response, the recipient behind the channel, `<|constrain|>json` and `<|call|>`. It "
    "hands broken arguments on.",
)
