"""How long the judge may take, and how much it may ask at a time, whatever the endpoint does."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import pytest

from awpo_verl.rewards.reasoning.judge import ChatModel, JudgeScore, judge
from awpo_verl.rewards.reasoning.judge.client import Client, Completion
from tests.rewards.reasoning.judge.judge_server import JudgeServer
from tests.rewards.reasoning.judge.judging import case, judge_of, judged


def test_a_queue_before_a_hanging_server_ends_at_the_deadline() -> None:
    with JudgeServer(mode="hang", seconds=600) as server:
        results = judged(
            server.base_url,
            [case(number) for number in range(100)],
            deadline=3.0,
            attempt_timeout=1.0,
            concurrency=4,
            retries=2,
            breaker_failures=1000,
        )
        assert max(record["in_flight"] for record in server.log()) <= 4
    assert {result.status for result in results} <= {"deadline", "timeout"}
    assert all(result.score is None for result in results)
    # 4 at a time, 1 s each, for 3 s: 12 or a few more are sent. If each had its turn, it would be 100 at least.
    assert sum(result.requests for result in results) < 50


def test_the_status_after_waiting_in_the_queue_is_deadline() -> None:
    with JudgeServer(mode="hang", seconds=600) as server:
        cases = [case(number) for number in range(3)]
        # a long attempt_timeout, so that only the deadline can end the request, even on a busy machine
        results = judged(server.base_url, cases, deadline=1.0, attempt_timeout=60.0, concurrency=1)
    assert Counter(result.requests for result in results) == {0: 2, 1: 1}
    assert all(result.status == "deadline" for result in results if result.requests == 0)


@pytest.mark.parametrize("concurrency", [1, 3, 16])
def test_concurrency_is_reached_and_not_exceeded(concurrency: int) -> None:
    with JudgeServer(latency=0.2) as server:
        results = judged(server.base_url, [case(number) for number in range(3 * concurrency)], concurrency=concurrency)
        assert max(record["in_flight"] for record in server.log()) == concurrency
    assert {result.status for result in results} == {"ok"}


def test_each_sample_counts_as_a_request() -> None:
    with JudgeServer(latency=0.1) as server:
        [result] = judged(server.base_url, samples=6, temperature=0.5, concurrency=2)
        assert max(record["in_flight"] for record in server.log()) == 2
    assert (result.status, result.requests) == ("ok", 6)


def test_a_dead_endpoint_gets_no_requests_until_the_pause_is_over() -> None:
    async def ask(server: JudgeServer) -> tuple[list[JudgeScore], list[JudgeScore], int, JudgeScore, list[JudgeScore]]:
        async with judge_of(server.base_url, concurrency=4, breaker_failures=8, breaker_pause=3.0) as judge:
            before = await asyncio.gather(*(judge.score(case(number)) for number in range(40)))
            opened = time.monotonic()
            sent = len(server.log())
            during = [await judge.score(case(number)) for number in range(20)]
            # else the machine was too slow to look
            sent_during = len(server.log()) - sent if time.monotonic() - opened < 2.0 else 0
            server.set(mode="ok")
            await asyncio.sleep(3.1 - (time.monotonic() - opened))
            probe = await judge.score(case(1))
            after = await asyncio.gather(*(judge.score(case(number)) for number in range(10)))
            return before, during, sent_during, probe, after

    with JudgeServer(mode="error_500") as server:
        before, during, sent_during, probe, after = asyncio.run(ask(server))
    sent = sum(result.requests for result in before)
    assert 8 <= sent <= 8 + 3  # those that were under way when it opened
    assert Counter(result.status for result in before) == {"server_error": sent, "breaker_open": 40 - sent}
    assert sent_during == 0
    assert {result.status for result in during} <= {"breaker_open", "server_error"}
    assert probe.status == "ok"
    assert {result.status for result in after} == {"ok"}


def test_only_the_probe_is_sent_after_the_pause() -> None:
    async def ask(server: JudgeServer) -> list[JudgeScore]:
        async with judge_of(server.base_url, breaker_failures=1, breaker_pause=0.2) as judge:
            await judge.score(case())
            await asyncio.sleep(0.3)
            server.set(mode="ok", latency=0.5)
            return await asyncio.gather(*(judge.score(case(number)) for number in range(10)))

    with JudgeServer(mode="error_500") as server:
        results = asyncio.run(ask(server))
        assert len(server.log()) == 2
    assert Counter(result.status for result in results) == {"ok": 1, "breaker_open": 9}


def test_malformed_replies_do_not_open_the_breaker() -> None:
    with JudgeServer(mode="malformed") as server:
        results = judged(server.base_url, [case(number) for number in range(30)], breaker_failures=2)
        assert len(server.log()) == 30
    assert {result.status for result in results} == {"malformed"}


def test_each_step_has_its_own_budget() -> None:
    async def ask(server: JudgeServer) -> tuple[list[JudgeScore], JudgeScore, JudgeScore]:
        keys = {"step_budget": 1.5, "deadline": 20.0, "attempt_timeout": 20.0, "breaker_failures": 1000}
        async with judge_of(server.base_url, **keys) as judge:
            waves = [
                result
                for wave in range(4)
                for result in await asyncio.gather(*(judge.score(case(10 * wave + i), step=7) for i in range(5)))
            ]
            server.set(mode="ok")
            return waves, await judge.score(case(), step=7), await judge.score(case(), step=8)

    with JudgeServer(mode="hang", seconds=600) as server:
        waves, same_step, next_step = asyncio.run(ask(server))
    assert {result.status for result in waves} == {"budget"}
    # the first wave spent it all: what came later was not even sent
    assert [result.requests for result in waves] == [1] * 5 + [0] * 15
    assert (same_step.status, same_step.score) == ("budget", None)
    assert next_step.status == "ok"


def test_cancelling_leaks_no_task_and_no_connection() -> None:
    async def ask(server: JudgeServer) -> tuple[int, list[str], int]:
        async with judge_of(server.base_url, concurrency=8, samples=2, temperature=0.5) as judge:
            for wave in range(10):
                tasks = [asyncio.ensure_future(judge.score(case(100 * wave + i), step=1)) for i in range(20)]
                await asyncio.sleep(0.02 * wave)
                for task in tasks:
                    task.cancel()
                done = await asyncio.gather(*tasks, return_exceptions=True)
                assert all(isinstance(result, asyncio.CancelledError) for result in done)
            left_over = len(asyncio.all_tasks()) - 1
            assert judge._budget._of(1).pending == 0
            server.set(mode="ok", latency=0.2)
            logged = len(server.log())
            results = await asyncio.gather(*(judge.score(case(i)) for i in range(16)))
            most = max(record["in_flight"] for record in server.log()[logged:])
            return left_over, [result.status for result in results], most

    with JudgeServer(mode="hang", seconds=600) as server:
        left_over, statuses, most = asyncio.run(ask(server))
    assert left_over == 0
    assert statuses == ["ok"] * 16
    assert most == 8  # every slot and every connection is there again


def test_connections_are_reused_after_cancelled_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "FIRST_PAUSE", 0.01)

    async def ask(server: JudgeServer) -> list[str]:
        keys = {"concurrency": 4, "deadline": 8.0, "attempt_timeout": 2.0, "breaker_failures": 1000}
        async with judge_of(server.base_url, **keys) as judge:
            lost = await asyncio.gather(*(judge.score(case(i)) for i in range(24)))
            assert "ok" not in {result.status for result in lost}
            server.set(mode="ok")
            return [(await judge.score(case(i))).status for i in range(20)]

    with JudgeServer(mode="hang", seconds=600) as server:
        assert asyncio.run(ask(server)) == ["ok"] * 20


def test_a_burst_of_prompts_does_not_delay_replies() -> None:
    """With 400 prompts that take 5 ms each, the first answer is not 2 s late."""

    async def ask(server: JudgeServer) -> list[JudgeScore]:
        async with judge_of(server.base_url, concurrency=400) as judge:
            await judge.score(case(-1))
            model = judge.model
            assert isinstance(model, ChatModel)
            fill = model.template.fill

            class Slow:
                scale = model.template.scale

                def fill(self, *given: object) -> object:
                    time.sleep(0.005)
                    return fill(*given)  # pyright: ignore[reportArgumentType]

            model.template = Slow()  # pyright: ignore[reportAttributeAccessIssue]
            return await asyncio.gather(*(judge.score(case(number)) for number in range(400)))

    with JudgeServer() as server:
        seconds = sorted(result.seconds for result in asyncio.run(ask(server)))
    assert seconds[-1] >= 400 * 0.005
    assert seconds[0] < seconds[-1] / 2


def test_with_the_defaults_a_short_failure_costs_no_score() -> None:
    """All 64 requests in flight fail at once; the breaker waits for the second tries."""
    with JudgeServer(mode="error_500", first_attempts_only=True) as server:
        results = judged(server.base_url, [case(number) for number in range(256)], retries=3, breaker_after=5.0)
    assert {result.status for result in results} == {"ok"}


def test_the_median_counts_if_one_sample_hangs(capfd: pytest.CaptureFixture[str]) -> None:
    def answer(self: Client, request: dict[str, Any], timeout: float) -> Any:
        return hang() if request["seed"] == 2 else reply(request["seed"])

    async def hang() -> Completion:
        await asyncio.sleep(600)
        raise AssertionError

    async def reply(seed: int) -> Completion:
        return Completion(f'{{"reason": "sample {seed}", "score": {seed}}}', False, 1, 1)

    keys = {"samples": 5, "temperature": 0.5, "deadline": 1.0, "attempt_timeout": 1.0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "ask", answer)
        [result] = judged("http://127.0.0.1:9/v1", **keys)
    # 0, 1, 3, 4 came: the median is 2, of 10
    assert (result.status, result.score) == ("ok", pytest.approx(0.2))
    assert "never retrieved" not in capfd.readouterr().err
