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

from awpo_verl.rewards.reasoning.judge import FAILURES, Case, Judge, JudgeScore, judge
from awpo_verl.rewards.reasoning.judge.endpoint import MAX_BODY_BYTES, Reply, _retry_after
from tests.rewards.reasoning.judge.judge_faults import ANSWERS, WIRE
from tests.rewards.reasoning.judge.judge_server import JudgeServer, score_of, text_of
from tests.rewards.reasoning.judge.judging import case, config, endpoint, judge_of, judged

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


def test_every_fault_of_the_server_has_its_kind() -> None:
    assert set(KINDS) == {*ANSWERS, *WIRE, "down"} - {"ok"}
    assert {kind for kind, _ in KINDS.values()} <= set(FAILURES)


@pytest.mark.parametrize("mode", KINDS)
def test_a_fault_for_good_is_a_missing_score_of_its_kind_after_all_attempts(server: JudgeServer, mode: str) -> None:
    kind, retried = KINDS[mode]
    server.set(mode=mode, retry_after=0.01)
    sent = len(server.log())
    [judgement] = judged(server.base_url, retries=2, **patience_for(mode))
    attempts = 3 if retried else 1
    assert (judgement.score, judgement.status, judgement.reason) == (None, kind, "")  # never 0
    assert (judgement.requests, judgement.retries) == (attempts, attempts - 1)
    assert len(server.log()) - sent == (0 if mode == "down" else attempts)


@pytest.mark.parametrize("mode", [mode for mode, (_, retried) in KINDS.items() if retried and mode != "down"])
def test_a_fault_of_the_first_attempt_is_mended_by_a_retry(server: JudgeServer, mode: str) -> None:
    server.set(mode=mode, retry_after=0.01, first_attempts_only=True)
    [judgement] = judged(server.base_url, retries=1, **patience_for(mode))
    assert (judgement.status, judgement.requests, judgement.retries) == ("ok", 2, 1)
    assert judgement.score == score_of(text_of(server.log()[-1]["body"])) / 10


def test_the_score_is_the_servers_for_this_prompt_and_its_tokens_are_counted(server: JudgeServer) -> None:
    results = judged(server.base_url, [case(number) for number in range(8)])
    bodies = {json.dumps(record["body"]): record["body"] for record in server.log()[-8:]}.values()
    texts = [text_of(body) for body in bodies]
    assert sorted(str(j.score) for j in results) == sorted(str(score_of(text) / 10) for text in texts)
    assert sum(j.tokens_in for j in results) == sum(len(text.split()) for text in texts)
    assert all(j.reason == "The hash of the text says so." and j.tokens_out > 0 for j in results)


def test_the_request_is_what_the_config_says(server: JudgeServer) -> None:
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


def test_a_wait_that_the_server_asks_for_is_kept(server: JudgeServer) -> None:
    server.set(mode="rate_limited", retry_after=0.7, first_attempts_only=True)
    [judgement] = judged(server.base_url, retries=1)
    first, second = (record["t"] for record in server.log()[-2:])
    assert judgement.status == "ok"
    assert second - first >= 0.7


def test_a_wait_beyond_the_deadline_is_not_begun(server: JudgeServer) -> None:
    server.set(mode="rate_limited", retry_after=300.0)
    [judgement] = judged(server.base_url, retries=3, deadline=120.0)
    assert (judgement.status, judgement.requests) == ("rate_limited", 1)
    assert judgement.seconds < 60.0  # half of the deadline, for one request


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *(("3", 3.0), ("0.5", 0.5), ("-5", 0.0), (" 7 ", 7.0)),
        *((bad, None) for bad in ("", "soon", "nan", "inf", "1e999", "Wed, 99 Oct 2026 99:99:99 GMT")),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_not_at_all(header: str, seconds: float | None) -> None:
    assert _retry_after({"retry-after": header}) == seconds
    assert _retry_after({}) is None


def test_retry_after_may_be_a_date() -> None:
    wait = _retry_after({"retry-after": formatdate(time.time() + 100, usegmt=True)})
    assert wait is not None
    assert 50 < wait <= 100


