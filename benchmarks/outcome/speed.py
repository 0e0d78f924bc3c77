"""Measure how fast the outcome check is on one core, against BFCL's decode and check of the same texts.

    pip install --no-deps --target .cache/bfcl bfcl-eval==2026.3.23
    python -m benchmarks.outcome.speed [--bfcl .cache/bfcl] [--every 20] [--repeats 9]

The texts are every n-th text of benchmarks.bfcl.agreement, right and wrong. Tools and expected calls are JSON text, as
in a data row, and go through the caches of a training run. Our check is timed up to `exact`, which is what BFCL
reports, and up to `graded`. All three take turns on chunks of a hundred texts in one process, so that noise on the
machine affects them alike; processor time is counted. Prints the median rates and their ratio, and writes
benchmarks/outcome/speed.json. The exit code is 1 if `exact` is slower than BFCL.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from awpo_verl.rewards.outcome import ExpectedCalls, Match, match_calls, parse_response, read_target
from awpo_verl.workbench.bfcl.ground_truth import ground_truth_text
from benchmarks.bfcl import mutations, official

CHUNK = 100
Sample = tuple[official.Entry, str, str]  # entry, ground truth, response


def main() -> int:
    parser = official.options(__doc__ or "")
    parser.add_argument("--every", type=int, default=20, help="one of so many texts")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    if not official.load(options.bfcl):
        return 0
    result = {}
    print(f"{'':10}{'texts':>8}{'exact':>12}{'graded':>12}{'BFCL':>12}{'exact/BFCL':>12}")
    for format in ("hermes", "pythonic"):
        samples = collect(options.bfcl, format, options.every)
        exact, graded, theirs = rates(samples, format, options.repeats)
        row = {"texts": len(samples), "exact_per_s": exact, "graded_per_s": graded, "bfcl_per_s": theirs}
        result[format] = {**{name: round(value) for name, value in row.items()}, "ratio": round(exact / theirs, 2)}
        print(f"{format:10}{len(samples):8}{exact:10,.0f}/s{graded:10,.0f}/s{theirs:10,.0f}/s{exact / theirs:12.2f}")
    options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0 if all(row["ratio"] >= 1 for row in result.values()) else 1


def collect(folder: Path, format: str, every: int) -> list[Sample]:
    samples: list[Sample] = []
    for entry in official.entries(folder):
        try:
            truth = ground_truth_text(entry.answer, entry.functions)
        except ValueError:
            continue
        texts = (text for _, made, text in mutations.responses(entry) if made == format)
        samples += [(entry, truth, text) for text in texts]
    return list(islice(samples, 0, None, every))


def rates(samples: list[Sample], format: str, repeats: int) -> tuple[float, ...]:
    """Responses a second up to exact, up to graded, and BFCL's: medians of runs in turn, after one to warm up."""

    def match(sample: Sample) -> Match:
        entry, truth, text = sample
        target = read_target(truth, entry.functions_text)
        calls = target.expected.calls if isinstance(target.expected, ExpectedCalls) else ()
        response = parse_response(text, format, target.tools)
        return match_calls(response, calls, target.tools, "normalized")

    sides: tuple[Callable[[Sample], object], ...] = (
        lambda sample: match(sample).exact,
        lambda sample: match(sample).graded,
        lambda sample: official.verdict(sample[0], sample[2], format),
    )
    times: list[list[float]] = [[] for _ in sides]
    gc.collect()
    gc.freeze()  # keeps the benchmark's own data out of both sides' garbage collection
    for repeat in range(repeats + 1):
        if repeat:
            for spent in times:
                spent.append(0.0)
        for begin in range(0, len(samples), CHUNK):
            for side, spent in zip(sides, times, strict=True):
                start = time.process_time()
                for sample in samples[begin : begin + CHUNK]:
                    side(sample)
                if repeat:
                    spent[-1] += time.process_time() - start
    return tuple(len(samples) / statistics.median(spent) for spent in times)


if __name__ == "__main__":
    sys.exit(main())
