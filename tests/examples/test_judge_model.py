"""The example of a judge's model: a server that answers with a number, and one that is down."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.examples.example_runs import load, results, run

REPLIES = [b'{"score": 0.75}', b'{"score": 7}', b'{"score": "much"}']


@pytest.fixture
def address() -> Iterator[str]:
    """A server that gives REPLIES, one after the other."""
    replies = iter(REPLIES)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the standard library's name
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert [message["role"] for message in asked["messages"]] == ["user", "assistant"]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(next(replies))

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/score"
    server.shutdown()
    thread.join()
    server.server_close()


def test_without_a_server_the_reward_is_missing() -> None:
    *log, last = run("judge_model.py")
    assert results([last])[0] == {
        "outcome": 1.0,
        "reasoning": None,
        "judge_status": "connection",
        "judge_requests": 2.0,
        "judge_retries": 1.0,
    }
    assert log[0].startswith("[awpo] judge score-server-1: first failure of kind connection")


def test_the_score_is_the_servers_number(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORE_SERVER", address)
    monkeypatch.setenv("SCORE_CACHE", str(tmp_path))
    module = load("judge_model")

    async def score() -> list[tuple[float | None, str]]:
        found = [await module.compute_score("s", f"<think>{text}</think>4", "4") for text in ("a", "b", "c", "a")]
        return [(each["reasoning"], each["judge_status"]) for each in found]

    # 7 is clipped to 1; "much" is not a number; the fourth is the first again
    assert asyncio.run(score()) == [(0.75, "ok"), (1.0, "ok"), (None, "malformed"), (0.75, "cached")]
