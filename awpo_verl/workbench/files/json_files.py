"""Rows in JSON: one object per line, or one list of objects that is read piece by piece.

A broken row is an error of that row only. An object with the same key twice is also an error: JSON readers keep the
last value and drop the others silently.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

_CHUNK = 1 << 20
_ITEM_CHARS = 1 << 26  # the longest item of a JSON list
_BOM = b"\xef\xbb\xbf"


class FileError(ValueError):
    """A file that cannot be read, or must not be written. The message names it."""


@dataclass(frozen=True)
class FileRow:
    """A row of a file, not yet decoded.

    Attributes:
        where: "file:row"; rows (in JSONL: lines) count from 1.
        decode: returns the row's fields. Raises ValueError or RecursionError if the row is broken.
    """

    where: str
    decode: Callable[[], Any]


def read_json_lines(file: Path) -> Iterator[FileRow]:
    """The lines of a file, not yet decoded, without blank lines."""
    with file.open("rb") as stream:
        yield from _lines(stream, file.name)


def read_json_rows(file: Path) -> Iterator[FileRow]:
    """The rows of a file: the items of its list if it begins with `[`, else its lines.

    Raises:
        FileError: a list that is broken or cut off.
    """
    with file.open("rb") as stream:
        yield from read_stream(stream, file.name, str(file))


def read_stream(stream: BinaryIO, name: str, place: str) -> Iterator[FileRow]:
    """The rows of a stream that can be read only once, such as standard input.

    Args:
        name: the name in the rows' `where`.
        place: the name in errors about the whole stream.
    """
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[arg-type]
    if buffered.peek(4096).removeprefix(_BOM).lstrip()[:1] == b"[":
        yield from _items(io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="surrogateescape"), name, place)
    else:
        yield from _lines(buffered, name)


def holds_json_list(file: Path) -> bool:
    """Whether a JSON file holds one list."""
    with file.open("rb") as stream:
        return stream.read(4096).removeprefix(_BOM).lstrip()[:1] == b"["


def _lines(lines: Iterable[bytes], name: str) -> Iterator[FileRow]:
    for number, line in enumerate(lines, 1):  # bytes: a line that is not UTF-8 must not hide the others
        if line.strip():
            yield FileRow(f"{name}:{number}", lambda line=line: _from_json(line))


def _from_json(line: bytes) -> Any:
    try:
        twice: list[str] = []
        value = json.loads(
            line.decode("utf-8-sig"), object_pairs_hook=_hook_that_notes(twice)
        )  # editors mark a first line
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: {error}") from None
    except RecursionError:
        raise ValueError("not readable JSON: it is nested too deep") from None
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    return _reject_repeated_keys(value, twice)


def _hook_that_notes(twice: list[str]) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    """A hook for json.loads that appends the keys that an object has twice."""

    def to_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            seen: set[str] = set()
            twice.extend(key for key, _ in pairs if key in seen or seen.add(key))
        return made

    return to_dict


def _reject_repeated_keys(value: Any, twice: list[str]) -> Any:
    if twice:
        raise ValueError(f"the key {twice[0][:80]!r} appears twice; remove one of them")
    return value


def _items(stream: TextIO, name: str, path: str) -> Iterator[FileRow]:
    """The items of a JSON list, without holding all of it."""
    twice: list[str] = []
    decoder = json.JSONDecoder(object_pairs_hook=_hook_that_notes(twice))
    with stream:
        number, more = 0, True
        text = stream.read(_CHUNK)
        place = text.index("[") + 1
        while True:
            place = _skip_space(text, place)
            if text[place : place + 1] == "]":
                return
            twice.clear()
            try:
                if place >= len(text):
                    raise ValueError("it ends within the list")
                value, end = decoder.raw_decode(text, place)
                end = _skip_space(text, end)
                complete = end < len(text)
            except (ValueError, RecursionError) as error:
                value, end, complete = error, place, False
            if not complete:  # broken, or the rest of the item is not read yet
                chunk = stream.read(max(_CHUNK, len(text) - place)) if more and len(text) - place < _ITEM_CHARS else ""
                more = bool(chunk)
                if not more:
                    reason = value if isinstance(value, Exception) else "it ends within the list"
                    raise FileError(f"{path}: not JSON after item {number}: {reason}")
                text, place = text[place:] + chunk, 0
                continue
            number += 1
            keys = twice.copy()
            yield FileRow(f"{name}:{number}", lambda value=value, keys=keys: _reject_repeated_keys(value, keys))
            if text[end] not in ",]":
                raise FileError(f"{path}: not JSON after item {number}: ',' or ']' expected")
            place = end + (text[end] == ",")


def _skip_space(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\n\r":
        place += 1
    return place
