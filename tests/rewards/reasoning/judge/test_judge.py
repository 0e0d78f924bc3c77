"""The judge against a server that fails as it is told: what becomes of a rollout, and after how many requests."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awpo_verl.rewards.reasoning.judge import FAILURES, Case, JudgeScore, judge, make_judge
from awpo_verl.rewards.reasoning.judge.client import MAX_BODY_BYTES, Completion, _retry_after
from tests.rewards.reasoning.judge.judge_faults import ANSWERS, WIRE
from tests.rewards.reasoning.judge.judge_server import JudgeServer, score_of, text_of
from tests.rewards.reasoning.judge.judging import case, config, judge_of, judged

# What each fault is called, and whether another request may mend it
KINDS: dict[str, tuple[str, bool]] = {
    "error_500": ("server_error", True),
    "error_503": ("server_error", True),
    "rate_limited": ("rate_limited", True),
    "unauthorized": ("unauthorized", False),
    "not_found": ("not_found", False),
    "bad_request": ("bad_request", False),
    "malformed": ("malformed", True),
    "truncated": ("truncated", True),
    "not_completion": ("malformed", True),
    "out_of_range": ("out_of_range", True),
    "nan": ("malformed", True),
    "string_score": ("malformed", True),
    "empty": ("malformed", True),
    "huge": ("malformed", True),
    "refusal": ("malformed", False),
    "hang": ("timeout", True),
    "drip": ("timeout", True),
    "cut": ("connection", True),
    "reset": ("connection", True),
    "down": ("connection", True),
}


@pytest.fixture(scope="module")
def running() -> Iterator[JudgeServer]:
    with JudgeServer(keep_bodies=True) as server:
        yield server


@pytest.fixture
def server(running: JudgeServer, monkeypatch: pytest.MonkeyPatch) -> JudgeServer:
    monkeypatch.setattr(judge, "FIRST_PAUSE", 0.01)
    running.set(mode="ok")
    return running


def patience_for(mode: str) -> dict[str, float]:
    return {"attempt_timeout": 0.5} if mode in ("hang", "drip") else {}


def test_every_fault_of_the_server_has_a_kind() -> None:
    assert set(KINDS) == {*ANSWERS, *WIRE, "down"} - {"ok"}
    assert {kind for kind, _ in KINDS.values()} <= set(FAILURES)


@pytest.mark.parametrize("mode", KINDS)
def test_a_permanent_fault_is_a_missing_score_with_its_kind(server: JudgeServer, mode: str) -> None:
    kind, retried = KINDS[mode]
    server.set(mode=mode, retry_after=0.01)
    sent = len(server.log())
    [result] = judged(server.base_url, retries=2, **patience_for(mode))
    attempts = 3 if retried else 1
    assert (result.score, result.status, result.reason) == (None, kind, "")  # never 0
    assert (result.requests, result.retries) == (attempts, attempts - 1)
    assert len(server.log()) - sent == (0 if mode == "down" else attempts)


@pytest.mark.parametrize("mode", [mode for mode, (_, retried) in KINDS.items() if retried and mode != "down"])
def test_a_retry_recovers_from_a_fault_of_the_first_attempt(server: JudgeServer, mode: str) -> None:
    server.set(mode=mode, retry_after=0.01, first_attempts_only=True)
    [result] = judged(server.base_url, retries=1, **patience_for(mode))
    assert (result.status, result.requests, result.retries) == ("ok", 2, 1)
    assert result.score == score_of(text_of(server.log()[-1]["body"])) / 10


def test_the_server_gives_the_score_and_the_token_counts(server: JudgeServer) -> None:
    results = judged(server.base_url, [case(number) for number in range(8)])
    bodies = {json.dumps(record["body"]): record["body"] for record in server.log()[-8:]}.values()
    texts = [text_of(body) for body in bodies]
    assert sorted(str(j.score) for j in results) == sorted(str(score_of(text) / 10) for text in texts)
    assert sum(j.tokens_in for j in results) == sum(len(text.split()) for text in texts)
    assert all(j.reason == "The hash of the text says so." and j.tokens_out > 0 for j in results)


def test_the_request_follows_the_config(server: JudgeServer) -> None:
    keys = {"max_tokens": 77, "temperature": 0.3, "samples": 3, "extra_body": {"top_k": 5, "nested": {"a": [1]}}}
    judged(server.base_url, **keys)
    bodies = [record["body"] for record in server.log()[-3:]]
    assert {body["seed"] for body in bodies} == {0, 1, 2}
    for body in bodies:
        assert (body["model"], body["max_completion_tokens"], body["temperature"]) == ("judge", 77, 0.3)
        assert (body["top_k"], body["nested"]) == (5, {"a": [1]})
        assert body["response_format"]["type"] == "json_schema"
    judged(server.base_url, temperature=None, reply="text")
    assert set(server.log()[-1]["body"]) == {"model", "messages", "max_completion_tokens"}


def test_a_retry_waits_as_long_as_the_server_asks(server: JudgeServer) -> None:
    server.set(mode="rate_limited", retry_after=0.7, first_attempts_only=True)
    [result] = judged(server.base_url, retries=1)
    first, second = (record["t"] for record in server.log()[-2:])
    assert result.status == "ok"
    assert second - first >= 0.7


def test_no_retry_waits_beyond_the_deadline(server: JudgeServer) -> None:
    server.set(mode="rate_limited", retry_after=300.0)
    [result] = judged(server.base_url, retries=3, deadline=120.0)
    assert (result.status, result.requests) == ("rate_limited", 1)
    assert result.seconds < 60.0  # half of the deadline, for one request


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *(("3", 3.0), ("0.5", 0.5), ("-5", 0.0), (" 7 ", 7.0)),
        *((bad, None) for bad in ("", "soon", "nan", "inf", "1e999", "Wed, 99 Oct 2026 99:99:99 GMT")),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0.0),
    ],
)
def test_retry_after_in_seconds(header: str, seconds: float | None) -> None:
    assert _retry_after({"retry-after": header}) == seconds
    assert _retry_after({}) is None


def test_retry_after_may_be_a_date() -> None:
    wait = _retry_after({"retry-after": formatdate(time.time() + 100, usegmt=True)})
    assert wait is not None
    assert 50 < wait <= 100


def replies(monkeypatch: pytest.MonkeyPatch, *by_seed: Any) -> None:
    """What the client gets for each sample: a reply's text, or an exception."""

    async def ask(self: Any, request: dict[str, Any], timeout: float) -> Completion:
        await asyncio.sleep(0.01 * request.get("seed", 0))
        answer = by_seed[request.get("seed", 0)]
        if isinstance(answer, Exception):
            raise answer
        return Completion(answer, False, 1, 1)

    monkeypatch.setattr("awpo_verl.rewards.reasoning.judge.client.Client.ask", ask)


