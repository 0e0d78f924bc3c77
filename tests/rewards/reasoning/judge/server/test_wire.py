"""Faults of the wire: no answer, a slow one, half of one, no connection."""

from __future__ import annotations

import json
import socket
import time

import httpx
import pytest

from tests.rewards.reasoning.judge.server.http_requests import (
    in_flight,
    post,
    promised,
    raw,
    read_all,
    request,
    wait_for,
)


def test_hang_accepts_the_request_and_does_not_answer(server):
    server.set(mode="hang", seconds=600)
    before = len(server.log())
    with raw(server, request()) as connection:
        wait_for(lambda: len(server.log()) > before)
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    server.set(mode="ok")
    with raw(server, request()) as connection:
        read_all(connection)
    wait_for(lambda: in_flight(server) == 1)  # the hanging one is over, as its client has left


def test_hang_ends_without_an_answer(server):
    server.set(mode="hang", seconds=0.05)
    with raw(server, request()) as connection:
        assert read_all(connection) == []


def test_drip_is_the_right_answer_byte_by_byte(server):
    with raw(server, request()) as connection:
        whole = b"".join(read_all(connection)).partition(b"\r\n\r\n")[2]
    server.set(mode="drip", seconds=0.1)
    start = time.monotonic()
    with raw(server, request()) as connection:
        body = b"".join(read_all(connection)).partition(b"\r\n\r\n")[2]
    assert time.monotonic() - start >= 0.1  # a sleep never ends early
    assert json.loads(body)["choices"] == json.loads(whole)["choices"]
    server.set(mode="drip", seconds=30)  # a byte in about 70 ms
    with raw(server, request()) as connection:
        pieces = [connection.recv(2**16) for _ in range(4)]
    assert 3 <= len(b"".join(pieces).partition(b"\r\n\r\n")[2]) < len(body)


def test_cut_ends_in_the_middle_of_the_body(server, client):
    server.set(mode="cut")
    with raw(server, request()) as connection:
        head, _, body = b"".join(read_all(connection)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert 0 < len(body) < promised(head)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        post(client, server, request())


def test_reset_resets_the_connection(server):
    server.set(mode="reset")
    with raw(server, request()) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)


def test_down_ends_and_refuses_connections_until_it_is_over(server, client):
    address = ("127.0.0.1", server.port)
    server.set(mode="hang")
    with raw(server, request()) as open_connection:
        server.set(mode="down")
        with pytest.raises(ConnectionResetError):
            open_connection.recv(1)
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
    server.set(mode="ok")
    assert post(client, server, request()).status_code == 200
