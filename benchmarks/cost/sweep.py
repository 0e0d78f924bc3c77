"""The grid: every variant at every size that fits the memory that is free, smallest first; kept as JSON after each.

Whether a size fits is told before anything of it is made, from the peak memory a token of the last smaller size.
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

PROBE = (256, 512)  # rows, tokens: what is known of the memory before the first size
SHARE = 0.8  # of the free memory may be used


@dataclass(frozen=True)
class Measured:
    """One variant at one size."""

    seconds: float  # the median
    fastest: float
    slowest: float
    floor_bytes: int  # that it must move at the least
    peak_bytes: int  # beyond the inputs
    held_bytes: int  # with the inputs


@dataclass(frozen=True)
class Result:
    """One size: what was measured, and why a variant was left out."""

    kind: str
    device: str
    rows: int
    tokens: int
    bandwidth: float  # bytes a second
    variants: dict[str, Measured]
    left_out: dict[str, str]

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What it is a result of."""
        return self.kind, self.device, self.rows, self.tokens

    def floor_seconds(self, variant: str) -> float:
        """The least time that the memory bandwidth allows."""
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
    """Measure one kind of case; what is in `done`, with all variants that fit, is not measured again.

    Args:
        kind: of cases.KINDS.
        sizes: (rows, tokens).
        device: cpu or cuda.
        bandwidth: of the device, bytes a second.
        done: results so far.
        limit: bytes that may be used; 0.8 of what is free before each size where None.
        measure: peak memory of (kind, variant, rows, tokens, device).
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
    """Memory, then time, of the variants at one size."""
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
    """Progress, beside what is printed."""
    print(line, file=sys.stderr, flush=True)


def load(path: Path) -> list[Result]:
    """The results in a file; none where there is no file."""
    if not path.exists():
        return []
    kept = json.loads(path.read_text())
    return [Result(**r | {"variants": {v: Measured(**m) for v, m in r["variants"].items()}}) for r in kept]


def save(path: Path, results: list[Result]) -> None:
    """A line for each result; the file is replaced at once, so that an interruption leaves the old or the new one."""
    lines = ",\n".join(json.dumps(dataclasses.asdict(result)) for result in results)
    new = path.with_suffix(".new")
    new.write_text(f"[\n{lines}\n]\n")
    new.replace(path)
