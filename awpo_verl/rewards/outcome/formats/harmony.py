"""gpt-oss (harmony): messages in channels; a call is a message to a function.

<|channel|>analysis<|message|>thinking<|end|><|start|>assistant
<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>

The library openai-harmony reads tokens of a vocabulary that it downloads; a reward worker has text and no network,
and the messages are easily told apart. `analysis` is thinking, `to=functions.*` a call, what else there is content.
A call that ends without `<|call|>` (or the end of the text, which is where generation stops and may drop it) was
cut off by another message: it is no call.
"""

from __future__ import annotations

import re

from awpo_verl.rewards.outcome.bounded_json import read_all
from awpo_verl.rewards.outcome.calls import BadCallError, Found, ToolCall
from awpo_verl.rewards.outcome.schema import Tools

CHANNEL, MESSAGE, START = "<|channel|>", "<|message|>", "<|start|>"
_END = re.compile(r"<\|(?:call|end|return|start)\|>")
TO = re.compile(r"\bto=functions\.([^\s<]{1,256})")


def read(text: str, tools: Tools | None) -> Found:
    found = Found.nothing()
    for header, body, end in messages(text):
        recipient = TO.search(header)
        if recipient is None:
            if not is_thinking(header):
                found.outside.append(body)
        elif found.full():
            found.over()
            break
        elif end not in ("<|call|>", ""):
            found.problems.append("a call that does not end with <|call|>")
        else:
            try:
                arguments = read_all(body) if body.strip() else {}
                if not isinstance(arguments, dict):
                    raise BadCallError("arguments must be an object")
                found.calls.append(ToolCall(recipient[1], arguments))
            except BadCallError as error:
                found.problems.append(str(error))
    return found


def thinking(text: str) -> tuple[str | None, bool]:
    """The text of all closed analysis messages (None without one), and whether the text ends inside of one."""
    closed: list[str] = []
    for header, body, end in messages(text):
        if is_thinking(header):
            if not end:
                return None, True
            closed.append(body)
    return ("\n".join(closed) if closed else None), False


def is_thinking(header: str) -> bool:
    return header.strip().startswith("analysis") and TO.search(header) is None


def messages(text: str) -> list[tuple[str, str, str]]:
    """(header, body, closing mark or "") of each message. Text without any mark is one final message."""
    if MESSAGE not in text:
        return [("final", text, "")]
    result: list[tuple[str, str, str]] = []
    position = 0
    while (middle := text.find(MESSAGE, position)) >= 0:
        before = text[position:middle]
        # the role comes before the channel: `<|start|>assistant to=functions.f<|channel|>commentary` is written too
        role, channel, header = before.rpartition(CHANNEL)
        recipient = TO.search(role)
        header = f"{header} {recipient[0]}" if channel and recipient else header if channel else before
        body = middle + len(MESSAGE)
        end = _END.search(text, body)
        if end is None:
            result.append((header, text[body:], ""))
            break
        result.append((header, text[body : end.start()], end[0]))
        position = end.start() if end[0] == START else end.end()
    return result
