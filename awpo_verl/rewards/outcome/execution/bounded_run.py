"""Run a function in its own thread, for a bounded time.

When the time is up, an exception is raised inside the thread (PyThreadState_SetAsyncExc), repeatedly for a moment, so
that even a loop that swallows exceptions is likely to stop. It cannot stop code that does not return to the
interpreter:
- A thread that waits there (time.sleep, a lock that is never free) is left behind. It is a daemon, so the process can
  still end.
- A thread that computes there and holds the interpreter (a pathological regular expression, 9**9**9) stops the whole
  worker until it is done, this function too.
Memory is not bounded. Code that needs stronger bounds belongs in its own process or container, behind a tool that asks
it.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from typing import Any

STOP_SECONDS = 2.0  # how long we try to stop a thread before we leave it behind


class OutOfTimeError(Exception):
    """The function did not end in time. What it was changing may be half changed."""


def run_bounded(function: Callable[[], Any], seconds: float) -> Any:
    """Return what `function()` returns, or raise what it raises (SystemExit and MemoryError too).

    Args:
        function: runs in a new thread, so the depth of its recursion does not depend on the caller's.
        seconds: wall-clock time; at least 0.

    Raises:
        OutOfTimeError: it took longer.
        KeyboardInterrupt: the user's, while waiting; the thread is stopped first.
    """
    returned: list[Any] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            returned.append(function())
        except BaseException as error:  # noqa: BLE001  # handed to the caller, SystemExit too
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True, name="awpo-tool")
    thread.start()
    try:
        thread.join(seconds)
    except BaseException:  # KeyboardInterrupt: the user does not want to wait any longer
        _stop(thread)
        raise
    if thread.is_alive():
        _stop(thread)
        raise OutOfTimeError(f"not done after {seconds:g} s")
    if raised:
        raise raised[0]
    return returned[0]


def _stop(thread: threading.Thread) -> None:
    """Raise SystemExit in the thread until it ends; threading prints nothing about such an end."""
    deadline = time.monotonic() + STOP_SECONDS
    while thread.is_alive() and time.monotonic() < deadline:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
        thread.join(0.02)
