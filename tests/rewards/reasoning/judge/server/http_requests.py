"""Requests to the judge server, by an HTTP client or by hand."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.rewards.reasoning.judge.judge_server import JudgeServer


def request(text: str = "Is 2 + 2 = 5?", **more: Any) -> dict[str, Any]:
    return {"model": "any", "messages": [{"role": "user", "content": text}], **more}


def post(client: httpx.Client, server: JudgeServer, body: dict[str, Any], **more: Any) -> httpx.Response:
    return client.post(f"{server.base_url}/chat/completions", json=body, **more)


def choice(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200
    return response.json()["choices"][0]


def raw(server: JudgeServer, body: dict[str, Any]) -> socket.socket:
    """A connection on which this request has been sent, by hand."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    data = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: judge\r\nContent-Length: {len(data)}\r\n\r\n"
    connection.sendall(head.encode() + data)
    return connection


def read_all(connection: socket.socket) -> list[bytes]:
    """The pieces that arrive until the server ends the connection, or the body is complete."""
    pieces: list[bytes] = []
    while piece := connection.recv(2**16):
        pieces.append(piece)
        head, end, body = b"".join(pieces).partition(b"\r\n\r\n")
        if end and len(body) >= promised(head):
            break
    return pieces


def promised(head: bytes) -> int:
    return int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])


def refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def in_flight(server: JudgeServer) -> int:
    """How many requests are being answered, with the one that this sends."""
    with raw(server, request()) as connection:
        read_all(connection)
    return server.log()[-1]["in_flight"]


def wait_for(happened: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
