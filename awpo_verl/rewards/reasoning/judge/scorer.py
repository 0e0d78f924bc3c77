"""The score of one rollout's thinking, and the protocols that produce it.

The reward manager asks a `Scorer`. This package's Scorer is `Judge` (judge.py): it adds cache, deadline, step budget,
retries and circuit breaker to any `JudgeModel`. This package's JudgeModel is `ChatModel` (chat.py). Write your own to
ask a model without an OpenAI-compatible API (docs/extending.md).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Protocol

from awpo_verl.rewards.reasoning.judge.prompt import Case, Prompt
from awpo_verl.rewards.reasoning.judge.reply import JudgeReply, one_line

STATUS = "judge_status"  # the key of the status in reward_extra_info
OK, CACHED = "ok", "cached"
NO_THINKING = "no_thinking"  # the thinking is missing or not closed: reasoning is 0, and the judge is not asked
NOT_ASKED = "not_asked"  # the user's own function gave a reasoning reward
FAILURES = (
    *("deadline", "budget", "breaker_open", "timeout", "connection", "rate_limited", "server_error"),
    *("unauthorized", "not_found", "bad_request", "malformed", "truncated", "out_of_range", "error"),
)
MAX_DETAIL_CHARS = 300  # of an error in the log


@dataclass(frozen=True, slots=True)
class JudgeScore:
    """The result for one rollout.

    Attributes:
        score: in [0, 1]; None = missing.
        status: ok | cached | one of FAILURES | no_thinking | not_asked.
        reason: the judge's reason, one line; "" if it gave none.
        seconds: from the question to the result, queue included.
        requests: requests sent for this rollout. retries: how many of them were not the first attempt.
        tokens_in, tokens_out: of all requests, as the server counts them.
        neutralized: pieces of the policy's text that quoting.py removed as attacks.
    """

    score: float | None = None
    status: str = ""
    reason: str = ""
    seconds: float = 0.0
    requests: int = 0
    retries: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    neutralized: int = 0

    def as_info(self) -> dict[str, Any]:
        """The keys in reward_extra_info, the same for each row. verl's validation skips the two texts."""
        return {
            STATUS: self.status,
            "judge_reason": self.reason,
            "judge_seconds": self.seconds,
            "judge_requests": float(self.requests),
            "judge_retries": float(self.retries),
            "judge_tokens_in": float(self.tokens_in),
            "judge_tokens_out": float(self.tokens_out),
            "judge_neutralized": float(self.neutralized),
        }


class Scorer(Protocol):
    """Scores the thinking of rollouts, many at once, from one event loop."""

    async def score(self, case: Case, step: object = None) -> JudgeScore:
        """Score one rollout. Never raises: a failure is a score of None with its status.

        Args:
            step: the training step that waits for the score; None if unknown.
        """
        ...

    async def close(self) -> None:
        """Release connections and files."""
        ...


class RequestError(Exception):
    """A request without a usable reply.

    Attributes:
        kind: timeout | connection | rate_limited | server_error | unauthorized | not_found | bad_request | malformed |
            truncated | out_of_range | breaker_open.
        retry: another attempt can help.
        healthy: the endpoint works, although this reply is unusable.
        retry_after: seconds to wait, as the endpoint asked; None if it did not.
        tokens_in, tokens_out: tokens of the unusable reply.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        retry: bool,
        healthy: bool = False,
        retry_after: float | None = None,
        tokens_in: int = 0,
        tokens_out: int = 0,
    ) -> None:
        super().__init__(detail)
        self.kind, self.retry, self.healthy, self.retry_after = kind, retry, healthy, retry_after
        self.tokens_in, self.tokens_out = tokens_in, tokens_out


class JudgeModel(Protocol):
    """The model behind a Judge. Inherit from it, and write `write_prompt` and `ask`.

    Attributes:
        name: identifies the model in log lines and in cache keys. Change it whenever the model's scores change.
    """

    name: str

    def write_prompt(self, case: Case) -> Prompt:
        """The prompt for one case. Raises no error on any text."""
        ...

    async def ask(self, prompt: Prompt, sample: int, timeout: float) -> JudgeReply:
        """Send one request of at most `timeout` seconds. May be called many times at once.

        Args:
            sample: number of this sample, from 0. A sampling model may use it as a seed.

        Raises:
            RequestError: no reply, or a reply without a score.
        """
        ...

    def key(self, prompt: Prompt) -> str:
        """A hash of all that decides the score of a prompt: the cache's key."""
        return hash_json([self.name, prompt.messages])

    def redact(self, text: str) -> str:
        """The text without secrets, for the log."""
        return text

    async def close(self) -> None:
        """Release connections."""


def hash_json(value: Any) -> str:
    """The SHA-256 of a JSON value, as hexadecimal digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def log_detail(text: str) -> str:
    """The text as one printable line of at most MAX_DETAIL_CHARS characters."""
    return one_line(text[: 4 * MAX_DETAIL_CHARS])[:MAX_DETAIL_CHARS]
