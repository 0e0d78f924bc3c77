"""The forms in which verl logs metrics (verl 0.9.1, utils/tracking.py and utils/logger): one reader for each.

    jsonl         the `file` logger: {"step": 3, "data": {metric: number}}; what earlier parts of a resumed run have
                  logged lies beside it as metrics.1.jsonl, ... (launch/metrics_file.py)
    console       the `console` logger: `step:3 - metric:number - ...`, after Ray's `(TaskRunner pid=7)` and in its
                  colours, among all that a run prints
    tensorboard   event files

All of them stream, and give the same curves for the same run (tensorboard's are float32).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awpo_verl.workbench.preflight.metrics_file import list_parts
from awpo_verl.workbench.report.curves import Curve, Recorder

EVENTS = "events.out.tfevents"
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_STEP = re.compile(r"(?:^|[\s)])step:([0-9]{1,18}) - (.*)$")
_NUMBER = re.compile(r"(?:np\.\w+\()?([-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|nan|inf)|True|False)\b")
_WORDS = {"True": 1.0, "False": 0.0}


class RunError(ValueError):
    """A run that cannot be read. The message says what was given and what to give."""


@dataclass(frozen=True)
class Log:
    """What a log has: its curves by metric, the files it was read from, and lines that could not be read."""

    curves: dict[str, Curve]
    files: tuple[Path, ...]
    form: str
    broken: int = 0


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a JSONL file that may still be growing, or not exist yet.

    Raises:
        ValueError: a whole line is no JSON.
    """
    if not path.exists():
        return []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return [json.loads(line) for line in whole.split("\n") if line]


def read_jsonl(path: Path, keep: Callable[[str], bool] = lambda metric: True) -> Log:
    """verl's metrics.jsonl with its earlier parts. A line that is torn costs itself; the last may still be written.

    Raises:
        OSError: it cannot be opened.
    """
    recorder, broken = Recorder(keep), 0
    files = tuple(list_parts(path))
    for file in files:
        with file.open("rb") as lines:
            for line in lines:
                record = _record(line)
                if record is not None:
                    recorder.add(*record)
                elif line.strip() and line.endswith(b"\n"):
                    broken += 1
    return Log(recorder.curves(), files, "jsonl", broken)


def _record(line: bytes) -> tuple[int, dict[str, Any]] | None:
    """(step, data) of a line of verl's, None for anything else."""
    import orjson

    try:
        record = orjson.loads(line)
    except ValueError:
        try:
            record = json.loads(line)  # other writers than verl's put NaN into JSON
        except (ValueError, RecursionError):
            return None
    if not isinstance(record, dict):
        return None
    step, data = record.get("step"), record.get("data")
    return (step, data) if isinstance(step, int) and 0 <= step < 2**63 and isinstance(data, dict) else None


def is_jsonl(path: Path) -> bool:
    """Whether one of the first lines is one of verl's file logger."""
    with path.open("rb") as lines:
        return any(_record(line) is not None for _, line in zip(range(20), lines, strict=False))


def read_console(path: Path, keep: Callable[[str], bool] = lambda metric: True) -> Log:
    """The lines of verl's console logger in a log with anything else in it.

    Raises:
        OSError: it cannot be opened.
    """
    recorder = Recorder(keep)
    with path.open(encoding="utf-8", errors="replace") as lines:  # a progress bar's \r ends a line, too
        for line in lines:
            if "step:" in line and line.endswith("\n"):  # the last may have half a number
                for step, data in _console_line(line):
                    recorder.add(step, data)
    return Log(recorder.curves(), (path,), "console")


def _console_line(line: str) -> Iterator[tuple[int, dict[str, float]]]:
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
    """Tensorboard's files in a folder, the oldest first."""
    return sorted(path for path in folder.iterdir() if path.is_file() and EVENTS in path.name)


def read_events(path: Path, keep: Callable[[str], bool] = lambda metric: True) -> Log:
    """A tensorboard event file, or a folder of them, which is one run with its resumptions.

    Raises:
        OSError: it cannot be opened. RunError: tensorboard is not installed.
    """
    recorder = Recorder(keep)
    files = tuple(event_files(path)) if path.is_dir() else (path,)
    for file in files:
        for step, scalars in _events(file):
            recorder.add(step, scalars)
    return Log(recorder.curves(), files, "tensorboard")


def _events(path: Path) -> Iterator[tuple[int, dict[str, float]]]:
    """(step, scalars) of an event file, up to where it is torn or broken.

    tensorboard's own loader checks each record's checksum in Python, which took three quarters of the time. The
    frame of a record: its length (8 bytes, little endian), the length's checksum (4), the record, its checksum (4).
    """
    try:
        from google.protobuf.message import DecodeError
        from tensorboard.compat.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]  # generated
    except ImportError as error:
        raise RunError(f"{path}: event files are read with tensorboard, which is not here: pip install it.") from error
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
