"""Verdicts on disk, by a hash of all that decides them. SQLite, so that the workers of a machine share one file.

A cache that breaks costs requests, never a judgement: any error is said once and counts as "not there". Put it on a
disk of the machine: SQLite's locks do not hold on network file systems.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

FILE = "verdicts-v1.sqlite"
_EVICTED = 0.1  # share of the verdicts, the oldest, that makes room
_CHECK_EVERY = 1000  # writes between looks at the size


class Cache:
    """key -> JSON object. Methods block for milliseconds and may be called from any thread."""

    def __init__(self, folder: str, max_bytes: float) -> None:
        self._path = Path(folder).expanduser() / FILE
        self._max_bytes = max_bytes
        self._local = threading.local()
        self._said = False
        self._writes = 0

    def get(self, key: str) -> dict[str, Any] | None:
        try:
            row = self._connection().execute("SELECT value FROM verdicts WHERE key = ?", (key,)).fetchone()
            value = json.loads(row[0]) if row else None
            return value if isinstance(value, dict) else None
        except (sqlite3.Error, OSError, ValueError) as error:
            self._say(error)
            return None

    def put(self, key: str, value: dict[str, Any]) -> None:
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
