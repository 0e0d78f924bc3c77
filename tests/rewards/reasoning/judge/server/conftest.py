"""A judge server for each module of tests, and an HTTP client."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.rewards.reasoning.judge.judge_server import JudgeServer


@pytest.fixture(scope="module")
def running() -> Iterator[JudgeServer]:
    with JudgeServer(key_pattern=r"<question>(.*?)</question>", keep_bodies=True) as server:
        yield server


@pytest.fixture
def server(running: JudgeServer) -> JudgeServer:
    running.set(mode="ok")
    return running


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=30) as client:
        yield client