def replies(monkeypatch: pytest.MonkeyPatch, *by_seed: Any) -> None:
    """What the client gets for each sample: a reply's text, or an exception."""

    async def ask(self: Any, request: dict[str, Any], timeout: float) -> Reply:
        await asyncio.sleep(0.01 * request.get("seed", 0))
        answer = by_seed[request.get("seed", 0)]
        if isinstance(answer, Exception):
            raise answer
        return Reply(answer, False, 1, 1)

    monkeypatch.setattr("awpo_verl.rewards.reasoning.judge.endpoint.Client.ask", ask)


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
def test_the_median_of_the_samples_that_came_counts(
    monkeypatch: pytest.MonkeyPatch, given_replies: tuple[str, ...], score: float, reason: str
) -> None:
    replies(monkeypatch, *given_replies)
    [judgement] = judged("http://unused/v1", samples=len(given_replies), temperature=0.5)
    assert (judgement.status, judgement.reason) == ("ok", reason)
    assert judgement.score == pytest.approx(score)
    assert judgement.requests == len(given_replies)


@pytest.mark.parametrize("given_replies", [("x", "x", scored(9)), ("x", scored(9)), ("x", "x", scored(9), scored(9))])
def test_half_of_the_samples_is_no_majority(monkeypatch: pytest.MonkeyPatch, given_replies: tuple[str, ...]) -> None:
    replies(monkeypatch, *given_replies)
    [judgement] = judged("http://unused/v1", samples=len(given_replies), temperature=0.5)
    assert (judgement.score, judgement.status, judgement.reason) == (None, "malformed", "")


def test_a_bug_of_ours_costs_one_reward_and_says_where_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replies(monkeypatch, ZeroDivisionError("a bug"), scored(5), scored(5))

    async def ask() -> tuple[JudgeScore, int]:
        async with judge_of("http://unused/v1", samples=3, temperature=0.5) as judge:
            return await judge.judge(case()), len(asyncio.all_tasks())

    judgement, tasks = asyncio.run(ask())
    assert (judgement.score, judgement.status) == (None, "error")
    assert tasks == 1  # the other samples are not left behind
    assert "ZeroDivisionError at test_judge.py:" in capsys.readouterr().out


def test_each_kind_of_failure_is_said_once(server: JudgeServer, capfd: pytest.CaptureFixture[str]) -> None:
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
    # chunked: no length was announced. A verdict, had it been read to its end
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
                return await judge.judge(case())

    return asyncio.run(ask())


@pytest.mark.parametrize("body", RAW.values(), ids=RAW)
def test_a_body_that_is_no_completion_is_malformed(body: bytes) -> None:
    judgement = judged_from(body)
    assert (judgement.score, judgement.status) == (None, "malformed")


def test_a_body_that_unpacks_to_more_than_was_sent_is_not_unpacked() -> None:
    packed = gzip.compress(COMPLETION + b" " * (MAX_BODY_BYTES + 10**6))
    assert len(packed) < 10**5
    judgement = judged_from(packed, b"Content-Encoding: gzip\r\n")
    assert (judgement.score, judgement.status) == (None, "malformed")
    assert judged_from(COMPLETION, b"Content-Encoding: identity\r\n").status == "ok"


def test_a_judge_outlives_its_event_loop_without_an_exception(server: JudgeServer) -> None:
    """It should not be used so; what comes is a judgement all the same."""
    given = config(server.base_url)
    judge = Judge(given, endpoint(given))
    assert asyncio.run(judge.judge(case())).status == "ok"
    judgement = asyncio.run(judge.judge(case()))
    assert judgement.status in ("ok", *FAILURES)
    assert (judgement.score is None) == (judgement.status != "ok")


anything = st.text(st.characters(exclude_categories=()), max_size=100)  # surrogates included


@settings(max_examples=15)
@given(st.lists(st.builds(Case, anything, anything, anything, anything, anything), min_size=1, max_size=5))
def test_any_text_of_a_rollout_gets_its_judgement(running: JudgeServer, cases: list[Case]) -> None:
    running.set(mode="ok")
    assert [judgement.status for judgement in judged(running.base_url, cases)] == ["ok"] * len(cases)
