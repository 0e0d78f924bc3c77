"""The process of the judge server: `python -m tests.rewards.reasoning.judge.judge_service OPTIONS`."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import socket
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.rewards.reasoning.judge import judge_faults as faults
from tests.rewards.reasoning.judge.judge_faults import MODEL, Asked, Request, Script, is_hit, read_request, text_of

HOST = "127.0.0.1"
REREAD = 0.05  # seconds between two looks at the schedule file


class Service:
    """The server's process: options as JudgeServer writes them."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.schedule = [Script(**script) for script in options["schedule"]]
        self.schedule_file: str = options["schedule_file"]
        self.key_pattern = re.compile(options["key_pattern"]) if options["key_pattern"] else None
        self.keep_bodies: bool = options["keep_bodies"]
        self.log_file = open(options["log_path"], "wb", buffering=0)  # noqa: SIM115  # open as long as the process
        self.step = 0
        self.in_flight = 0
        self.attempts: Counter[bytes] = Counter()
        self.attempts_of_script: Counter[bytes] = Counter()
        self.listener: asyncio.Server | None = None
        self.writers: set[asyncio.StreamWriter] = set()
        self.applying = asyncio.Lock()
        # Bound and never listening: keeps the port ours while the server is down.
        self.reserved = _bound(options["port"])
        self.port: int = self.reserved.getsockname()[1]

    @property
    def script(self) -> Script:
        return self.schedule[self.step]

    async def run(self) -> None:
        control = await asyncio.start_server(self.serve_control, HOST, 0)
        await self.apply()
        asyncio.get_running_loop().add_reader(0, _leave_with_parent)
        print(json.dumps([self.port, control.sockets[0].getsockname()[1]]), flush=True)
        while True:
            await asyncio.sleep(REREAD)
            await self.apply()

    async def apply(self, schedule: list[Script] | None = None) -> None:
        """Put into force what the schedule and its file say now."""
        async with self.applying:
            step = 0 if schedule else min(self.finished_steps(), len(self.schedule) - 1)
            if schedule or step != self.step:
                self.schedule, self.step = schedule or self.schedule, step
                self.attempts_of_script.clear()
            if self.script.mode == "down" and self.listener:
                self.listener.close()
                self.listener = None
                for writer in self.writers:
                    faults.abort(writer)
                await asyncio.sleep(0)  # the loop closes them in its next round: before we say that it is done
            elif self.script.mode != "down" and not self.listener:
                self.listener = await asyncio.start_server(self.serve, sock=_bound(self.port), backlog=1024)

    def finished_steps(self) -> int:
        try:
            return Path(self.schedule_file).read_bytes().count(b"\n") if len(self.schedule) > 1 else 0
        except FileNotFoundError:
            return 0

    async def serve_control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = json.loads((await read_request(reader)).body)
        await self.apply([Script(**script) for script in command.get("schedule", [])])
        writer.write(faults.json_response({"step": self.step}))
        writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: requests one after the other, until a fault or the client ends it."""
        self.writers.add(writer)
        try:
            while await self.answer(await read_request(reader), reader, writer):
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has left
        finally:
            self.writers.discard(writer)
            writer.close()

    async def answer(self, asked: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Returns: whether the connection stays open."""
        more = asked.headers.get("connection", "").lower() != "close"
        if asked.method_path == "POST /v1/chat/completions":
            self.in_flight += 1
            try:
                return await self.complete(asked, reader, writer) and more
            finally:
                self.in_flight -= 1
        if asked.method_path == "GET /v1/models":
            model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "tests"}
            writer.write(faults.json_response({"object": "list", "data": [model]}))
        elif asked.method_path == "GET /health":
            writer.write(faults.json_response({"status": "ok"}))
        else:
            writer.write(faults.error(404, "invalid_request_error", f"There is no {asked.method_path}."))
        return more

    async def complete(self, asked: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            body = json.loads(asked.body)
            text = text_of(body)
        except (ValueError, AttributeError, TypeError) as error:
            writer.write(faults.error(400, "invalid_request_error", f"This is no request for a completion: {error}"))
            return True
        script = self.script
        if script.mode == "down":  # it had arrived, and was not yet read
            return False
        authorization = asked.headers.get("authorization", "")
        mode = self.decide(script, asked, body, text)
        await asyncio.sleep(script.latency)
        request = Asked(body, text, authorization, script)
        if mode == faults.FORWARD:
            writer.write(await faults.forward(request))
            return True
        if mode in faults.WIRE:
            return await faults.WIRE[mode](request, reader, writer)
        writer.write(faults.ANSWERS[mode](request))
        return True

    def decide(self, script: Script, asked: Request, body: dict[str, Any], text: str) -> str:
        """The mode for this request, logged before it is answered."""
        digest = hashlib.sha256(asked.body).digest()
        self.attempts[digest] += 1
        self.attempts_of_script[digest] += 1
        key = self.key_pattern.search(text) if self.key_pattern else None
        hit = is_hit(key.group(1) if key else text, script.share)
        late = script.first_attempts_only and self.attempts_of_script[digest] > 1
        record = {
            "t": time.monotonic(),
            "step": self.step,
            "mode": script.mode if hit and not late else "ok",
            "key_hit": hit,
            "attempt": self.attempts[digest],
            "in_flight": self.in_flight,
            "authorization_present": "authorization" in asked.headers,
        }
        line = json.dumps({**record, "body": body} if self.keep_bodies else record)
        self.log_file.write(line.encode() + b"\n")  # one write: a reader never sees half a line for long
        return record["mode"]


def _bound(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((HOST, port))
    return sock


def _leave_with_parent() -> None:
    if not os.read(0, 1024):
        os._exit(0)


if __name__ == "__main__":
    asyncio.run(Service(json.loads(sys.argv[1])).run())
