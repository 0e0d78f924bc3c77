"""gpt-oss (harmony): messages in channels; a call is a message of the assistant to a function.

<|channel|>analysis<|message|>thinking<|end|><|start|>assistant
<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>

The library openai-harmony reads tokens of a vocabulary that it downloads; a reward worker has text and no network, and
the messages are easily told apart. Of the assistant's messages, `analysis` is thinking, one to a function in
`commentary` or `analysis` is a call, and the rest is content; one to any other recipient is a call that no function
answers, a problem. What other roles say (tools, in a rollout of several turns) is not the model's. A call ends with
`<|call|>`, or with the text, for generation stops there and may drop it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from awpo_verl.rewards.outcome.bounded_json import read_all
from awpo_verl.rewards.outcome.calls import BadCallError, Found, ToolCall
from awpo_verl.rewards.outcome.schema import Tools

MESSAGE = "<|message|>"
_END = re.compile(r"<\|(?:call|end|return|start)\|>")
# each run of blanks can be matched by one \s* only: two beside each other take cubic time on hostile text
_HEADER = re.compile(
    r"\s*(?:<\|start\|>\s*)?(?:assistant\s*)?(?:(?<=\s)to=(?P<early>[^\s<]{1,256})\s*)?"
    r"<\|channel\|>\s*(?P<channel>analysis|commentary|final)\s*(?:(?<=\s)to=(?P<late>[^\s<]{1,256})\s*)?"
    r"(?:<\|constrain\|>\s*)?(?:(?:json|code)\s*)?"
)
MAX_HEADER = 1_024


class Message(NamedTuple):
    """One message of the assistant: channel, recipient ("" without), text, and the mark that ends it ("" = none)."""

    channel: str
    to: str
    body: str
    end: str


def read(text: str, tools: Tools | None, found: Found) -> None:
    if MESSAGE not in text:
        found.outside.append(text)
    for message in _messages(text):
        if not message.to:
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


def thinking(text: str) -> tuple[str | None, bool]:
    """The text of all closed analysis messages (None without one), and whether the text ends inside of one."""
    thoughts = [message for message in _messages(text) if message.channel == "analysis" and not message.to]
    closed = [message.body for message in thoughts if message.end]
    return ("\n".join(closed) if closed else None), len(closed) < len(thoughts)


def _call(message: Message) -> ToolCall:
    kind, _, name = message.to.partition(".")
    if kind != "functions" or not name:
        raise BadCallError(f"a call to {message.to[:40]!r}, which is no function")
    if message.channel == "final":
        raise BadCallError("a call in the final channel")
    if message.end not in ("<|call|>", ""):
        raise BadCallError("a call that does not end with <|call|>")
    arguments = read_all(message.body) if message.body.strip() else {}
    if not isinstance(arguments, dict):
        raise BadCallError("arguments must be an object")
    return ToolCall(name, arguments)


def _messages(text: str) -> Iterator[Message]:
    """The assistant's messages. A header that is none of the assistant's is passed over with its text."""
    position = 0
    while (middle := text.find(MESSAGE, position)) >= 0:
        header = _HEADER.fullmatch(text, position, middle) if middle - position <= MAX_HEADER else None
        body = middle + len(MESSAGE)
        end = _END.search(text, body)
        if header is not None and not (header["early"] and header["late"]):
            to = header["early"] or header["late"] or ""
            yield Message(header["channel"], to, text[body : end.start() if end else None], end[0] if end else "")
        if end is None:
            return
        position = end.start() if end[0] == "<|start|>" else end.end()
