"""What keeps a bad judge from holding up training: a circuit breaker, and a budget of waiting for each step."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

REFUSED, REQUEST, PROBE = "", "request", "probe"


@dataclass
class Breaker:
    """Closed: requests go out. Open: none does, for `pause` seconds. Then one probe at a time decides.

    It opens after `failures` failed requests in a row that have lasted for `after` seconds, and closes with the first
    that works. It is for endpoints that are down: where all requests in flight fail at once for a moment, their second
    tries decide. Each request sent ends in `worked`, `failed` or `gave_up`.

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
        """REFUSED, or which request may be sent now: PROBE, or any other. To be passed on when it is over."""
        if self._opened is None:
            return REQUEST
        if self._probing or self.clock() - self._opened < self.pause:
            return REFUSED
        self._probing = True
        return PROBE

    def worked(self) -> None:
        self._in_a_row, self._opened, self._probing = 0, None, False

    def failed(self, sent: str) -> bool:
        """Returns True where this failure opened it."""
        if sent == PROBE and self._probing:
            self._opened, self._probing = self.clock(), False
        elif self._opened is None:  # a request from before it opened says nothing new
            now = self.clock()
            self._since = now if self._in_a_row == 0 else self._since
            self._in_a_row += 1
            if self._in_a_row >= self.failures and now - self._since >= self.after:
                self._opened = now
                return True
        return False

    def gave_up(self, sent: str) -> None:
        """The request was cancelled: nothing is known, and if it was the probe, the next one is."""
        if sent == PROBE:
            self._probing = False


@dataclass
class _Spent:
    seconds: float = 0.0
    pending: int = 0
    since: float = 0.0


@dataclass
class StepBudget:
    """Seconds that a training step may wait for judgements, counted once however many are pending.

    The clock of a step runs while one is pending, and starts again with each rollout that arrives: as long as some do,
    it is not the judge that the step waits for. One that may wait for what is left now cannot overdraw it.
    """

    seconds: float
    clock: Callable[[], float] = time.monotonic
    _steps: OrderedDict[object, _Spent] = field(default_factory=OrderedDict)

    KEPT = 16  # steps remembered: trainers that generate ahead have a few at once

    def left(self, step: object) -> float:
        """Seconds left of a step; infinity where the step is not known (None)."""
        if step is None:
            return float("inf")
        spent = self._of(step)
        running = self.clock() - spent.since if spent.pending else 0.0
        return max(0.0, self.seconds - spent.seconds - running)

    @contextmanager
    def pending(self, step: object) -> Iterator[None]:
        """A judgement of the step is pending inside."""
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
