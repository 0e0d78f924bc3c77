"""Judges that ask the tests' own server, for the tests of the judge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from awpo_verl.config import JudgeConfig
from awpo_verl.rewards.reasoning.judge import Case, Endpoint, Judge, JudgeScore, find_endpoint, make_judge


def config(base_url: str, **keys: Any) -> JudgeConfig:
    """A config for a busy machine: 120 s for each rollout, 60 s for each request."""
    patience = {"deadline": 120.0, "attempt_timeout": min(60.0, keys.get("deadline", 120.0))}
    given: dict[str, Any] = {**patience, "retries": 0, "breaker_after": 0.0} | keys
    return JudgeConfig(base_url=base_url, model="judge", **given)


def endpoint(of: JudgeConfig) -> Endpoint:
    return find_endpoint(of, None, None)


@asynccontextmanager
async def judge_of(base_url: str, **keys: Any) -> AsyncIterator[Judge]:
    judge = make_judge(config(base_url, **keys))
    try:
        yield judge
    finally:
        await judge.close()


def case(number: int = 0) -> Case:
    return Case(conversation=f"Cancel order {number}.", thinking=f"The order is {number}.", answer=f"cancel({number})")


def judged(base_url: str, cases: Iterable[Case] = (case(),), step: object = None, **keys: Any) -> list[JudgeScore]:
    """The scores of all cases, asked at once by a new judge."""

    async def ask() -> list[JudgeScore]:
        async with judge_of(base_url, **keys) as judge:
            return await asyncio.gather(*(judge.score(each, step) for each in cases))

    return asyncio.run(ask())
