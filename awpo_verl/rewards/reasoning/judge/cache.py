"""Verdicts on disk, by a hash of all that decides them. SQLite, so that the workers of a machine share one file.

A cache that breaks costs requests, never a judgement: any error is said once and counts as "not there". Put it on a
disk of the machine: SQLite's locks do not hold on network file systems.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

FILE = "verdicts-v1.sqlite"
_EVICTED = 0.1  # share of the verdicts, the oldest, that makes room
_CHECK_EVERY = 1000  # writes between looks at the size


class Cache:
    """key -> verdict. It works in threads of its own: a slow disk never holds up the event loop, or who else has work
    for the loop's threads.
    """

    def __init__(self, folder: str, max_bytes: float) -> None:
        self._path = Path(folder).expanduser() / FILE
        self._max_bytes = max_bytes
        self._local = threading.local()
        self._said = False
        self._writes = 0
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="awpo-judge-cache")

    async def get(self, key: str, patience: float) -> dict[str, Any] | None:
        """The verdict under this key; None without one, and where it takes longer than `patience` seconds."""
        look = asyncio.get_running_loop().run_in_executor(self._threads, self.read, key)
        try:
            return await asyncio.wait_for(look, patience)
        except asyncio.TimeoutError:
            self._say(TimeoutError(f"no answer within {patience:g} s"))
            return None

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Keeps it, some time soon: nobody waits for it."""
        self._threads.submit(self.write, key, value)

    def close(self) -> None:
        """Waits for what is still to be written."""
        self._threads.shutdown()

    def read(self, key: str) -> dict[str, Any] | None:
        """What `get` does, in this thread."""
        try:
            row = self._connection().execute("SELECT value FROM verdicts WHERE key = ?", (key,)).fetchone()
            value = json.loads(row[0]) if row else None
            return value if _is_verdict(value) else None
        except (sqlite3.Error, OSError, ValueError) as error:
            self._say(error)
            return None

    def write(self, key: str, value: dict[str, Any]) -> None:
        """What `put` does, in this thread."""
        try:
            with self._connection() as connection:
                connection.execute(
                    "INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?)", (key, json.dumps(value), time.time())
                )
                self._writes += 1
                if self._writes % _CHECK_EVERY == 1:
                    self._make_room(connection)
        except (sqlite3.Error, OSError) as error:
            self._say(error)

    def _connection(self) -> sqlite3.Connection:
        """This thread's own."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=5.0)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")  # it is a cache: a power cut may cost it
            connection.execute(
                "CREATE TABLE IF NOT EXISTS verdicts (key TEXT PRIMARY KEY, value TEXT, written REAL) WITHOUT ROWID"
            )
            self._local.connection = connection
        return connection

    def _make_room(self, connection: sqlite3.Connection) -> None:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        if (pages - free) * size > self._max_bytes:
            rows = connection.execute("SELECT COUNT(*) FROM verdicts").fetchone()[0]
            oldest = "SELECT key FROM verdicts ORDER BY written LIMIT ?"
            connection.execute(f"DELETE FROM verdicts WHERE key IN ({oldest})", (int(rows * _EVICTED) + 1,))

    def _say(self, error: Exception) -> None:
        if not self._said:
            self._said = True
            print(f"[awpo] judge cache {self._path}: {type(error).__name__}: {error}. Going on without.", flush=True)


def _is_verdict(value: Any) -> bool:
    """Whatever the file holds by now: only this is believed."""
    if not isinstance(value, dict) or not isinstance(value.get("reason"), str):
        return False
    score = value.get("score")
    return isinstance(score, int | float) and not isinstance(score, bool) and 0.0 <= score <= 1.0
