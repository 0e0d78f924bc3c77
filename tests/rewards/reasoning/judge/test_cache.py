"""The cache of judge replies: shared, bounded, keyed by all that decides the score, and never a cause of failure."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from awpo_verl.config import JudgeConfig
from awpo_verl.rewards.reasoning.judge import Case, ChatModel, Judge, JudgeReply, find_endpoint, judge
from awpo_verl.rewards.reasoning.judge import cache as cache_module
from awpo_verl.rewards.reasoning.judge.cache import FILE, Cache
from tests.rewards.reasoning.judge.judge_server import JudgeServer
from tests.rewards.reasoning.judge.judging import case, judge_of, judged

REPLY = JudgeReply(0.5, "so so")
GIB = 2.0**30


def test_a_second_judge_uses_the_replies_of_the_first(tmp_path: Path) -> None:
    cases = [case(number) for number in range(5)]
    with JudgeServer() as server:
        first = judged(server.base_url, cases, cache=str(tmp_path))
        second = judged(server.base_url, cases, cache=str(tmp_path))
        assert len(server.log()) == 5
    assert [result.status for result in first + second] == ["ok"] * 5 + ["cached"] * 5
    assert [(j.score, j.reason) for j in second] == [(j.score, j.reason) for j in first]
    assert [(j.requests, j.tokens_in) for j in second] == [(0, 0)] * 5


def test_failures_are_not_cached(tmp_path: Path) -> None:
    with JudgeServer(mode="malformed") as server:
        assert judged(server.base_url, cache=str(tmp_path))[0].status == "malformed"
        server.set(mode="ok")
        assert judged(server.base_url, cache=str(tmp_path))[0].status == "ok"


def test_processes_share_one_cache(tmp_path: Path) -> None:
    own = Cache(str(tmp_path), GIB)
    own.write_entry("ours", REPLY)
    script = (
        "import sys; from awpo_verl.rewards.reasoning.judge.cache import Cache, JudgeReply\n"
        "cache = Cache(sys.argv[1], 2.0**30)\n"
        "assert cache.read_entry('ours') == JudgeReply(0.5, 'so so')\n"
        "for i in range(50): cache.write_entry(f'theirs-{i}', JudgeReply(1.0, ''))\n"
    )
    other = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    for i in range(50):  # while the other writes
        own.write_entry(f"ours-{i}", REPLY)
    assert other.wait(60) == 0
    assert all(own.read_entry(f"theirs-{i}") == JudgeReply(1.0, "") for i in range(50))
    assert all(own.read_entry(f"ours-{i}") == REPLY for i in range(50))


def test_threads_share_one_cache(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path), GIB)
    threads = [
        threading.Thread(target=lambda n=n: [cache.write_entry(f"{n}-{i}", REPLY) for i in range(20)]) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(cache.read_entry(f"{n}-{i}") == REPLY for n in range(8) for i in range(20))


def test_the_oldest_replies_are_deleted_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "_CHECK_EVERY", 10)
    limit = 400_000
    cache = Cache(str(tmp_path), limit)
    reason = "x" * 500  # the longest there is
    for i in range(1000):  # about 0.55 kB each, 0.7 with what SQLite leaves free: 0.7 MB in all
        cache.write_entry(f"{i:04}", JudgeReply(0.5, reason))
    with sqlite3.connect(tmp_path / FILE) as connection:
        kept = [row[0] for row in connection.execute("SELECT key FROM verdicts ORDER BY key")]
    assert 0.5 * limit < len(kept) * 550 < 1.1 * limit  # each check lets a tenth go, when it is too much
    assert kept == [f"{i:04}" for i in range(1000 - len(kept), 1000)]
    assert (tmp_path / FILE).stat().st_size < 2 * limit  # room is used again


@pytest.mark.parametrize(
    "content",
    [b"this is no database", b"SQLite format 3\0" + b"\xff" * 5000, b"\0" * 4096],
    ids=["text", "torn", "zeros"],
)
def test_a_broken_file_costs_requests_but_no_score(tmp_path: Path, content: bytes, capfd: Any) -> None:
    (tmp_path / FILE).write_bytes(content)
    with JudgeServer() as server:
        results = judged(server.base_url, [case(0), case(1)], cache=str(tmp_path))
    assert [result.status for result in results] == ["ok", "ok"]
    assert capfd.readouterr().out.count("judge cache") == 1


def test_an_unusable_folder_costs_no_score(tmp_path: Path, capfd: Any) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "read_only").mkdir(mode=0o555)
    with JudgeServer() as server:
        for folder in ("file", "file/below", "read_only"):
            assert judged(server.base_url, cache=str(tmp_path / folder))[0].status == "ok"
    said = capfd.readouterr().out.count("judge cache")
    assert said == (3 if os.getuid() else 2)  # root may write everywhere


@pytest.mark.parametrize(
    "value",
    [
        *("", "[]", "null", "{}", '{"score": 2, "reason": ""}', '{"score": "1", "reason": ""}', '{"score": 0.5}'),
        *('{"score": NaN, "reason": ""}', '{"score": true, "reason": ""}', '{"score": 0.5, "reason": null}'),
        '{"score": 0.5',
    ],
)
def test_an_invalid_entry_is_a_cache_miss(tmp_path: Path, value: str) -> None:
    cache = Cache(str(tmp_path), GIB)
    cache.write_entry("key", REPLY)
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("UPDATE verdicts SET value = ?", (value,))
    assert cache.read_entry("key") is None


def test_a_locked_file_delays_no_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Cache(str(tmp_path), GIB).write_entry("key", REPLY)
    locker = sqlite3.connect(tmp_path / FILE)
    locker.execute("BEGIN EXCLUSIVE")

    async def ask(base_url: str) -> tuple[str, float]:
        async with judge_of(base_url, cache=str(tmp_path)) as judge:
            started = time.monotonic()
            status = (await judge.score(case())).status
            seconds = time.monotonic() - started
            locker.rollback()
            return status, seconds

    with JudgeServer() as server:
        status, seconds = asyncio.run(ask(server.base_url))
    assert status == "ok"
    assert seconds < 60.0  # half of the deadline


def test_a_hanging_cache_is_a_cache_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(Cache, "read_entry", lambda self, key: over.wait(60))

    async def ask(base_url: str) -> str:
        async with judge_of(base_url, cache=str(tmp_path)) as judge:
            status = (await judge.score(case())).status
            over.set()
            return status

    with JudgeServer() as server:
        assert asyncio.run(ask(server.base_url)) == "ok"


def test_a_cached_score_needs_no_budget(tmp_path: Path) -> None:
    async def ask(base_url: str) -> list[str]:
        async with judge_of(base_url, cache=str(tmp_path), step_budget=0.5) as judge:
            statuses = [(await judge.score(case(0), step=1)).status]
            with judge._budget.pending(2):
                await asyncio.sleep(0.6)
            statuses += [(await judge.score(case(number), step=2)).status for number in (0, 1)]
            return statuses

    with JudgeServer() as server:
        judged(server.base_url, [case(0)], cache=str(tmp_path))
        assert asyncio.run(ask(server.base_url)) == ["cached", "cached", "budget"]
        assert len(server.log()) == 1


def test_a_cache_miss_has_only_the_rest_of_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "CACHE_PATIENCE", 25.0)
    with JudgeServer(mode="hang", seconds=600) as server:
        [result] = judged(
            server.base_url, step=1, cache=str(tmp_path), step_budget=0.5, deadline=30.0, attempt_timeout=30.0
        )
    assert (result.status, result.requests) == ("budget", 1)
    assert 0.5 <= result.seconds < 15.0


CASE = Case(conversation="a", thinking="b", tools="c", reference="d", answer="e")


def key(tmp_path: Path, asked: Case = CASE, router: str | None = None, **keys: Any) -> str:
    given: dict[str, Any] = {"base_url": "http://here/v1", "model": "m", "temperature": 0.5} | keys
    config = JudgeConfig(**given)
    return Judge(config, ChatModel(config, find_endpoint(config, router, "m"))).key(asked)


OWN = "score: [0, 10]\nsystem: s\nuser: $thinking\n"


@pytest.mark.parametrize(
    "keys",
    [
        {"base_url": "http://there/v1"},
        *({"model": "other"}, {"temperature": 0.7}, {"temperature": None}, {"max_tokens": 7}, {"samples": 3}),
        *({"extra_body": {"top_k": 1}}, {"reply": "text"}, {"explain": False}, {"show_answer": False}),
        *({"show_reference": False}, {"template": "OWN"}),
    ],
    ids=str,
)
def test_the_key_depends_on_all_that_decides_the_score(tmp_path: Path, keys: dict[str, Any]) -> None:
    (tmp_path / "own.yaml").write_text(OWN)
    changed = {name: str(tmp_path / "own.yaml") if value == "OWN" else value for name, value in keys.items()}
    assert key(tmp_path, **changed) != key(tmp_path)


def test_the_key_depends_on_the_template_by_its_text_and_scale(tmp_path: Path) -> None:
    seen: set[str] = set()
    for name, text in (("a", OWN), ("b", OWN), ("c", OWN.replace("s\n", "t\n")), ("d", OWN.replace("10", "5"))):
        (tmp_path / f"{name}.yaml").write_text(text)
        seen.add(key(tmp_path, template=str(tmp_path / f"{name}.yaml"), reply="text"))
    assert len(seen) == 3  # a and b are the same template in two files


@pytest.mark.parametrize("section", [field.name for field in dataclasses.fields(Case)])
def test_the_key_depends_on_each_section(tmp_path: Path, section: str) -> None:
    assert key(tmp_path, dataclasses.replace(CASE, **{section: "other"})) != key(tmp_path)


@pytest.mark.parametrize(
    "keys",
    [
        *({"deadline": 99.0}, {"attempt_timeout": 1.0}, {"concurrency": 1}, {"retries": 9}, {"breaker_failures": 1}),
        *({"cache_gb": 1.0}, {"step_budget": 1.0}, {"min_valid": 0.1}, {"required": True}),
    ],
    ids=str,
)
def test_the_key_does_not_depend_on_limits_and_failure_handling(tmp_path: Path, keys: dict[str, Any]) -> None:
    assert key(tmp_path, **keys) == key(tmp_path)


def test_verls_reward_model_has_one_key_at_any_address(tmp_path: Path) -> None:
    one, two = (key(tmp_path, base_url="", model="", router=router) for router in ("10.0.0.1:8000", "10.0.0.2:9000"))
    assert one == two


def test_the_key_does_not_depend_on_the_api_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[str] = set()
    for value in ("first", "second"):
        monkeypatch.setenv("SOME_JUDGE_KEY", value)
        seen.add(key(tmp_path, api_key_env="SOME_JUDGE_KEY"))
    assert seen == {key(tmp_path)}
