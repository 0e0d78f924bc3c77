"""A chat-completions server on this machine that fails as a script says, for tests of the LLM judge.

    with JudgeServer(mode="rate_limited", share=0.5, retry_after=0.1) as server:
        ...  # a client of server.base_url
        server.set(mode="ok", latency=0.2)
        assert server.log()[0]["mode"] == "rate_limited"

The server (judge_service.py) runs in a process of its own. It speaks HTTP/1.1 over raw streams, because many faults
(judge_faults.py) are about bytes. Only POST /v1/chat/completions fails, except when the server is "down". GET
/v1/models and GET /health always answer. Requests need a Content-Length; `stream` and `n` are ignored. `set` and `step`
use another port, which works while the server is down.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.paths import ROOT
from tests.rewards.reasoning.judge.judge_faults import Script, is_hit, score_of, text_of
from tests.rewards.reasoning.judge.judge_service import HOST

__all__ = ["JudgeServer", "Script", "is_hit", "score_of", "text_of"]


class JudgeServer:
    """Starts the server on entry, stops it on exit; it also goes when the process that started it has gone.

    script: the fields of a Script, in force for good: JudgeServer(mode="hang", seconds=5).
    schedule, schedule_file: instead, a list of scripts. In force is the one whose index is the number of lines in the
        file: the first while there is no file, and the last when there are more lines than scripts.
    key_pattern: a regular expression; its group 1 in the text of the messages is what `share` goes by.
    log_path: where the log is written as it grows, a line of JSON per request. Default: a temporary file.
    keep_bodies: the log has the requests themselves too. port: default, any that is free.
    """

    def __init__(
        self,
        *,
        schedule: Sequence[Script | Mapping[str, Any]] | None = None,
        schedule_file: str | os.PathLike[str] | None = None,
        key_pattern: str = "",
        log_path: str | os.PathLike[str] | None = None,
        keep_bodies: bool = False,
        port: int = 0,
        **script: Any,
    ) -> None:
        if schedule is not None and (script or not schedule or schedule_file is None):
            raise ValueError("schedule=[...] needs a script at least, and schedule_file=; and no script beside it")
        re.compile(key_pattern)
        scripts = [each if isinstance(each, Script) else Script(**each) for each in schedule or [script]]
        self._options: dict[str, Any] = {
            "schedule": [dataclasses.asdict(each) for each in scripts],
            "schedule_file": os.path.abspath(schedule_file) if schedule_file is not None else "",
            "key_pattern": key_pattern,
            "keep_bodies": keep_bodies,
            "port": port,
        }
        self._given_log = Path(log_path).absolute() if log_path is not None else None

    def __enter__(self) -> JudgeServer:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="judge-server-")))
            self.log_path = self._given_log or folder / "log.jsonl"
            options = {**self._options, "log_path": str(self.log_path)}
            command = [sys.executable, "-m", "tests.rewards.reasoning.judge.judge_service", json.dumps(options)]
            root = ROOT
            self._process = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            stack.callback(self._stop)
            assert self._process.stdout is not None
            started = self._process.stdout.readline()
            if not started:
                raise RuntimeError("The judge server did not start; its own error is above.")
            self.port, self._control_port = json.loads(started)
            self._stack = stack.pop_all()
        self._last_log: list[dict[str, Any]] | None = None
        return self

    def __exit__(self, *_: object) -> None:
        with self._stack:
            self._last_log = self.log()

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.port}/v1"

    @property
    def pid(self) -> int:
        return self._process.pid

    def set(self, **script: Any) -> None:
        """From now on this script, with its defaults for what is not named, and no schedule."""
        self._control({"schedule": [dataclasses.asdict(Script(**script))]})

    def step(self) -> int:
        """Which script of the schedule is in force, once the file has been read again."""
        return self._control({})["step"]

    def log(self) -> list[dict[str, Any]]:
        """A record per request for a completion that has arrived so far, in order of arrival; also after exit.

        t: time.monotonic() at arrival. step: index in the schedule. mode: what was done, "ok" where the fault did not
        befall it. key_hit: whether the share hits its prompt. attempt: the how-manieth request with this body.
        in_flight: how many were being answered, with this one. authorization_present; body (keep_bodies).
        """
        if self._last_log is not None:
            return self._last_log
        lines = self.log_path.read_text().split("\n")[:-1]  # what follows the last line break is still being written
        return [json.loads(line) for line in lines]

    def _control(self, command: dict[str, Any]) -> dict[str, Any]:
        connection = http.client.HTTPConnection(HOST, self._control_port, timeout=30)
        with contextlib.closing(connection):
            connection.request("POST", "/control", json.dumps(command))
            answer = connection.getresponse()
            assert answer.status == 200, answer.status
            return json.loads(answer.read())

    def _stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
