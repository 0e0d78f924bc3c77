"""Rollouts in files: JSONL, JSON or parquet with a row for each, or verl's own dumps, a folder of JSONL files.

verl writes dumps to `trainer.rollout_data_dir` and `trainer.validation_data_dir`. `-` is standard input; it and pipes
hold JSONL, or one JSON list. Hidden files of a folder are skipped. Each fact is read from the first field that the row
has:

    the response       output (verl's dumps), response, completion
    its ground truth   gts (verl's dumps), ground_truth, reward_model.ground_truth
    its tools          in the ground truth; else tools, extra_info.tools
    its prompt         raw_prompt, prompt, messages, input (verl's dumps), question: messages or text; else ""
    its category       data_source, category; else "all"
    expected steps     extra_info.reasoning_steps
    recorded score     score, in verl's dumps

Rows are streamed: a million rollouts need no more memory than one. A broken row raises a RowError, so the others can
be read. A file that cannot be read at all raises a FileError.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awpo_verl.rewards.row import Row, read_row
from awpo_verl.workbench.files.json_files import FileError, FileRow, read_json_lines, read_json_rows, read_stream

STDIN = Path("-")
RESPONSE_NAMES = ("output", "response", "completion")
TRUTH_NAMES = ("gts", "ground_truth", "reward_model.ground_truth")
PROMPT_NAMES = ("raw_prompt", "prompt", "messages", "input", "question")
TOOLS_NAMES = ("tools", "extra_info.tools")
CATEGORY_NAMES = ("data_source", "category")


class RowError(ValueError):
    """A row that cannot be read or scored. The message names the file, the row and the problem."""


@dataclass(frozen=True)
class Rollout:
    """One rollout of a file.

    Attributes:
        where: "file:row".
        row: what the file says about it besides the response.
        recorded: the score in verl's dump, None in other files.
    """

    where: str
    response: str
    row: Row
    category: str
    recorded: float | None = None


def find_files(path: Path) -> list[Path]:
    """The file, or the JSONL and parquet files of the folder, in the order of verl's steps.

    Raises:
        FileError: there is no such file or folder, or no such file in the folder.
    """
    if path.is_dir():
        found = [f for f in path.iterdir() if _suffix(f) in _IN_FOLDERS and f.name[0] != "." and f.is_file()]
        if not found:
            raise FileError(f"{path}: a folder without .jsonl or .parquet files.")
        return sorted(found, key=lambda f: (len(f.name), f.name))  # by the step: 2.jsonl comes before 10.jsonl
    if not path.is_file():
        raise FileError(f"{path}: no such file or folder.")
    if _suffix(path) not in _READERS:
        raise FileError(
            f"{path}: {path.suffix or 'a file without suffix'} cannot be read; use one of {', '.join(_READERS)}."
        )
    return [path]


def is_stream(path: Path) -> bool:
    """Whether a path can be read only once: `-` for standard input, or a pipe."""
    return path == STDIN or (path.exists() and not path.is_file() and not path.is_dir())


def read_rows(path: Path) -> Iterator[FileRow]:
    """The rows of a file, or of all files of a folder, not yet decoded.

    Raises:
        FileError: no such file, a file that is broken as a whole, or no row at all.
        OSError: a file cannot be opened.
    """
    some = False
    sources = [_stream(path)] if is_stream(path) else [_READERS[_suffix(file)](file) for file in find_files(path)]
    for source in sources:
        for row in source:
            some = True
            yield row
    if not some:
        which = f"all {len(sources)} files in it are" if path.is_dir() else "the file is"
        raise FileError(f"{path}: {which} empty, there are no rows to score.")


def _stream(path: Path) -> Iterator[FileRow]:
    if path == STDIN:
        yield from read_stream(sys.stdin.buffer, "stdin", "stdin")
    else:
        with path.open("rb") as stream:
            yield from read_stream(stream, path.name, str(path))


def count_rows(path: Path) -> int | None:
    """About how many rows there are, for a progress bar: blank lines and broken rows count. None for a stream.

    Raises:
        FileError, OSError: as `read_rows`.
    """
    return None if is_stream(path) else sum(_COUNTERS[_suffix(file)](file) for file in find_files(path))


def _suffix(file: Path) -> str:
    return file.suffix.lower()


def read_rollout(row: FileRow) -> Rollout:
    """Decode a row into a rollout.

    Raises:
        RowError: it cannot be decoded, has no response or no ground truth, or its extra_info is broken.
    """
    try:
        return _to_rollout(row.where, row.decode())
    except RowError:
        raise
    except (ValueError, TypeError, OverflowError, RecursionError) as error:  # float(10**400) overflows
        raise RowError(f"{row.where}: {error}") from None


def _count_lines(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for _ in lines)


def _count_parquet(file: Path) -> int:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(file) as table:
            return table.metadata.num_rows
    except (ArrowException, OSError) as error:
        raise FileError(f"{file}: not a parquet file that can be read: {error}") from error


def _parquet(file: Path) -> Iterator[FileRow]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    number = 0
    try:
        with ParquetFile(file) as table:
            for batch in table.iter_batches(batch_size=1024):
                for index in range(batch.num_rows):
                    number += 1
                    row = batch.slice(index, 1)
                    yield FileRow(f"{file.name}:{number}", lambda row=row: row.to_pylist()[0])
    except (ArrowException, OSError) as error:
        raise FileError(f"{file}: not a parquet file that can be read (after row {number}): {error}") from error


_READERS: dict[str, Callable[[Path], Iterator[FileRow]]] = {
    ".jsonl": read_json_lines,
    ".parquet": _parquet,
    ".json": read_json_rows,
}
_COUNTERS: dict[str, Callable[[Path], int]] = {
    ".jsonl": _count_lines,
    ".parquet": _count_parquet,
    ".json": lambda file: sum(1 for _ in read_json_rows(file)),
}
_IN_FOLDERS = (".jsonl", ".parquet")  # a .json file beside dumps holds settings or tables
_MISSING = object()


def _to_rollout(where: str, record: Any) -> Rollout:
    if not isinstance(record, Mapping):
        raise RowError(f"{where}: a line must be a JSON object, got {str(record)[:80]!r}.")
    response = _first(record, RESPONSE_NAMES)
    if not isinstance(response, str):
        raise RowError(
            f"{where}: no response (a text under one of {', '.join(RESPONSE_NAMES)}); it has {sorted(record)}."
        )
    ground_truth = _first(record, TRUTH_NAMES)
    if ground_truth is _MISSING:
        raise RowError(f"{where}: no ground truth (one of {', '.join(TRUTH_NAMES)}); it has {sorted(record)}.")
    tools, category = _first(record, TOOLS_NAMES), _first(record, CATEGORY_NAMES)
    prompt = _first(record, PROMPT_NAMES)
    score = record.get("score") if "gts" in record else None
    row = read_row(
        ground_truth,
        prompt=None if prompt is _MISSING else prompt,
        extra_info=record.get("extra_info"),
        tools=None if tools is _MISSING else tools,
    )
    name = "all" if category is _MISSING else str(category)
    return Rollout(where, response, row, name, float(score) if isinstance(score, int | float) else None)


def _first(record: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The value under the first name that is present and not null. Dots lead into objects."""
    for name in names:
        value: Any = record
        for key in name.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None:
            return value
    return _MISSING
