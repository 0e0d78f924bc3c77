"""The judge: how good is this thinking? Asked of an LLM; answered in time, or not at all.

For each rollout: the cache, else a request, within the deadline, which counts from the moment that the rollout is
finished and includes the queue and all retries. What fails for good is a missing reward with the kind of failure, never
a 0 and never an exception. So with one wave of rollouts in a step, as verl's trainers have, the judge adds at most the
deadline to it, whatever the endpoint does; `step_budget` bounds several waves.

One Judge lives in each reward worker: its concurrency, breaker and budget are that worker's.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import statistics
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from awpo_verl.config import SECTION, JudgeConfig
from awpo_verl.rewards.reasoning.judge.cache import Cache
from awpo_verl.rewards.reasoning.judge.endpoint import Client, Endpoint, Reply, RequestError
from awpo_verl.rewards.reasoning.judge.limits import Breaker, StepBudget
from awpo_verl.rewards.reasoning.judge.prompt import Case, Prompt, load_template
from awpo_verl.rewards.reasoning.judge.reply import BadReplyError, JudgeReply, read_reply, response_format

OK, CACHED = "ok", "cached"
NO_THINKING = "no_thinking"  # there is no closed thinking: reasoning 0, without asking
GRACE = 1.0  # seconds after the deadline
NOT_ASKED = "not_asked"  # the user's own function gave a reasoning reward
FAILURES = (
    *("deadline", "budget", "breaker_open", "timeout", "connection", "rate_limited", "server_error"),
    *("unauthorized", "not_found", "bad_request", "malformed", "truncated", "out_of_range", "error"),
)
CACHE_PATIENCE = 2.0  # seconds, of one look at the cache
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0  # seconds, of the backoff


@dataclass(slots=True)
class JudgeScore:
    """What became of one rollout.

    Attributes:
        score: in [0, 1]; None = missing.
        status: ok | cached | one of FAILURES | no_thinking | not_asked.
        reason: the judge's own, one line, "" without one.
        seconds: from asking to the answer, queue included. requests: sent for it, of which `retries` were second tries.
        tokens_in, tokens_out: as the server counts them, of all requests.
        neutralized: pieces of the policy's text that were disarmed (quoting.py).
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
        """Its keys in reward_extra_info, the same for every row; verl's validation skips the two texts."""
        return {
            "judge_status": self.status,
            "judge_reason": self.reason,
            "judge_seconds": self.seconds,
            "judge_requests": float(self.requests),
            "judge_retries": float(self.retries),
            "judge_tokens_in": float(self.tokens_in),
            "judge_tokens_out": float(self.tokens_out),
            "judge_neutralized": float(self.neutralized),
        }


