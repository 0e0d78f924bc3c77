"""The answers of the judge server: a script says which requests fail, and this module has the faults.

Standard library only. `is_hit`, `score_of` and `text_of` let a test compute by hand what the server will do.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import http.client
import json
import math
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

MODEL = "judge"
FORWARD = "forward"  # like "ok" it is not a fault
HUGE = 32 * 2**20  # bytes of the "huge" answer, headers not counted: a little more


@dataclass(frozen=True)
class Script:
    """Which requests fail, and how.

    mode: a key of ANSWERS or WIRE below, "down" (nobody listens, and open connections are reset) or "forward".
    share: the share of the prompts that fail (see `is_hit`); the others get a good answer.
    first_attempts_only: only the first request with each body fails, since this script is in force.
    latency: seconds before any answer, good or bad. seconds: how long "hang" and "drip" take.
    retry_after: seconds in the header of "rate_limited".
    upstream: for "forward", the base URL of the server that answers.
    """

    mode: str = "ok"
    share: float = 1.0
    first_attempts_only: bool = False
    latency: float = 0.0
    seconds: float = 60.0
    retry_after: float = 1.0
    upstream: str = ""

    def __post_init__(self) -> None:
        modes = (*ANSWERS, *WIRE, "down", FORWARD)
        if self.mode not in modes:
            raise ValueError(f"mode={self.mode!r} is none of {', '.join(modes)}")


class Asked(NamedTuple):
    """One request for a completion. text: of all its messages. authorization: that header, "" without one."""

    request: dict[str, Any]
    text: str
    authorization: str
    script: Script


def is_hit(key: str, share: float) -> bool:
    """Whether a prompt fails under this share. The same prompt always has the same fate.

    key: what `key_pattern` finds in the text of the messages (group 1), else the whole text.
    """
    return _digest(key)[0] / 256 < share


def score_of(text: str) -> int:
    """The score, 0 to 10, that a good answer gives to a request whose messages have this text (`text_of`)."""
    return int.from_bytes(_digest(text)[8:16], "big") % 11


def text_of(request: Mapping[str, Any]) -> str:
    """The texts of all messages, a line break between two."""
    contents = [message.get("content") or "" for message in request.get("messages", [])]
    parts = [[{"text": content}] if isinstance(content, str) else content for content in contents]
    return "\n".join(part.get("text", "") for content in parts for part in content)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


class Request(NamedTuple):
    """method_path: "GET /health". headers: their names in lower case."""

    method_path: str
    headers: dict[str, str]
    body: bytes


async def read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head[:-4].split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(first.rpartition(" ")[0], headers, body)


# Whole answers: what is sent is proper HTTP.


def http_response(status: int, body: bytes, kind: str = "application/json", **headers: str) -> bytes:
    headers = {"Content-Type": kind, "Content-Length": str(len(body)), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} {http.client.responses[status]}\r\n{lines}\r\n".encode("latin-1") + body


def json_response(value: Any) -> bytes:
    return http_response(200, json.dumps(value).encode())


def error(status: int, kind: str, message: str, code: str | None = None, **headers: str) -> bytes:
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return http_response(status, json.dumps(body).encode(), **headers)


def _reply(asked: Asked, score: Any = None) -> str:
    """The judge's reply; without a reason where the schema of the request has no such property."""
    schema = ((asked.request.get("response_format") or {}).get("json_schema") or {}).get("schema") or {}
    reason = {"reason": "The hash of the text says so."} if "reason" in schema.get("properties", ["reason"]) else {}
    return json.dumps({**reason, "score": score_of(asked.text) if score is None else score})


def _completion(asked: Asked, content: str | None, finish: str = "stop", refusal: str | None = None) -> bytes:
    """A chat completion; tokens are words. With neither content nor refusal it has no choices."""
    prompt, completion = len(asked.text.split()), len((content or refusal or "").split())
    message = {"role": "assistant", "content": content, "refusal": refusal}
    value = {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": asked.request.get("model", MODEL),
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
    }
    if content is None and refusal is None:
        value["choices"] = []
    return json_response(value)


