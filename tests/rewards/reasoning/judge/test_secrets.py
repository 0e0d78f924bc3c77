"""The API key reaches the judge's server and nothing else; nothing else of the environment reaches the server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import pickle
import re
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from awpo_verl.config import AWPOConfigError, JudgeConfig, parse
from awpo_verl.rewards.reasoning.judge import ChatModel, Judge, JudgeScore, RequestError, judge
from awpo_verl.rewards.reasoning.judge.client import Client
from tests.rewards.reasoning.judge.judge_faults import ANSWERS, WIRE
from tests.rewards.reasoning.judge.judge_server import JudgeServer
from tests.rewards.reasoning.judge.judging import case, config, endpoint, judge_of, judged

VARIABLE = "TESTS_JUDGE_KEY"
KEY = "sk-Se.cret/4711+abcdefghijklmnop=="
FRAGMENT = 8  # characters of the key in a row that give it away
PIECES = {KEY[i : i + FRAGMENT] for i in range(len(KEY) - FRAGMENT + 1)}
# What the `openai` client puts into requests, or sends them by, where it is set; proxies apart
AMBIENT = {
    "OPENAI_API_KEY": "ambient-api-key",
    "OPENAI_ADMIN_KEY": "ambient-admin-key",
    "OPENAI_ORG_ID": "ambient-organization",
    "OPENAI_PROJECT_ID": "ambient-project",
    "OPENAI_WEBHOOK_SECRET": "ambient-webhook",
    "OPENAI_CUSTOM_HEADERS": "X-Ambient: ambient-header\nAuthorization: Bearer ambient\nUser-Agent: ambient-agent",
    "OPENAI_BASE_URL": "http://127.0.0.1:1/ambient-base",
    "AZURE_OPENAI_API_KEY": "ambient-azure",
    "AZURE_OPENAI_AD_TOKEN": "ambient-azure-token",
    "AWS_BEARER_TOKEN_BEDROCK": "ambient-bedrock",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "FIRST_PAUSE", 0.01)
    monkeypatch.setenv(VARIABLE, KEY)
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def server() -> Iterator[JudgeServer]:
    with JudgeServer() as running:
        yield running


@asynccontextmanager
async def recorder(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server of one answer; its address, and the requests that it got, byte by byte."""
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
            got.append(head + await reader.readexactly(int(length.group(1)) if length else 0))
            writer.write(answer)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", got


def completion(content: str, **headers: str) -> bytes:
    body = json.dumps({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]})
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 200 OK\r\n{more}Content-Length: {len(body)}\r\n\r\n{body}".encode()


GOOD = completion('{"reason": "fine", "score": 7}')


def exchange(answer: bytes = GOOD, **keys: Any) -> tuple[JudgeScore, bytes]:
    """One result by a server of this answer, and all that the server got."""

    async def ask() -> tuple[JudgeScore, bytes]:
        async with recorder(answer) as (address, got), judge_of(f"{address}/v1", **keys) as judge:
            return await judge.score(case()), b"\n".join(got)

    return asyncio.run(ask())


def gives_away(text: str) -> set[str]:
    return {piece for piece in PIECES if piece in text}


def test_the_key_is_in_the_authorization_header_and_nowhere_else_in_the_request() -> None:
    result, got = exchange(api_key_env=VARIABLE)
    assert result.status == "ok"
    assert got.count(f"\r\nAuthorization: Bearer {KEY}\r\n".encode()) == 1
    assert not gives_away(got.replace(KEY.encode(), b"", 1).decode())


def test_blanks_around_the_key_are_not_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f" {KEY}\n")
    assert f"\r\nAuthorization: Bearer {KEY}\r\n".encode() in exchange(api_key_env=VARIABLE)[1]


