"""The cache of verdicts: shared, bounded, by all that decides, and never a reason to fail."""

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
from awpo_verl.rewards.reasoning.judge import Case, Judge, find_endpoint, judge
from awpo_verl.rewards.reasoning.judge import cache as cache_module
from awpo_verl.rewards.reasoning.judge.cache import FILE, Cache
from tests.rewards.reasoning.judge.judge_server import JudgeServer
from tests.rewards.reasoning.judge.judging import case, judge_of, judged

VERDICT = {"score": 0.5, "reason": "so so"}
GIB = 2.0**30


def test_a_second_judge_finds_what_the_first_has_paid_for(tmp_path: Path) -> None:
    cases = [case(number) for number in range(5)]
    with JudgeServer() as server:
        first = judged(server.base_url, cases, cache=str(tmp_path))
        second = judged(server.base_url, cases, cache=str(tmp_path))
        assert len(server.log()) == 5
    assert [judgement.status for judgement in first + second] == ["ok"] * 5 + ["cached"] * 5
    assert [(j.score, j.reason) for j in second] == [(j.score, j.reason) for j in first]
    assert [(j.requests, j.tokens_in) for j in second] == [(0, 0)] * 5


def test_failures_are_not_kept(tmp_path: Path) -> None:
    with JudgeServer(mode="malformed") as server:
        assert judged(server.base_url, cache=str(tmp_path))[0].status == "malformed"
        server.set(mode="ok")
        assert judged(server.base_url, cache=str(tmp_path))[0].status == "ok"


def test_another_process_sees_what_was_written(tmp_path: Path) -> None:
    own = Cache(str(tmp_path), GIB)
    own.write("ours", VERDICT)
    script = (
        "import sys; from awpo_verl.rewards.reasoning.judge.cache import Cache\n"
        "cache = Cache(sys.argv[1], 2.0**30)\n"
        "assert cache.read('ours') == {'score': 0.5, 'reason': 'so so'}\n"
        "for i in range(50): cache.write(f'theirs-{i}', {'score': 1.0, 'reason': ''})\n"
    )
    other = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    for i in range(50):  # while the other writes
        own.write(f"ours-{i}", VERDICT)
    assert other.wait(60) == 0
    assert all(own.read(f"theirs-{i}") == {"score": 1.0, "reason": ""} for i in range(50))
    assert all(own.read(f"ours-{i}") == VERDICT for i in range(50))


def test_threads_share_one_cache(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path), GIB)
    threads = [
        threading.Thread(target=lambda n=n: [cache.write(f"{n}-{i}", VERDICT) for i in range(20)]) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(cache.read(f"{n}-{i}") == VERDICT for n in range(8) for i in range(20))


def test_the_oldest_verdicts_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "_CHECK_EVERY", 10)
    limit = 400_000
    cache = Cache(str(tmp_path), limit)
    reason = "x" * 500  # the longest there is
    for i in range(1000):  # about 0.55 kB each, 0.7 with what SQLite leaves free: 0.7 MB in all
        cache.write(f"{i:04}", {"score": 0.5, "reason": reason})
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
def test_a_broken_file_costs_requests_and_no_judgement(tmp_path: Path, content: bytes, capfd: Any) -> None:
    (tmp_path / FILE).write_bytes(content)
    with JudgeServer() as server:
        results = judged(server.base_url, [case(0), case(1)], cache=str(tmp_path))
    assert [judgement.status for judgement in results] == ["ok", "ok"]
    assert capfd.readouterr().out.count("judge cache") == 1


def test_a_folder_that_cannot_be_made_or_written_costs_no_judgement(tmp_path: Path, capfd: Any) -> None:
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
def test_a_row_that_is_no_verdict_is_not_believed(tmp_path: Path, value: str) -> None:
    cache = Cache(str(tmp_path), GIB)
    cache.write("key", VERDICT)
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("UPDATE verdicts SET value = ?", (value,))
    assert cache.read("key") is None