def _rate_limited(asked: Asked) -> bytes:
    wait = f"{asked.script.retry_after:g}"
    message = f"Rate limit reached. Please try again in {wait}s."
    return error(429, "rate_limit_error", message, "rate_limit_exceeded", Retry_After=wait)


def _unauthorized(asked: Asked) -> bytes:
    """As sloppy servers do: the whole header comes back, key and all."""
    message = f"Incorrect API key provided: {asked.authorization}"
    return error(401, "invalid_request_error", message, "invalid_api_key")


def _truncated(asked: Asked) -> bytes:
    reply = _reply(asked)
    return _completion(asked, reply[: len(reply) // 2], finish="length")


ANSWERS: dict[str, Callable[[Asked], bytes]] = {
    "ok": lambda asked: _completion(asked, _reply(asked)),
    "error_500": lambda _: error(500, "server_error", "The server had an error."),
    "error_503": lambda _: error(503, "server_error", "The server is overloaded."),
    "rate_limited": _rate_limited,
    "unauthorized": _unauthorized,
    "not_found": lambda _: error(404, "invalid_request_error", "There is no such model.", "model_not_found"),
    "bad_request": lambda _: error(400, "invalid_request_error", "The prompt is too long."),
    "malformed": lambda asked: _completion(asked, "The thinking looks fine to me."),
    "truncated": _truncated,
    "not_completion": lambda _: http_response(200, b"<html><body>Welcome to the proxy!</body></html>", "text/html"),
    "out_of_range": lambda asked: _completion(asked, _reply(asked, 9999)),
    "nan": lambda asked: _completion(asked, _reply(asked, math.nan)),
    "string_score": lambda asked: _completion(asked, _reply(asked, "10")),
    "empty": lambda asked: _completion(asked, None),
    "huge": lambda asked: _completion(asked, json.dumps({"reason": "x" * HUGE, "score": score_of(asked.text)})),
    "refusal": lambda asked: _completion(asked, None, refusal="I cannot judge this."),
}


# Faults of the wire. Each is told what was asked, and gets the connection; it is closed afterwards, but for a drip.


async def _hang(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """No answer; over when the time is, or when the client leaves."""
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(reader.read(1), asked.script.seconds)
    return False


async def _drip(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """The right answer: its head at once, its body byte by byte."""
    head, _, body = ANSWERS["ok"](asked).partition(b"\r\n\r\n")
    writer.write(head + b"\r\n\r\n")
    start = time.monotonic()
    for sent in range(len(body)):
        await asyncio.sleep(start + asked.script.seconds * (sent + 1) / len(body) - time.monotonic())
        writer.write(body[sent : sent + 1])
        await writer.drain()
    return True


async def _cut(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Half of the body that the Content-Length promises, then the end of the connection."""
    head, _, body = ANSWERS["ok"](asked).partition(b"\r\n\r\n")
    writer.write(head + b"\r\n\r\n" + body[: len(body) // 2])
    await writer.drain()
    return False


async def _reset(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """The connection is reset (RST) and not closed (FIN)."""
    abort(writer)
    return False


def abort(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # the client may be gone
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


Wire = Callable[[Asked, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]]
WIRE: dict[str, Wire] = {"hang": _hang, "drip": _drip, "cut": _cut, "reset": _reset}


async def forward(asked: Asked) -> bytes:
    """What another server answers, for the mode "forward"."""
    status, body = await asyncio.to_thread(_ask_upstream, asked)
    return http_response(status, body)


def _ask_upstream(asked: Asked) -> tuple[int, bytes]:
    """The status and the body of the other server's answer."""
    url = urlsplit(asked.script.upstream)
    headers = {"Content-Type": "application/json", "Authorization": asked.authorization}
    connection = http.client.HTTPConnection(url.netloc, timeout=asked.script.seconds)
    with contextlib.closing(connection):
        connection.request("POST", f"{url.path}/chat/completions", json.dumps(asked.request), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
