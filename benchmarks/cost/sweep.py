"""Measure every variant at every size that fits into the free memory, smallest first, and keep each result as JSON.

Whether a size fits is predicted before its data is made, from the peak memory per token of the size before.
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cost.cases import KINDS, VARIANTS
from benchmarks.cost.measure import Memory, device_name, free_bytes, memory, timed

PROBE = (256, 512)  # rows, tokens: predicts the memory of the first size
SHARE = 0.8  # of the free memory may be used


@dataclass(frozen=True)
class Measured:
    """One variant at one size."""

    seconds: float  # the median
    fastest: float
    slowest: float
    floor_bytes: int  # the fewest bytes that it must move
    peak_bytes: int  # beyond the inputs
    held_bytes: int  # with the inputs


@dataclass(frozen=True)
class Result:
    """One size: the measurements by variant, and the reason for each variant that was left out."""

    kind: str
    device: str
    rows: int
    tokens: int
    bandwidth: float  # bytes a second
    variants: dict[str, Measured]
    left_out: dict[str, str]

    @property
    def key(self) -> tuple[str, str, int, int]:
        """Kind, device, rows and tokens, which identify the size."""
        return self.kind, self.device, self.rows, self.tokens

    def floor_seconds(self, variant: str) -> float:
        """The shortest time that the memory bandwidth allows."""
        return self.variants[variant].floor_bytes / self.bandwidth


def sweep(
    kind: str,
    sizes: Iterable[tuple[int, int]],
    device: str,
    bandwidth: float,
    done: list[Result],
    limit: int | None = None,
    measure: Callable[..., Memory] = memory,
) -> Iterator[Result]:
    """Measure one kind of case. A size that `done` has with all variants that fit is not measured again.

    Args:
        kind: a key of cases.KINDS.
        sizes: (rows, tokens).
        device: cpu or cuda.
        bandwidth: bytes per second of the device.
        done: results so far.
        limit: bytes that may be used; None for 0.8 of the memory that is free before each size.
        measure: returns the peak memory of (kind, variant, rows, tokens, device).
    """
    before = {result.key: result for result in done}
    a_token = {v: measure(kind, v, *PROBE, device).total / math.prod(PROBE) for v in VARIANTS[kind]}
    for rows, tokens in sorted(set(sizes), key=math.prod):
        cells = rows * tokens
        allowed = int(SHARE * free_bytes(device)) if limit is None else limit
        fitting = [v for v in VARIANTS[kind] if a_token[v] * cells <= allowed]
        result = before.get((kind, device_name(device), rows, tokens))
        if result is None or not set(fitting) <= set(result.variants):
            left_out = {
                v: f"about {a_token[v] * cells / 1e9:.3g} GB are needed, {allowed / 1e9:.3g} GB may be used"
                for v in VARIANTS[kind]
                if v not in fitting
            }
            say(f"{kind}, {rows:,} x {tokens:,}: {', '.join(fitting) or 'nothing fits'} ...")
            measured = at(kind, rows, tokens, device, fitting, measure)
            result = Result(kind, device_name(device), rows, tokens, bandwidth, measured, left_out)
            yield result
        say(summary(result))
        a_token |= {v: m.held_bytes / cells for v, m in result.variants.items()}


def at(
    kind: str, rows: int, tokens: int, device: str, variants: list[str], measure: Callable[..., Memory]
) -> dict[str, Measured]:
    """Measure the memory, then the time, of the variants at one size."""
    if not variants:
        return {}
    held = {v: measure(kind, v, rows, tokens, device) for v in variants}
    case = KINDS[kind](rows, tokens, device)
    times = timed({v: case.run[v] for v in variants}, device)
    return {
        v: Measured(
            seconds=times[v].median,
            fastest=times[v].fastest,
            slowest=times[v].slowest,
            floor_bytes=case.floor_bytes[v],
            peak_bytes=held[v].beyond,
            held_bytes=held[v].total,
        )
        for v in variants
    }


def summary(result: Result) -> str:
    """One line of progress."""
    found = [f"{v} {m.seconds:.3g} s" for v, m in result.variants.items()]
    return f"{result.kind}, {result.rows:,} x {result.tokens:,}: " + "; ".join(
        found + [f"{v} left out: {why}" for v, why in result.left_out.items()]
    )


def say(line: str) -> None:
    """Print progress to stderr."""
    print(line, file=sys.stderr, flush=True)


def load(path: Path) -> list[Result]:
    """The results in a file; empty if there is no file."""
    if not path.exists():
        return []
    kept = json.loads(path.read_text())
    return [Result(**r | {"variants": {v: Measured(**m) for v, m in r["variants"].items()}}) for r in kept]


def save(path: Path, results: list[Result]) -> None:
    """Write one line per result. The file is replaced atomically, so an interruption leaves the old or the new file."""
    lines = ",\n".join(json.dumps(dataclasses.asdict(result)) for result in results)
    new = path.with_suffix(".new")
    new.write_text(f"[\n{lines}\n]\n")
    new.replace(path)
