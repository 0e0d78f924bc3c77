"""The judge: asks a model how good the thinking of a rollout is, and answers in time.

Each rollout gets its score from the cache, or from a request. The deadline counts from the moment the rollout is
finished, and includes the queue and all retries. A final failure is a missing reward with the kind of failure: never 0,
never an exception. verl's trainers have one wave of rollouts in a step, so the judge adds at most the deadline to a
step, whatever the endpoint does. `step_budget` bounds several waves.

One Judge lives in each reward worker. Its concurrency, breaker and budget are those of that worker.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
import traceback
from collections import Counter
from dataclasses import dataclass

from awpo_verl.config import JudgeConfig
from awpo_verl.rewards.reasoning.judge.cache import Cache
from awpo_verl.rewards.reasoning.judge.limits import Breaker, StepBudget
from awpo_verl.rewards.reasoning.judge.prompt import Case, Prompt
from awpo_verl.rewards.reasoning.judge.reply import JudgeReply
from awpo_verl.rewards.reasoning.judge.scorer import CACHED, OK, JudgeModel, JudgeScore, RequestError, log_detail

GRACE = 1.0  # seconds after the deadline
CACHE_PATIENCE = 2.0  # seconds for one look into the cache
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0  # seconds of the backoff


@dataclass(slots=True)
class _Work:
    """What the work on one rollout has cost so far, and its last failure ("" if none)."""

    failure: str = ""
    cached: bool = False
    requests: int = 0
    retries: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    neutralized: int = 0


class Judge:
    """A Scorer that asks one JudgeModel. Many calls of `score` may run at once, from one event loop.

    A second event loop needs a Judge of its own.
    """

    def __init__(self, config: JudgeConfig, model: JudgeModel) -> None:
        self.config, self.model = config, model
        self._slots = asyncio.Semaphore(config.concurrency)
        self._filling = asyncio.Lock()
        self._breaker = Breaker(config.breaker_failures, config.breaker_pause, config.breaker_after)
        self._budget = StepBudget(config.step_budget)
        self._cache = Cache(config.cache, config.cache_gb * 2**30) if config.cache else None
        self._failures: Counter[str] = Counter()

    async def score(self, case: Case, step: object = None) -> JudgeScore:
        """Score one rollout. Never raises, and returns within the deadline unless the event loop is blocked.

        Args:
            step: the training step that waits for the score, for the step's budget; None = unknown, no budget.
        """
        started = time.monotonic()
        work = _Work()
        reply: JudgeReply | None = None
        left = patience = self.config.deadline
        try:
            with self._budget.pending(step):
                left = self._budget.left(step)
                patience = min(self.config.deadline, left)
                # a cached score needs no budget
                longest = max(patience, min(self.config.deadline, CACHE_PATIENCE)) if self._cache else patience
                # _find_reply keeps to its time; this timeout is for what it cannot control
                reply = await asyncio.wait_for(self._find_reply(case, work, started + patience), longest + GRACE)
        except asyncio.TimeoutError:
            self._fail(work, "deadline" if self.config.deadline <= left else "budget", "")
        except Exception as error:  # noqa: BLE001  # a bug here costs this reward, not the run, and is logged
            at = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{os.path.basename(at.filename)}:{at.lineno}"
            self._fail(work, "error", log_detail(self.model.redact(f"{type(error).__name__} at {place}: {error}")))
        return JudgeScore(
            score=None if reply is None else reply.score,
            status=work.failure if reply is None else CACHED if work.cached else OK,
            reason="" if reply is None else reply.reason,
            seconds=time.monotonic() - started,
            requests=work.requests,
            retries=work.retries,
            tokens_in=work.tokens_in,
            tokens_out=work.tokens_out,
            neutralized=work.neutralized,
        )

    def key(self, case: Case) -> str:
        """A hash of all that decides the score of a case."""
        return self.model.key(self.model.write_prompt(case))

    async def close(self) -> None:
        """Write what is still to be cached, then close the model's connections."""
        if self._cache is not None:
            await asyncio.to_thread(self._cache.close)
        await self.model.close()

    async def _find_reply(self, case: Case, work: _Work, until: float) -> JudgeReply | None:
        """The reply from the cache or from the model; None after a failure, which is in `work`."""
        async with self._filling:
            await asyncio.sleep(0)  # one prompt per round of the event loop, so that a burst does not delay replies
            prompt = self.model.write_prompt(case)
        work.neutralized = prompt.neutralized
        key = self.model.key(prompt) if self._cache is not None else ""
        if self._cache is not None:
            known = await self._cache.get(key, CACHE_PATIENCE)
            if known is not None:
                work.cached = True
                return known
        if time.monotonic() >= until:
            raise asyncio.TimeoutError  # a request now could not end in time
        replies, late = await self._ask_samples(prompt, work, until)
        given = sorted((reply for reply in replies if reply is not None), key=lambda reply: reply.score)
        if len(given) * 2 <= self.config.samples:
            if late:
                raise asyncio.TimeoutError
            return None  # the majority has failed
        median = statistics.median(reply.score for reply in given)
        result = JudgeReply(median, given[(len(given) - 1) // 2].reason)
        if self._cache is not None:
            self._cache.put(key, result)
        return result

    async def _ask_samples(self, prompt: Prompt, work: _Work, until: float) -> tuple[list[JudgeReply | None], bool]:
        """The samples that ended in time, and whether others did not. Cancels and awaits the late ones."""
        tasks = [
            asyncio.ensure_future(self._ask_with_retries(prompt, sample, work, until))
            for sample in range(self.config.samples)
        ]
        try:
            done, late = await asyncio.wait(tasks, timeout=max(0.0, until - time.monotonic()))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return [task.result() for task in done], bool(late)

    async def _ask_with_retries(self, prompt: Prompt, sample: int, work: _Work, until: float) -> JudgeReply | None:
        """One sample; None after a failure, which is in `work`."""
        for attempt in range(self.config.retries + 1):
            try:
                reply = await self._ask(prompt, sample, work)
                work.tokens_in += reply.tokens_in
                work.tokens_out += reply.tokens_out
                return reply
            except RequestError as error:
                work.tokens_in += error.tokens_in
                work.tokens_out += error.tokens_out
                self._fail(work, error.kind, str(error))
                pause = _pause(attempt, error.retry_after)
                # a pause beyond the deadline would only make the step wait
                if not error.retry or attempt == self.config.retries or time.monotonic() + pause >= until:
                    return None
                await asyncio.sleep(pause)
                work.retries += 1
        return None

    async def _ask(self, prompt: Prompt, sample: int, work: _Work) -> JudgeReply:
        """One request, when there is a free slot and the breaker allows it."""
        async with self._slots:
            sent = self._breaker.allows()
            if not sent:
                raise RequestError("breaker_open", "no requests are sent for a while", retry=False)
            work.requests += 1
            started = time.monotonic()
            try:
                reply = await self.model.ask(prompt, sample, self.config.attempt_timeout)
            except RequestError as error:
                if error.healthy:
                    self._breaker.worked()
                else:
                    self._count_failure(sent)
                raise
            except asyncio.CancelledError:  # the deadline has passed: after a long wait, the endpoint is to blame
                long = time.monotonic() - started >= self.config.attempt_timeout / 2
                self._count_failure(sent) if long else self._breaker.gave_up(sent)
                raise
            except BaseException:
                self._breaker.gave_up(sent)
                raise
            self._breaker.worked()
            return reply

    def _count_failure(self, sent: str) -> None:
        """Report a failed request to the breaker, and log when the breaker opens."""
        if self._breaker.failed(sent):
            self._log(
                f"{self.config.breaker_failures} failed requests in a row. The judge sends none for "
                f"{self.config.breaker_pause:g} s, then one to try. Rollouts have no reasoning reward until then"
            )

    def _fail(self, work: _Work, kind: str, detail: str) -> None:
        """Note a failure, and log the first of each kind."""
        # the deadline may pass while a failed request waits for its next attempt: then that failure is the cause
        if kind not in ("deadline", "budget") or work.failure == "":
            work.failure = kind
        if self._failures[kind] == 0 and kind != "breaker_open":
            self._log(f"first failure of kind {kind}: {detail or 'no answer in time'}. Further ones are only counted")
        self._failures[kind] += 1

    def _log(self, text: str) -> None:
        print(f"[awpo] judge {self.model.name}: {text}.", flush=True)


def _pause(attempt: int, retry_after: float | None) -> float:
    """Seconds before the next attempt, with jitter: what the server asks for, else twice as long each time."""
    if retry_after is not None:
        return retry_after + random.uniform(0.0, FIRST_PAUSE)
    return random.uniform(0.5, 1.0) * min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
