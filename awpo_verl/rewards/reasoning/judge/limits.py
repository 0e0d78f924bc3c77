"""Limits that keep a bad judge from delaying training: a circuit breaker, and a time budget for each step."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

REFUSED, REQUEST, PROBE = "", "request", "probe"


@dataclass
class Breaker:
    """A circuit breaker. Closed: requests are sent. Open: none is sent for `pause` seconds, then one probe at a time.

    It opens after `failures` failed requests in a row over at least `after` seconds, and closes with the first request
    that works. It is for endpoints that are down. If all requests in flight fail at once, their retries decide. Report
    the end of each request with `worked`, `failed` or `gave_up`.

    Attributes:
        clock: seconds, monotonic.
    """

    failures: int
    pause: float
    after: float = 0.0
    clock: Callable[[], float] = time.monotonic
    _in_a_row: int = 0
    _since: float = 0.0
    _opened: float | None = None
    _probing: bool = False

    def allows(self) -> str:
        """REFUSED, or the kind of request that may be sent now: REQUEST or PROBE. Pass it on when the request ends."""
        if self._opened is None:
            return REQUEST
        if self._probing or self.clock() - self._opened < self.pause:
            return REFUSED
        self._probing = True
        return PROBE

    def worked(self) -> None:
        self._in_a_row, self._opened, self._probing = 0, None, False

    def failed(self, sent: str) -> bool:
        """Count a failed request. Returns True if this failure opened the breaker."""
        if sent == PROBE and self._probing:
            self._opened, self._probing = self.clock(), False
        elif self._opened is None:  # a request that was sent before the breaker opened says nothing new
            now = self.clock()
            self._since = now if self._in_a_row == 0 else self._since
            self._in_a_row += 1
            if self._in_a_row >= self.failures and now - self._since >= self.after:
                self._opened = now
                return True
        return False

    def gave_up(self, sent: str) -> None:
        """Count a cancelled request, which says nothing. After a cancelled probe, another probe may be sent."""
        if sent == PROBE:
            self._probing = False


@dataclass
class _Spent:
    seconds: float = 0.0
    pending: int = 0
    since: float = 0.0


@dataclass
class StepBudget:
    """Seconds that a training step may wait for judge scores, counted once, however many are pending.

    The clock of a step runs while a score is pending, and restarts with each rollout that arrives: as long as rollouts
    arrive, the step does not wait for the judge. A score that waits at most `left` seconds cannot overdraw the budget.
    """

    seconds: float
    clock: Callable[[], float] = time.monotonic
    _steps: OrderedDict[object, _Spent] = field(default_factory=OrderedDict[object, _Spent])

    KEPT = 16  # steps in memory: trainers that generate ahead have a few at once

    def left(self, step: object) -> float:
        """Seconds left for a step; infinity if the step is unknown (None)."""
        if step is None:
            return float("inf")
        spent = self._of(step)
        running = self.clock() - spent.since if spent.pending else 0.0
        return max(0.0, self.seconds - spent.seconds - running)

    @contextmanager
    def pending(self, step: object) -> Generator[None]:
        """The context in which a score of the step is pending."""
        spent = self._of(step)
        spent.since = self.clock()
        spent.pending += 1
        try:
            yield
        finally:
            spent.pending -= 1
            if spent.pending == 0:
                spent.seconds += self.clock() - spent.since

    def _of(self, step: object) -> _Spent:
        spent = self._steps.setdefault(step, _Spent())
        while len(self._steps) > self.KEPT:
            self._steps.popitem(last=False)
        return spent
