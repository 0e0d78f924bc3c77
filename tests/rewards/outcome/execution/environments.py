"""Environments of the tests, at the top of a module so that import paths reach them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any, Literal, Optional

from awpo_verl.rewards.outcome.execution import Environment


class Counter(Environment):
    """A counter, and a list that is handed out, so that leaks between sessions would show."""

    def __init__(self, initial: Mapping[str, Any]) -> None:
        self.count = initial["count"]
        self.items = initial.get("items", [])

    def state(self) -> Any:
        return {"count": self.count, "items": self.items}

    def add(self, amount: int) -> int:
        """Add to the counter.

        Args:
            amount: What to add.
        """
        self.count += amount
        return self.count

    def read(self) -> int:
        """Read the counter."""
        return self.count

    def push(self, item: dict[str, int]) -> list[Any]:
        """Keep an item.

        Args:
            item: The item.
        """
        self.items.append(item)
        return self.items

    def pick(self, color: Literal["red", "blue"], shade: Optional[int] = None) -> str:  # noqa: UP045  # as users write it
        """Pick a color.

        Args:
            color: The color.
            shade: Its shade.
        """
        return f"{color} {shade}"

    def _secret(self) -> str:
        return "secret"


class Rogue(Environment):
    """Tools that do what tools should not."""

    def __init__(self, initial: Mapping[str, Any]) -> None:
        self.steps = 0
        if initial.get("broken"):
            raise ValueError("this desk is broken")

    def state(self) -> Any:
        return {"steps": self.steps}

    def fail(self, how: str) -> None:
        """Raise.

        Args:
            how: Which exception.
        """
        self.steps += 1
        raise {
            "memory": MemoryError,
            "exit": SystemExit,
            "interrupt": KeyboardInterrupt,
            "mute": MuteError,
            "value": ValueError,
        }[how]("told to")

    def recurse(self) -> int:
        """Never return."""
        return self.recurse() + 1

    def loop(self) -> None:
        """Run for ever, in Python."""
        while True:
            self.steps += 1

    def stubborn(self) -> None:
        """Run for ever, and swallow what is raised a few times."""
        for _ in range(3):
            try:
                self.loop()
            except BaseException:  # noqa: BLE001
                self.steps = 0

    def sleep(self, seconds: float) -> None:
        """Sleep in small naps.

        Args:
            seconds: How long.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.01)

    def flood(self, characters: int) -> str:
        """Say much.

        Args:
            characters: How much.
        """
        return "x" * characters

    def not_json(self, what: str) -> Any:
        """Return what is no JSON.

        Args:
            what: "set", "nan" or "self".
        """
        loop: list[Any] = []
        loop.append(loop)
        return {"set": {1}, "nan": float("nan"), "self": loop}[what]

    def dice(self) -> float:
        """Roll dice that no seed fixes."""
        return os.urandom(8).hex()  # pyright: ignore[reportReturnType]


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class NoTools(Environment):
    def __init__(self, initial: Mapping[str, Any]) -> None:
        pass

    def state(self) -> Any:
        return None


class Untyped(NoTools):
    def look(self, where):
        """Look.

        Args:
            where: Where.
        """


class Variadic(NoTools):
    def look(self, *where: str) -> None:
        """Look.

        Args:
            where: Where.
        """


NOT_AN_ENVIRONMENT = 3