def scored(score: float) -> str:
    return json.dumps({"reason": f"it is {score}", "score": score})


@pytest.mark.parametrize(
    ("given_replies", "score", "reason"),
    [
        ((scored(2), scored(9), scored(4)), 0.4, "it is 4"),  # 2 4 9
        ((scored(2), "prose", scored(9)), 0.55, "it is 2"),  # (2 + 9) / 2 / 10; the reason is the lower one's
        ((scored(2), scored(4), scored(6), scored(9)), 0.5, "it is 4"),  # (4 + 6) / 2 / 10
        (("prose", scored(4), scored(6), scored(9), "prose"), 0.6, "it is 6"),
    ],
)
def test_the_score_is_the_median_of_the_valid_samples(
    monkeypatch: pytest.MonkeyPatch, given_replies: tuple[str, ...], score: float, reason: str
) -> None:
    replies(monkeypatch, *given_replies)
    [result] = judged("http://unused/v1", samples=len(given_replies), temperature=0.5)
    assert (result.status, result.reason) == ("ok", reason)
    assert result.score == pytest.approx(score)
    assert result.requests == len(given_replies)


@pytest.mark.parametrize("given_replies", [("x", "x", scored(9)), ("x", scored(9)), ("x", "x", scored(9), scored(9))])
def test_half_of_the_samples_is_not_a_majority(monkeypatch: pytest.MonkeyPatch, given_replies: tuple[str, ...]) -> None:
    replies(monkeypatch, *given_replies)
    [result] = judged("http://unused/v1", samples=len(given_replies), temperature=0.5)
    assert (result.score, result.status, result.reason) == (None, "malformed", "")


