"""Scoring rollouts that lie in files: how one debugs a reward before it costs GPU hours.

Files are JSONL or parquet, with a row for each rollout, or verl's own dumps (`trainer.rollout_data_dir`,
`trainer.validation_data_dir`), a folder of JSONL files. A row is read under the first name that it has:

    the response       output (verl's dumps), response, completion
    its ground truth   gts (verl's dumps), ground_truth, reward_model.ground_truth
    its tools          in the ground truth; else tools, extra_info.tools
    its category       data_source, category; else "all"

Everything is streamed: a million rollouts need no more memory than one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from awpo_verl.config import OutcomeConfig
from awpo_verl.rewards.outcome import Verdict, check
from awpo_verl.rewards.outcome.expected import plain
from awpo_verl.rewards.reasoning import rule_score

RESPONSE_NAMES = ("output", "response", "completion")
TRUTH_NAMES = ("gts", "ground_truth", "reward_model.ground_truth")
TOOLS_NAMES = ("tools", "extra_info.tools")
CATEGORY_NAMES = ("data_source", "category")
MAX_EXAMPLE_CHARS = 240


class RowError(ValueError):
    """A file or a row that cannot be read. The message names file, row and field."""


class BrokenTruthError(ValueError):
    """A row whose ground truth or tools are broken. The message names file and row."""


@dataclass(frozen=True)
class Row:
    """One rollout of a file: `where` is "file:row", rows counted from 1."""

    where: str
    response: str
    ground_truth: Any
    tools: Any
    category: str
    reasoning_steps: list[str] | None


@dataclass(frozen=True)
class Failure:
    """A kind of failure in a category: how often, and the first row that shows it."""

    count: int
    where: str
    detail: str
    response: str


@dataclass
class Summary:
    """What was scored of one category.

    Attributes:
        rows: rows read.
        checked: rows whose ground truth a checker knows; the sums are over these.
        sums: part -> sum over the checked rows.
        failures: kind -> Failure, by the first failure of each row that is not exact.
    """

    rows: int = 0
    checked: int = 0
    sums: Counter[str] = field(default_factory=Counter[str])
    failures: dict[str, Failure] = field(default_factory=dict[str, Failure])

    def mean(self, part: str) -> float:
        """Mean of a part over the checked rows; NaN without any."""
        return self.sums[part] / self.checked if self.checked else float("nan")

    def add(self, row: Row, verdict: Verdict, parts: Mapping[str, float]) -> None:
        self.rows += 1
        if not verdict.checked:
            return
        self.checked += 1
        self.sums.update(parts)
        if verdict.failures:
            kind, detail = verdict.failures[0]
            self._count(kind, row, detail)
        elif verdict.schema_problems:
            self._count("matches, but breaks its schema", row, verdict.schema_problems[0])

    def _count(self, kind: str, row: Row, detail: str) -> None:
        seen = self.failures.get(kind)
        if seen is None:
            shown = row.response.rpartition("</think>")[2].strip()[:MAX_EXAMPLE_CHARS]
            self.failures[kind] = Failure(1, row.where, detail, shown)
        else:
            self.failures[kind] = Failure(seen.count + 1, seen.where, seen.detail, seen.response)


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a JSONL or parquet file, or of all such files of a folder.

    Raises:
        RowError: no such file, or a row without a response or a ground truth; names what the row has.
    """
    for file in _files(path):
        for number, record in enumerate(_records(file), 1):
            yield _row(f"{file.name}:{number}", record)


def score_row(row: Row, config: OutcomeConfig) -> tuple[Verdict, dict[str, float]]:
    """The checkers' verdict on a row, and its parts, as the reward manager computes them in training.

    Raises:
        BrokenTruthError: the ground truth or the tools are broken.
    """
    try:
        verdict = check(row.response, row.ground_truth, config, row.tools)
    except ValueError as error:
        raise BrokenTruthError(f"{row.where}: {error}") from error
    reasoning = rule_score(verdict.response, row.reasoning_steps, verdict.calls_expected)
    parts = verdict.as_info() | {"reasoning": reasoning or 0.0, "reasoning_valid": float(reasoning is not None)}
    return verdict, parts | {"outcome": verdict.outcome(config.match)}


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        # verl's dumps are named by the step: 2.jsonl comes before 10.jsonl
        files = sorted((f for f in path.iterdir() if f.suffix in _READERS), key=lambda f: (len(f.name), f.name))
        if not files:
            raise RowError(f"{path}: a folder without .jsonl or .parquet files.")
        return files
    if not path.is_file():
        raise RowError(f"{path}: no such file or folder.")
    if path.suffix not in _READERS:
        raise RowError(
            f"{path}: {path.suffix or 'a file without suffix'} is not read; use one of {', '.join(_READERS)}."
        )
    return [path]


def _records(file: Path) -> Iterator[Mapping[str, Any]]:
    return _READERS[file.suffix](file)


def _jsonl(file: Path) -> Iterator[Mapping[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                raise RowError(f"{file.name}:{number}: not JSON: {error}") from None
            if not isinstance(record, Mapping):
                raise RowError(f"{file.name}:{number}: a line must be a JSON object, got {line[:80]!r}.")
            yield record


def _parquet(file: Path) -> Iterator[Mapping[str, Any]]:
    from pyarrow.parquet import ParquetFile

    for batch in ParquetFile(file).iter_batches(batch_size=1024):
        yield from batch.to_pylist()


_READERS = {".jsonl": _jsonl, ".parquet": _parquet}
_MISSING = object()


def _row(where: str, record: Mapping[str, Any]) -> Row:
    response = _first(record, RESPONSE_NAMES)
    if not isinstance(response, str):
        raise RowError(
            f"{where}: no response (a text under one of {', '.join(RESPONSE_NAMES)}); it has {sorted(record)}."
        )
    ground_truth = _first(record, TRUTH_NAMES)
    if ground_truth is _MISSING:
        raise RowError(f"{where}: no ground truth (one of {', '.join(TRUTH_NAMES)}); it has {sorted(record)}.")
    tools, category = _first(record, TOOLS_NAMES), _first(record, CATEGORY_NAMES)
    steps = plain(_first(record, ("extra_info.reasoning_steps",)))
    return Row(
        where,
        response,
        plain(ground_truth),
        None if tools is _MISSING else plain(tools),
        "all" if category is _MISSING else str(category),
        steps if isinstance(steps, list) else None,
    )


def _first(record: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The value under the first of the names, dots leading into objects, that is there and not null."""
    for name in names:
        value: Any = record
        for key in name.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None:
            return value
    return _MISSING
