"""A JudgeModel of your own: Judge gives it cache, deadline, budget, concurrency, retries, breaker and metrics."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from awpo_verl.config import JudgeConfig
from awpo_verl.rewards.reasoning.judge import (
    Case,
    Judge,
    JudgeModel,
    JudgeReply,
    JudgeScore,
    Prompt,
    RequestError,
    Scorer,
    judge,
)
from awpo_verl.rewards.reasoning.judge.metrics import Watch, judge_metrics
from tests.rewards.reasoning.judge.judging import case


class OwnModel(JudgeModel):
    """Scores a case by its number, after `seconds`; the first requests raise `faults` instead."""

    name = "own"

    def __init__(self, *faults: Exception, seconds: float = 0.0) -> None:
        self.faults, self.seconds = list(faults), seconds
        self.asked = self.in_flight = self.most_in_flight = 0

    def write_prompt(self, case: Case) -> Prompt:
        return Prompt(({"role": "user", "content": case.thinking},), neutralized=1)

    async def ask(self, prompt: Prompt, sample: int, timeout: float) -> JudgeReply:
        self.asked += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.seconds)
            if self.faults:
                raise self.faults.pop(0)
            number = int(prompt.messages[0]["content"].split()[-1].rstrip("."))
            return JudgeReply(number / 10, f"number {number}", tokens_in=3, tokens_out=2)
        finally:
            self.in_flight -= 1

    def redact(self, text: str) -> str:
        return text.replace("secret", "***")


def fault(*, retry: bool = True) -> RequestError:
    return RequestError("server_error", "it is down", retry=retry)


def ask(model: JudgeModel, cases: Iterable[Case] = (case(4),), step: object = None, **keys: Any) -> list[JudgeScore]:
    """The scores of all cases, asked at once."""

    async def scores() -> list[JudgeScore]:
        scorer: Scorer = Judge(JudgeConfig(**{"deadline": 120.0, "breaker_after": 0.0, **keys}), model)
        try:
            return await asyncio.gather(*(scorer.score(each, step) for each in cases))
        finally:
            await scorer.close()

    return asyncio.run(scores())


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "FIRST_PAUSE", 0.01)


def test_the_score_has_all_that_the_model_replies() -> None:
    [result] = ask(OwnModel())
    assert (result.score, result.status, result.reason) == (0.4, "ok", "number 4")
    assert (result.requests, result.retries, result.tokens_in, result.tokens_out) == (1, 0, 3, 2)
    assert result.neutralized == 1


def test_replies_are_cached_by_the_name_and_the_prompt(tmp_path: Path) -> None:
    first, second, renamed = OwnModel(), OwnModel(), OwnModel()
    renamed.name = "another"
    ask(first, [case(1), case(2)], cache=str(tmp_path))
    results = ask(second, [case(1), case(2), case(3)], cache=str(tmp_path))
    assert [(result.status, result.score) for result in results] == [("cached", 0.1), ("cached", 0.2), ("ok", 0.3)]
    assert second.asked == 1
    assert [result.status for result in ask(renamed, [case(1)], cache=str(tmp_path))] == ["ok"]


def test_a_retry_recovers_from_a_fault() -> None:
    [result] = ask(OwnModel(fault(), fault()), retries=3)
    assert (result.status, result.requests, result.retries) == ("ok", 3, 2)
    [result] = ask(OwnModel(fault(retry=False)), retries=3)
    assert (result.score, result.status, result.requests) == (None, "server_error", 1)


def test_the_breaker_stops_requests_to_a_dead_model() -> None:
    model = OwnModel(*[fault() for _ in range(100)])
    results = ask(model, [case(i) for i in range(20)], retries=0, concurrency=1, breaker_failures=4)
    assert Counter(result.status for result in results) == {"server_error": 4, "breaker_open": 16}
    assert model.asked == 4


def test_deadline_budget_and_concurrency_hold() -> None:
    [late] = ask(OwnModel(seconds=600.0), deadline=0.2, attempt_timeout=0.2)
    assert (late.score, late.status) == (None, "deadline")
    [over] = ask(OwnModel(seconds=600.0), step=1, step_budget=0.2)
    assert (over.score, over.status) == (None, "budget")
    model = OwnModel(seconds=0.02)
    assert {result.status for result in ask(model, [case(i) for i in range(10)], concurrency=3)} == {"ok"}
    assert model.most_in_flight == 3


def test_the_median_of_the_samples_counts() -> None:
    model = OwnModel(fault(retry=False))
    [result] = ask(model, samples=3, temperature=0.5)
    assert (result.status, result.score, model.asked) == ("ok", 0.4, 3)


def test_an_exception_costs_one_score_and_is_logged_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    [result] = ask(OwnModel(ZeroDivisionError("a secret")))
    assert (result.score, result.status) == (None, "error")
    out = capsys.readouterr().out
    assert "[awpo] judge own: first failure of kind error: ZeroDivisionError at test_scorer.py:" in out
    assert "a ***" in out


def test_the_metrics_count_its_scores(capsys: pytest.CaptureFixture[str]) -> None:
    results = ask(OwnModel(fault(), fault(), fault()), [case(i) for i in range(4)], retries=0)
    infos = [result.as_info() for result in results]
    parts = {name: [info[name] for info in infos] for name in infos[0]}
    metrics = judge_metrics(parts)
    assert metrics["awpo/judge/valid_frac"] == 1 / 4
    assert metrics["awpo/judge/failed_total/server_error"] == 3.0
    assert metrics["awpo/judge/tokens_in_total"] == 3.0
    Watch().look(metrics, parts, JudgeConfig())
    assert "the judge answered for 25% of the rollouts" in capsys.readouterr().out
