"""One reader for each form in which verl logs metrics (verl 0.9.1, utils/tracking.py and utils/logger).

    jsonl         the `file` logger: {"step": 3, "data": {metric: number}}. The earlier parts of a resumed run lie
                  beside it: metrics.1.jsonl, ... (preflight/metrics_file.py)
    console       the `console` logger: lines `step:3 - metric:number - ...` between all else that a run prints, with
                  Ray's prefix `(TaskRunner pid=7)` and colours
    tensorboard   event files

All readers stream, and give the same curves for the same run (tensorboard's values are float32).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awpo_verl.workbench.preflight.metrics_file import list_parts
from awpo_verl.workbench.report.curves import Curve, CurveRecorder

EVENTS = "events.out.tfevents"
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_STEP = re.compile(r"(?:^|[\s)])step:([0-9]{1,18}) - (.*)$")
_NUMBER = re.compile(r"(?:np\.\w+\()?([-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|nan|inf)|True|False)\b")
_WORDS = {"True": 1.0, "False": 0.0}


class RunError(ValueError):
    """A run that cannot be read. The message says what was given and what to give instead."""


@dataclass(frozen=True)
class Log:
    """A log that was read.

    Attributes:
        curves: metric -> curve.
        form: jsonl, console or tensorboard.
        broken_lines: how many lines could not be read.
    """

    curves: dict[str, Curve]
    files: tuple[Path, ...]
    form: str
    broken_lines: int = 0


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read the complete lines of a JSONL file. The file may still grow, or not exist yet.

    Raises:
        ValueError: a complete line is not JSON.
    """
    if not path.exists():
        return []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return [json.loads(line) for line in whole.split("\n") if line]


def read_jsonl(path: Path, keep: Callable[[str], bool] = lambda metric: True) -> Log:
    """Read verl's metrics.jsonl with its earlier parts. Broken lines are counted; the last line may be incomplete.

    Raises:
        OSError: it cannot be opened.
    """
    recorder, broken = CurveRecorder(keep), 0
    files = tuple(list_parts(path))
    for file in files:
        with file.open("rb") as lines:
            for line in lines:
                record = _parse_record(line)
                if record is not None:
                    recorder.add(*record)
                elif line.strip() and line.endswith(b"\n"):
                    broken += 1
    return Log(recorder.curves(), files, "jsonl", broken)


def _parse_record(line: bytes) -> tuple[int, dict[str, Any]] | None:
    """(step, data) of a line that verl wrote; None for any other line."""
    import orjson

    try:
        record = orjson.loads(line)
    except ValueError:
        try:
            record = json.loads(line)  # orjson rejects NaN, which other writers put into JSON
        except (ValueError, RecursionError):
            return None
    if not isinstance(record, dict):
        return None
    step, data = record.get("step"), record.get("data")
    return (step, data) if isinstance(step, int) and 0 <= step < 2**63 and isinstance(data, dict) else None


def is_jsonl(path: Path) -> bool:
    """Whether verl's file logger wrote one of the first 20 lines."""
    with path.open("rb") as lines:
        return any(_parse_record(line) is not None for _, line in zip(range(20), lines, strict=False))


def read_console(path: Path, keep: Callable[[str], bool] = lambda metric: True) -> Log:
    """Read the lines of verl's console logger from a log that may hold anything else.

    Raises:
        OSError: it cannot be opened.
    """
    recorder = CurveRecorder(keep)
    with path.open(encoding="utf-8", errors="replace") as lines:  # the \r of a progress bar ends a line, too
        for line in lines:
            if "step:" in line and line.endswith("\n"):  # the last line may end in half a number
                for step, data in _parse_console_line(line):
                    recorder.add(step, data)
    return Log(recorder.curves(), (path,), "console")


def _parse_console_line(line: str) -> Iterator[tuple[int, dict[str, float]]]:
    found = _STEP.search(_COLOUR.sub("", line.rstrip("\n")))
    if found is None:
        return
    data: dict[str, float] = {}
    for pair in found[2].split(" - "):
        metric, _, text = pair.rpartition(":")
        number = _NUMBER.match(text)
        if "/" in metric and number:
            data[metric] = _WORDS[number[1]] if number[1] in _WORDS else float(number[1])
    if data:
        yield int(found[1]), data


def event_files(folder: Path) -> list[Path]:
    """The tensorboard files in a folder, the oldest first."""
    return sorted(path for path in folder.iterdir() if path.is_file() and EVENTS in path.name)


def read_events(path: Path, keep: Callable[[str], bool] = lambda metric: True) -> Log:
    """Read a tensorboard event file, or a folder of them: one run and its resumptions.

    Raises:
        OSError: it cannot be opened. RunError: tensorboard is not installed.
    """
    recorder = CurveRecorder(keep)
    files = tuple(event_files(path)) if path.is_dir() else (path,)
    for file in files:
        for step, scalars in _iterate_events(file):
            recorder.add(step, scalars)
    return Log(recorder.curves(), files, "tensorboard")


def _iterate_events(path: Path) -> Iterator[tuple[int, dict[str, float]]]:
    """(step, scalars) of an event file, up to the first broken record.

    tensorboard's own loader checks the checksum of each record in Python, which takes three quarters of the time. A
    record is: its length (8 bytes, little endian), the length's checksum (4), the content, its checksum (4).
    """
    try:
        from google.protobuf.message import DecodeError
        from tensorboard.compat.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]  # generated
    except ImportError as error:
        raise RunError(f"{path}: to read event files, install tensorboard: pip install tensorboard.") from error
    left = path.stat().st_size
    with path.open("rb") as file:
        while left >= 16:
            length = int.from_bytes(file.read(12)[:8], "little")
            left -= length + 16
            if left < 0:
                return
            try:
                event = Event.FromString(file.read(length + 4)[:length])
            except DecodeError:
                return
            scalars = {value.tag: value.simple_value for value in event.summary.value if value.HasField("simple_value")}
            if scalars:
                yield event.step, scalars
