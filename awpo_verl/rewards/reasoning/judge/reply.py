"""The judge's reply: the form that the request asks for, and the function that reads it.

The whole reply must have this form. We do not search for numbers in prose: a judge that repeats the policy's text would
repeat the policy's score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from awpo_verl.rewards.bounded_json import read_all
from awpo_verl.rewards.outcome.calls import BadCallError
from awpo_verl.rewards.reasoning.judge.prompt import Scale

MAX_REASON_CHARS = 500
MAX_REPLY_CHARS = 65_536


class BadReplyError(ValueError):
    """A reply without a usable score. kind: malformed | out_of_range."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class JudgeReply:
    """What a judge's model replied.

    Attributes:
        score: in [0, 1].
        reason: one printable line; "" if there is none.
        tokens_in, tokens_out: tokens of this request, as the server counts them.
    """

    score: float
    reason: str
    tokens_in: int = 0
    tokens_out: int = 0


def response_format(reply: str, scale: Scale, explain: bool) -> dict[str, Any] | None:
    """The request's `response_format` for `judge.reply`; None if only the prompt asks for the form."""
    if reply == "text":
        return None
    if reply == "json_object":
        return {"type": "json_object"}
    number: dict[str, Any] = {"type": "integer", "enum": scale.numbers()} if scale.whole else {"type": "number"}
    properties: dict[str, Any] = ({"reason": {"type": "string"}} if explain else {}) | {"score": number}
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    # the name is part of each request and of the cache's keys
    return {"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": schema}}


def read_reply(text: Any, scale: Scale) -> JudgeReply:
    """Read a reply: a JSON object, possibly after thinking of its own and inside a code fence.

    Raises:
        BadReplyError: any other text, or a score that is not a number of the scale (such as NaN, true or "7").
    """
    if not isinstance(text, str):
        raise BadReplyError("malformed", f"the reply has no text, but {type(text).__name__}")
    if len(text) > MAX_REPLY_CHARS:
        raise BadReplyError("malformed", f"a reply of {len(text)} characters")
    try:
        value = read_all(_unfenced(text.rpartition("</think>")[2].strip()))
    except BadCallError as error:
        raise BadReplyError("malformed", f"{error}: {text[:200]!r}") from None
    fields = cast(dict[str, Any], value) if isinstance(value, dict) else {}
    if "score" not in fields:
        raise BadReplyError("malformed", f"no object with a score: {text[:200]!r}")
    score, reason = fields["score"], fields.get("reason")
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise BadReplyError("malformed", f"the score is not a number: {score!r:.100}")
    if not scale.lowest <= score <= scale.highest:  # also refuses NaN, infinities and endless integers
        raise BadReplyError("out_of_range", f"a score of {score!r:.100}, not in {scale.lowest:g} to {scale.highest:g}")
    reason = one_line(reason[:MAX_REASON_CHARS]) if isinstance(reason, str) else ""
    return JudgeReply(scale.to_unit(float(score)), reason)


def one_line(text: str) -> str:
    """The text on one line of printable characters."""
    return "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))


def _unfenced(text: str) -> str:
    """The text inside a code fence, if the fence surrounds all of it."""
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        return text[:-3].partition("\n")[2]
    return text