def test_no_value_of_the_environment_reaches_the_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in AMBIENT.items():
        monkeypatch.setenv(name, value)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ambient-login password ambient-password\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for keys in ({}, {"api_key_env": VARIABLE}):
        result, got = exchange(**keys)
        assert result.status == "ok"
        assert b"ambient" not in got.lower()
        assert (b"authorization" in got.lower()) == bool(keys)
        names = re.findall(rb"^([\w-]+): ", got.partition(b"\r\n\r\n")[0], re.MULTILINE)
        assert {name.lower() for name in names} <= {
            *(b"host", b"accept", b"accept-encoding", b"content-type", b"user-agent", b"content-length", b"connection"),
            *((b"authorization",) if keys else ()),
        }


def test_no_redirect_is_followed(capfd: pytest.CaptureFixture[str]) -> None:
    async def ask() -> tuple[JudgeScore, list[bytes]]:
        async with recorder(GOOD) as (elsewhere, got):
            moved = f"HTTP/1.1 307 Moved\r\nLocation: {elsewhere}/v1/x\r\nContent-Length: 0\r\n\r\n".encode()
            async with recorder(moved) as (address, _), judge_of(f"{address}/v1", api_key_env=VARIABLE) as judge:
                return await judge.score(case()), got

    result, got = asyncio.run(ask())
    assert (result.status, result.requests, got) == ("not_found", 1, [])
    assert "base_url to the new address: http://127.0.0.1" in capfd.readouterr().out


def test_cookies_are_not_kept() -> None:
    async def ask() -> bytes:
        answer = completion('{"score": 7}', **{"Set-Cookie": "session=tracked; Path=/"})
        async with recorder(answer) as (address, got), judge_of(f"{address}/v1") as judge:
            for _ in range(3):
                await judge.score(case())
            return b"".join(got)

    assert b"tracked" not in asyncio.run(ask())


