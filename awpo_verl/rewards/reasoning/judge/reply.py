"""The judge's reply: the form that it is asked for, and reading it.

A reply is a verdict only as a whole. Numbers are not searched for in prose: a judge that repeats the policy's text
would repeat the policy's score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from awpo_verl.rewards.bounded_json import read_all
from awpo_verl.rewards.outcome.calls import BadCallError
from awpo_verl.rewards.reasoning.judge.prompt import Scale

MAX_REASON_CHARS = 500
MAX_REPLY_CHARS = 65_536


class BadReplyError(ValueError):
    """A reply that is no verdict. kind: malformed | out_of_range."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class JudgeReply:
    """score in [0, 1]; reason: one printable line, "" where none was asked for."""

    score: float
    reason: str


def response_format(reply: str, scale: Scale, explain: bool) -> dict[str, Any] | None:
    """The request's `response_format`, by `judge.reply`; None: the prompt alone asks for the form."""
    if reply == "text":
        return None
    if reply == "json_object":
        return {"type": "json_object"}
    number: dict[str, Any] = {"type": "integer", "enum": scale.numbers()} if scale.whole else {"type": "number"}
    properties: dict[str, Any] = ({"reason": {"type": "string"}} if explain else {}) | {"score": number}
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": schema}}


def read_reply(text: Any, scale: Scale) -> JudgeReply:
    """The verdict that a reply consists of: a JSON object, after thinking of its own and in a code fence or not.

    Raises:
        BadReplyError: it is anything else, or its score is no number of the scale (NaN, true and "7" are none).
    """
    if not isinstance(text, str):
        raise BadReplyError("malformed", f"the reply has no text, but {type(text).__name__}")
    if len(text) > MAX_REPLY_CHARS:
        raise BadReplyError("malformed", f"a reply of {len(text)} characters")
    try:
        value = read_all(_unfenced(text.rpartition("</think>")[2].strip()))
    except BadCallError as error:
        raise BadReplyError("malformed", f"{error}: {text[:200]!r}") from None
    if not isinstance(value, dict) or "score" not in value:
        raise BadReplyError("malformed", f"no object with a score: {text[:200]!r}")
    score = value["score"]
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise BadReplyError("malformed", f"the score is no number: {score!r:.100}")
    if not scale.lowest <= score <= scale.highest:  # NaN, infinities and endless integers are not
        raise BadReplyError("out_of_range", f"a score of {score!r:.100}, not in {scale.lowest:g} to {scale.highest:g}")
    reason = value.get("reason")
    return JudgeReply(scale.to_unit(float(score)), _one_line(reason) if isinstance(reason, str) else "")


def _unfenced(text: str) -> str:
    """The text inside of a code fence around the whole of it."""
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        return text[:-3].partition("\n")[2]
    return text


def _one_line(text: str) -> str:
    text = " ".join(text[:MAX_REASON_CHARS].split())
    return "".join(char if char.isprintable() else "?" for char in text)