def test_an_exception_costs_one_score_and_its_place_is_logged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replies(monkeypatch, ZeroDivisionError("a bug"), scored(5), scored(5))

    async def ask() -> tuple[JudgeScore, int]:
        async with judge_of("http://unused/v1", samples=3, temperature=0.5) as judge:
            return await judge.score(case()), len(asyncio.all_tasks())

    result, tasks = asyncio.run(ask())
    assert (result.score, result.status) == (None, "error")
    assert tasks == 1  # the other samples are not left behind
    assert "ZeroDivisionError at test_judge.py:" in capsys.readouterr().out


def test_the_first_failure_of_each_kind_is_logged(server: JudgeServer, capfd: pytest.CaptureFixture[str]) -> None:
    server.set(mode="bad_request")
    judged(server.base_url, [case(number) for number in range(20)])
    out = capfd.readouterr().out
    assert out.count("[awpo] judge") == 1
    assert "first failure of kind bad_request: HTTP 400" in out
    assert "The prompt is too long." in out
    assert max(map(len, out.splitlines())) < 600


COMPLETION = json.dumps(
    {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
    | {
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": '{"reason": "good", "score": 8}'},
            }
        ]
    }
).encode()
RAW: dict[str, bytes] = {
    "nothing": b"",
    "null": b"null",
    "number": b"7",
    "no_choices": b'{"choices": {}}',
    "null_choice": b'{"choices": [null]}',
    "no_message": b'{"choices": [{}]}',
    "deep": b"[" * 100_000,
    "not_utf8": b"\xff\xfe\xfa",
    "error_with_200": b'{"error": {"message": "no such model"}}',
    # chunked, so without a length; a valid reply, if it were read to its end
    "endless": COMPLETION + b" " * (MAX_BODY_BYTES + 10**6),
}


def judged_from(body: bytes, headers: bytes = b"") -> JudgeScore:
    """What the judge makes of this body, sent in chunks."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + headers + b"\r\n")
        if body:
            writer.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
        writer.write(b"0\r\n\r\n")
        writer.close()

    async def ask() -> JudgeScore:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            async with judge_of(f"http://127.0.0.1:{port}/v1") as judge:
                return await judge.score(case())

    return asyncio.run(ask())


@pytest.mark.parametrize("body", RAW.values(), ids=RAW)
def test_a_body_that_is_not_a_completion_is_malformed(body: bytes) -> None:
    result = judged_from(body)
    assert (result.score, result.status) == (None, "malformed")


def test_a_packed_body_is_malformed() -> None:
    packed = gzip.compress(COMPLETION + b" " * (MAX_BODY_BYTES + 10**6))
    assert len(packed) < 10**5
    result = judged_from(packed, b"Content-Encoding: gzip\r\n")
    assert (result.score, result.status) == (None, "malformed")
    assert judged_from(COMPLETION, b"Content-Encoding: identity\r\n").status == "ok"


def test_a_judge_in_a_second_event_loop_does_not_raise(server: JudgeServer) -> None:
    """It should not be used so; what comes is a result all the same."""
    judge = make_judge(config(server.base_url))
    assert asyncio.run(judge.score(case())).status == "ok"
    result = asyncio.run(judge.score(case()))
    assert result.status in ("ok", *FAILURES)
    assert (result.score is None) == (result.status != "ok")


anything = st.text(st.characters(exclude_categories=()), max_size=100)  # surrogates included


@settings(max_examples=15)
@given(st.lists(st.builds(Case, anything, anything, anything, anything, anything), min_size=1, max_size=5))
def test_any_text_gets_a_score(running: JudgeServer, cases: list[Case]) -> None:
    running.set(mode="ok")
    assert [result.status for result in judged(running.base_url, cases)] == ["ok"] * len(cases)