@dataclass
class Judge:
    """Asks one endpoint. `judge` may be called any number of times at once, from one event loop: a loop that replaces
    it needs a Judge of its own.
    """

    config: JudgeConfig
    endpoint: Endpoint
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        c = self.config
        self.template = load_template(c.template)
        self.client = Client(self.endpoint, c.concurrency)
        self._slots = asyncio.Semaphore(c.concurrency)
        self._filling = asyncio.Lock()
        self._breaker = Breaker(c.breaker_failures, c.breaker_pause, c.breaker_after)
        self._budget = StepBudget(c.step_budget)
        self._cache = Cache(c.cache, c.cache_gb * 2**30) if c.cache else None
        self._said: Counter[str] = Counter()
        self._settings = self._request_settings()

    async def judge(self, case: Case, step: object = None) -> JudgeScore:
        """Judge one rollout. Never raises, and returns within the deadline (but for what the event loop is held up).

        Args:
            step: the training step that waits for it, for the step's budget; None = unknown, no budget.
        """
        started = time.monotonic()
        result = JudgeScore()
        left = patience = self.config.deadline
        try:
            with self._budget.pending(step):
                left = self._budget.left(step)
                patience = min(self.config.deadline, left)
                # what the cache knows is had without a budget too
                longest = max(patience, min(self.config.deadline, CACHE_PATIENCE)) if self._cache else patience
                # _judge keeps to the time itself; this is for what it cannot know of
                await asyncio.wait_for(self._judge(case, result, started + patience), longest + GRACE)
        except asyncio.TimeoutError:
            self._fail(result, "deadline" if self.config.deadline <= left else "budget", "")
        except Exception as error:  # noqa: BLE001  # a fault of ours must cost this reward, not the run; it is said
            at = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{os.path.basename(at.filename)}:{at.lineno}"
            self._fail(result, "error", self.client.safe(f"{type(error).__name__} at {place}: {error}"))
        result.seconds = time.monotonic() - started
        return result

    def key(self, case: Case) -> str:
        """A hash of all that decides the verdict on a case."""
        return self._key(self.template.fill(case, self.config))

    async def close(self) -> None:
        """Ends the connections, once what is to be cached is on the disk."""
        if self._cache is not None:
            await asyncio.to_thread(self._cache.close)
        await self.client.close()

    async def _judge(self, case: Case, result: JudgeScore, until: float) -> None:
        async with self._filling:
            await asyncio.sleep(0)  # one prompt per round: where thousands come at once, replies are read in between
            prompt = self.template.fill(case, self.config)
        result.neutralized = prompt.neutralized
        key = self._key(prompt) if self._cache is not None else ""
        if self._cache is not None:
            known = await self._cache.get(key, CACHE_PATIENCE)
            if known is not None:
                result.score, result.reason, result.status = known["score"], known["reason"], CACHED
                return
        if time.monotonic() >= until:
            raise asyncio.TimeoutError  # nothing is sent that cannot be waited for
        verdicts, late = await self._verdicts(prompt, result, until)
        given = sorted((verdict for verdict in verdicts if verdict is not None), key=lambda v: v.score)
        if len(given) * 2 <= self.config.samples:
            if late:
                raise asyncio.TimeoutError
            return  # no majority has answered: the last failure stands
        result.score = statistics.median(v.score for v in given)
        result.reason, result.status = given[(len(given) - 1) // 2].reason, OK
        if self._cache is not None:
            self._cache.put(key, {"score": result.score, "reason": result.reason})

    async def _verdicts(self, prompt: Prompt, result: JudgeScore, until: float) -> tuple[list[JudgeReply | None], bool]:
        """Those of the samples that came in time, and whether any did not. No task of theirs is left behind."""
        tasks = [
            asyncio.ensure_future(self._verdict(prompt, number, result, until)) for number in range(self.config.samples)
        ]
        try:
            done, late = await asyncio.wait(tasks, timeout=max(0.0, until - time.monotonic()))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return [task.result() for task in done], bool(late)

    async def _verdict(self, prompt: Prompt, number: int, result: JudgeScore, until: float) -> JudgeReply | None:
        """One sample, with its retries; None, and the failure noted in `result`, where it does not come."""
        request = self._settings | {"messages": list(prompt.messages)}
        if self.config.samples > 1:
            request["seed"] = number
        for attempt in range(self.config.retries + 1):
            try:
                reply = await self._ask(request, result)
                result.tokens_in += reply.tokens_in
                result.tokens_out += reply.tokens_out
                return self._read(reply)
            except RequestError as error:
                self._fail(result, error.kind, str(error))
                pause = _pause(attempt, error.retry_after)
                # a pause that outlives the deadline would only keep the step waiting
                if not error.retry or attempt == self.config.retries or time.monotonic() + pause >= until:
                    return None
                await asyncio.sleep(pause)
                result.retries += 1
        return None

    async def _ask(self, request: dict[str, Any], result: JudgeScore) -> Reply:
        async with self._slots:
            sent = self._breaker.allows()
            if not sent:
                raise RequestError("breaker_open", "no requests are sent for a while", retry=False)
            result.requests += 1
            started = time.monotonic()
            try:
                reply = await self.client.ask(request, self.config.attempt_timeout)
            except RequestError as error:
                if error.healthy:
                    self._breaker.worked()
                else:
                    self._count_failure(sent)
                raise
            except asyncio.CancelledError:  # the deadline: after a long wait it says something of the endpoint
                long = time.monotonic() - started >= self.config.attempt_timeout / 2
                self._count_failure(sent) if long else self._breaker.gave_up(sent)
                raise
            except BaseException:
                self._breaker.gave_up(sent)
                raise
            self._breaker.worked()
            return reply

    def _count_failure(self, sent: str) -> None:
        """Tell the breaker; and the log, if it opens."""
        if self._breaker.failed(sent):
            self._say(
                f"{self.config.breaker_failures} failed requests in a row; none is sent for "
                f"{self.config.breaker_pause:g} s, then one to try. Rollouts have no reasoning reward meanwhile"
            )

    def _read(self, reply: Reply) -> JudgeReply:
        try:
            verdict = read_reply(reply.text, self.template.scale)
            return replace(verdict, reason=self.client.redacted(verdict.reason))
        except BadReplyError as error:
            kind = "truncated" if reply.cut else error.kind
            advice = f" ({SECTION}.judge.max_tokens={self.config.max_tokens})" if reply.cut else ""
            raise RequestError(kind, f"{error}{advice}", retry=True, healthy=True) from None

    def _fail(self, result: JudgeScore, kind: str, detail: str) -> None:
        # a deadline that passes while a failed request waits for its second try is that failure
        if kind not in ("deadline", "budget") or result.status == "":
            result.status = kind
        result.score, result.reason = None, ""
        if self._said[kind] == 0 and kind != "breaker_open":
            self._say(f"first failure of kind {kind}: {detail or 'no answer in time'}. Further ones are only counted")
        self._said[kind] += 1

    def _say(self, text: str) -> None:
        print(f"[awpo] judge {self.endpoint.identity}: {text}.", flush=True)

    def _request_settings(self) -> dict[str, Any]:
        """What all requests have in common."""
        c = self.config
        settings: dict[str, Any] = {"max_completion_tokens": c.max_tokens}
        if c.temperature is not None:
            settings["temperature"] = c.temperature
        if (form := response_format(c.reply, self.template.scale, c.explain)) is not None:
            settings["response_format"] = form
        return settings | ({"extra_body": dict(c.extra_body)} if c.extra_body else {})

    def _key(self, prompt: Prompt) -> str:
        """A hash of all that decides the verdict."""
        scale = self.template.scale
        decides = (self.endpoint.identity, self.endpoint.model, self._settings, prompt.messages, self.config.samples)
        text = json.dumps([*decides, scale.lowest, scale.highest], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _pause(attempt: int, retry_after: float | None) -> float:
    """Seconds before the next attempt: what the server asks for, else twice as long each time; with jitter."""
    if retry_after is not None:
        return retry_after + random.uniform(0.0, FIRST_PAUSE)
    return random.uniform(0.5, 1.0) * min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