@pytest.mark.parametrize("mode", [*ANSWERS, *WIRE, "down"])
def test_no_fault_puts_the_key_into_logs_scores_or_files(
    server: JudgeServer, mode: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    server.set(mode=mode, retry_after=0.01)
    caplog.set_level(logging.DEBUG)
    for name in ("aiohttp", "aiohttp.client", "asyncio", "openai", "httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, name)
    short = {"attempt_timeout": 0.3} if mode in ("hang", "drip") else {}
    [result] = judged(server.base_url, api_key_env=VARIABLE, retries=1, **short)
    told = capfd.readouterr()
    everything = [told.out, told.err, caplog.text, repr(result), json.dumps(result.as_info())]
    everything += [repr(record.__dict__) for record in caplog.records]
    everything.append(pickle.dumps(result).decode("latin-1"))
    assert not gives_away("\n".join(everything))


ECHOES: dict[str, bytes] = {
    "reason": completion(json.dumps({"reason": f"You sent {KEY}.", "score": 7})),
    "escaped_reason": completion(json.dumps({"reason": KEY, "score": 7}).replace("/", "\\/")),
    "prose": completion(f"Bearer {KEY} is what you sent"),
    "prose_cut_within_the_key": completion("x" * 180 + KEY),
    "score": completion(json.dumps({"score": KEY})),
    "no_completion": json.dumps({"detail": "x" * 180 + KEY}).join(["HTTP/1.1 200 OK\r\n\r\n", ""]).encode(),
    "no_json": f"HTTP/1.1 200 OK\r\n\r\n{'x' * 290}{KEY}".encode(),
    "status": f"HTTP/1.1 400 Bad\r\n\r\n{'x' * 280}{KEY}".encode(),
    "location": f"HTTP/1.1 302 Moved\r\nLocation: http://x/?key={KEY}\r\nContent-Length: 0\r\n\r\n".encode(),
    "no_http": f"{KEY} is not HTTP\r\n\r\n".encode(),
    "bad_header": f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n".encode(),
}


@pytest.mark.parametrize("answer", ECHOES.values(), ids=ECHOES)
def test_a_key_that_the_server_repeats_is_redacted(
    answer: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    result, got = exchange(answer, api_key_env=VARIABLE, cache=str(tmp_path))
    assert KEY.encode() in got
    told = capfd.readouterr()
    files = "".join(path.read_bytes().decode("latin-1") for path in tmp_path.iterdir())
    assert not gives_away("\n".join([told.out, told.err, caplog.text, repr(result), files]))


def test_no_exception_shows_the_key(server: JudgeServer) -> None:
    async def ask() -> str:
        client = Client(endpoint(config(server.base_url, api_key_env=VARIABLE)), 1)
        try:
            await client.ask({"messages": []}, 10.0)
        except RequestError as error:
            return "".join(traceback.format_exception(error)) + repr(error) + repr(error.__dict__)
        finally:
            await client.close()
        return ""

    server.set(mode="unauthorized")
    text = asyncio.run(ask())
    assert "the environment variable TESTS_JUDGE_KEY" in text
    assert not gives_away(text)


def test_no_object_shows_the_key() -> None:
    given = config("http://here/v1", api_key_env=VARIABLE)
    model = ChatModel(given, endpoint(given))
    judge = Judge(given, model)
    for each in (given, model.endpoint, judge, model, model.client, model._settings):
        assert not gives_away(f"{each!r} {each}")
    for each in (given, model.endpoint):
        assert not gives_away(pickle.dumps(each).decode("latin-1"))
    assert not gives_away(judge.key(case()))


def test_judge_and_client_cannot_be_pickled() -> None:
    """Ray would carry the key along: each worker reads its own environment instead."""
    given = config("http://here/v1", api_key_env=VARIABLE)
    model = ChatModel(given, endpoint(given))
    judge = Judge(given, model)
    for each in (judge, model.client):
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(each)


def test_a_proxy_is_used_except_for_verls_router(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> tuple[JudgeScore, list[bytes]]:
        async with recorder(GOOD) as (address, got):
            monkeypatch.setenv("http_proxy", address)
            async with judge_of("http://judge.invalid/v1") as judge:
                return await judge.score(case()), got

    result, got = asyncio.run(ask())
    assert result.status == "ok"
    assert got[0].startswith(b"POST http://judge.invalid/v1/chat/completions ")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert exchange()[0].status == "connection"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert exchange()[0].status == "ok"


@pytest.mark.parametrize("given", [KEY, "sk-proj-abcdef", "hf abc", f"${{oc.env:{VARIABLE}}} ", "k" * 200])
def test_a_key_in_place_of_its_variable_is_refused_unseen(given: str) -> None:
    with pytest.raises(AWPOConfigError) as caught:
        parse({"reasoning_source": "judge", "judge": {"base_url": "http://h/v1", "model": "m", "api_key_env": given}})
    assert given.strip() not in str(caught.value)


@pytest.mark.parametrize(
    "given", ["hf_AbCdEfGhIjKlMnOpQr", "gsk_0123456789abcdef", "AKIA0123456789ABCDEF", "abcdef0123"]
)
def test_an_unknown_name_that_may_be_a_key_is_not_shown(given: str) -> None:
    with pytest.raises(AWPOConfigError, match="no such environment variable") as caught:
        endpoint(JudgeConfig(base_url="http://h/v1", model="m", api_key_env=given))
    assert given not in str(caught.value)


def test_an_unset_variable_is_named() -> None:
    with pytest.raises(AWPOConfigError, match=r"api_key_env=NO_SUCH_JUDGE_KEY: .*before `ray start`"):
        endpoint(config("http://h/v1", api_key_env="NO_SUCH_JUDGE_KEY"))


@pytest.mark.parametrize("value", ["two words", 'quo"ted', "back\\slash", "umläut-4711", "line\nbreak", "a\u2019b"])
def test_an_invalid_key_is_refused_unseen(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(AWPOConfigError, match="the variable does not hold a key") as caught:
        endpoint(config("http://h/v1", api_key_env=VARIABLE))
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        *(f"http://user:{KEY}@h/v1", f"http://h/v1?key={KEY}", f"{KEY}@h"),
        *(url for url in (f"http://h/v1#{KEY}", KEY)),
    ],
)
def test_a_key_in_the_address_is_refused_unseen(url: str) -> None:
    with pytest.raises(AWPOConfigError) as caught:
        parse({"reasoning_source": "judge", "judge": {"base_url": url, "model": "m"}})
    assert not gives_away(str(caught.value))