def test_a_locked_file_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Cache(str(tmp_path), GIB).write("key", VERDICT)
    locker = sqlite3.connect(tmp_path / FILE)
    locker.execute("BEGIN EXCLUSIVE")

    async def ask(base_url: str) -> tuple[str, float]:
        async with judge_of(base_url, cache=str(tmp_path)) as judge:
            started = time.monotonic()
            status = (await judge.judge(case())).status
            seconds = time.monotonic() - started
            locker.rollback()
            return status, seconds

    with JudgeServer() as server:
        status, seconds = asyncio.run(ask(server.base_url))
    assert status == "ok"
    assert seconds < 60.0  # half of the deadline


def test_a_cache_that_hangs_is_gone_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(Cache, "read", lambda self, key: over.wait(60))

    async def ask(base_url: str) -> str:
        async with judge_of(base_url, cache=str(tmp_path)) as judge:
            status = (await judge.judge(case())).status
            over.set()
            return status

    with JudgeServer() as server:
        assert asyncio.run(ask(server.base_url)) == "ok"


def test_what_is_cached_is_had_after_the_budget_is_spent(tmp_path: Path) -> None:
    async def ask(base_url: str) -> list[str]:
        async with judge_of(base_url, cache=str(tmp_path), step_budget=0.5) as judge:
            statuses = [(await judge.judge(case(0), step=1)).status]
            with judge._budget.pending(2):
                await asyncio.sleep(0.6)
            statuses += [(await judge.judge(case(number), step=2)).status for number in (0, 1)]
            return statuses

    with JudgeServer() as server:
        judged(server.base_url, [case(0)], cache=str(tmp_path))
        assert asyncio.run(ask(server.base_url)) == ["cached", "cached", "budget"]
        assert len(server.log()) == 1


def test_what_is_not_cached_has_what_is_left_of_the_budget_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "CACHE_PATIENCE", 25.0)
    with JudgeServer(mode="hang", seconds=600) as server:
        [judgement] = judged(
            server.base_url, step=1, cache=str(tmp_path), step_budget=0.5, deadline=30.0, attempt_timeout=30.0
        )
    assert (judgement.status, judgement.requests) == ("budget", 1)
    assert 0.5 <= judgement.seconds < 15.0


CASE = Case(conversation="a", thinking="b", tools="c", reference="d", answer="e")


def key(tmp_path: Path, asked: Case = CASE, router: str | None = None, **keys: Any) -> str:
    given: dict[str, Any] = {"base_url": "http://here/v1", "model": "m", "temperature": 0.5} | keys
    config = JudgeConfig(**given)
    return Judge(config, find_endpoint(config, router, "m")).key(asked)


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
def test_the_key_depends_on_what_decides_the_verdict(tmp_path: Path, keys: dict[str, Any]) -> None:
    (tmp_path / "own.yaml").write_text(OWN)
    changed = {name: str(tmp_path / "own.yaml") if value == "OWN" else value for name, value in keys.items()}
    assert key(tmp_path, **changed) != key(tmp_path)


def test_the_key_depends_on_the_text_of_the_template_and_on_its_scale_alone(tmp_path: Path) -> None:
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
def test_the_key_does_not_depend_on_how_long_it_may_take_or_what_happens_when_it_fails(
    tmp_path: Path, keys: dict[str, Any]
) -> None:
    assert key(tmp_path, **keys) == key(tmp_path)


def test_verls_own_reward_model_is_the_same_judge_at_any_address(tmp_path: Path) -> None:
    one, two = (key(tmp_path, base_url="", model="", router=router) for router in ("10.0.0.1:8000", "10.0.0.2:9000"))
    assert one == two


def test_the_key_does_not_depend_on_the_api_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[str] = set()
    for value in ("first", "second"):
        monkeypatch.setenv("SOME_JUDGE_KEY", value)
        seen.add(key(tmp_path, api_key_env="SOME_JUDGE_KEY"))
    assert seen == {key(tmp_path)}
