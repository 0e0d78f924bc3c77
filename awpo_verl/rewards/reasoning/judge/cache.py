"""Judge replies on disk, by a hash of all that decides them. SQLite, so that the workers of a machine share one file.

A broken cache costs requests, never a score: the first error is logged, and every error counts as a cache miss. Use a
local disk: SQLite's locks do not hold on network file systems.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

from awpo_verl.rewards.reasoning.judge.reply import JudgeReply

FILE = "verdicts-v1.sqlite"  # the file and its table keep their first name, so that old caches stay valid
_EVICTED = 0.1  # share of the replies, the oldest, that is deleted to make room
_CHECK_EVERY = 1000  # writes between two checks of the size


class Cache:
    """key -> JudgeReply. It has its own threads, so that a slow disk blocks neither the event loop nor its threads."""

    def __init__(self, folder: str, max_bytes: float) -> None:
        self._path = Path(folder).expanduser() / FILE
        self._max_bytes = max_bytes
        self._local = threading.local()
        self._logged = False
        self._writes = 0
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="awpo-judge-cache")

    async def get(self, key: str, patience: float) -> JudgeReply | None:
        """The reply under this key; None if there is none, or if it takes longer than `patience` seconds."""
        look = asyncio.get_running_loop().run_in_executor(self._threads, self.read_entry, key)
        try:
            return await asyncio.wait_for(look, patience)
        except asyncio.TimeoutError:
            self._log_first(TimeoutError(f"no answer within {patience:g} s"))
            return None

    def put(self, key: str, reply: JudgeReply) -> None:
        """Store a reply soon. Returns at once."""
        self._threads.submit(self.write_entry, key, reply)

    def close(self) -> None:
        """Wait for all writes."""
        self._threads.shutdown()

    def read_entry(self, key: str) -> JudgeReply | None:
        """`get`, in the calling thread."""
        try:
            row = self._connection().execute("SELECT value FROM verdicts WHERE key = ?", (key,)).fetchone()
            return _checked_reply(json.loads(row[0])) if row else None
        except (sqlite3.Error, OSError, ValueError) as error:
            self._log_first(error)
            return None

    def write_entry(self, key: str, reply: JudgeReply) -> None:
        """`put`, in the calling thread."""
        value = json.dumps({"score": reply.score, "reason": reply.reason})
        try:
            with self._connection() as connection:
                connection.execute("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?)", (key, value, time.time()))
                self._writes += 1
                if self._writes % _CHECK_EVERY == 1:
                    self._make_room(connection)
        except (sqlite3.Error, OSError) as error:
            self._log_first(error)

    def _connection(self) -> sqlite3.Connection:
        """The connection of the calling thread."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=5.0)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")  # a power cut may destroy the cache, which is acceptable
            connection.execute(
                "CREATE TABLE IF NOT EXISTS verdicts (key TEXT PRIMARY KEY, value TEXT, written REAL) WITHOUT ROWID"
            )
            self._local.connection = connection
        return connection

    def _make_room(self, connection: sqlite3.Connection) -> None:
        """Delete the oldest replies if the cache is too large."""
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        if (pages - free) * size > self._max_bytes:
            rows = connection.execute("SELECT COUNT(*) FROM verdicts").fetchone()[0]
            oldest = "SELECT key FROM verdicts ORDER BY written LIMIT ?"
            connection.execute(f"DELETE FROM verdicts WHERE key IN ({oldest})", (int(rows * _EVICTED) + 1,))

    def _log_first(self, error: Exception) -> None:
        if not self._logged:
            self._logged = True
            print(
                f"[awpo] judge cache {self._path}: {type(error).__name__}: {error}. Scoring goes on without the cache.",
                flush=True,
            )


def _checked_reply(value: Any) -> JudgeReply | None:
    """The reply that an entry of the file holds; None if the entry has another form."""
    if not isinstance(value, dict):
        return None
    entry = cast(dict[str, Any], value)
    score, reason = entry.get("score"), entry.get("reason")
    if not isinstance(reason, str) or not isinstance(score, int | float) or isinstance(score, bool):
        return None
    return JudgeReply(score, reason) if 0.0 <= score <= 1.0 else None
