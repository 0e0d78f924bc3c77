"""Rows in JSON: an object a line, or one list of objects, read piece by piece. A broken row is an error of that row.

A key that an object has twice is an error, too: JSON's readers keep the last value and drop the others without a word.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

_CHUNK = 1 << 20
_ITEM_CHARS = 1 << 26  # of one item of a JSON list
_BOM = b"\xef\xbb\xbf"


class FileError(ValueError):
    """A file that cannot be read, or must not be written. The message names it."""


@dataclass(frozen=True)
class Record:
    """A row as it lies in its file: `where` is "file:row", rows (of JSONL: lines) counted from 1.

    `read` gives its fields, or raises ValueError or RecursionError where it is broken.
    """

    where: str
    read: Callable[[], Any]


def json_lines(file: Path) -> Iterator[Record]:
    """The lines of a file, not yet read; blank ones are left out."""
    with file.open("rb") as stream:
        yield from _lines(stream, file.name)


def json_rows(file: Path) -> Iterator[Record]:
    """The rows of a file: of its list, if it begins with `[`, else its lines.

    Raises:
        FileError: a list that is broken or torn.
    """
    with file.open("rb") as stream:
        yield from stream_rows(stream, file.name, str(file))


def stream_rows(stream: BinaryIO, name: str, place: str) -> Iterator[Record]:
    """The same of a stream that can be read once, such as standard input.

    Args:
        name: what its rows are called. place: what an error of the whole names.
    """
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[arg-type]
    if buffered.peek(4096).removeprefix(_BOM).lstrip()[:1] == b"[":
        yield from _items(io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="surrogateescape"), name, place)
    else:
        yield from _lines(buffered, name)


def is_list(file: Path) -> bool:
    """Whether a JSON file holds one list."""
    with file.open("rb") as stream:
        return stream.read(4096).removeprefix(_BOM).lstrip()[:1] == b"["


def _lines(lines: Iterable[bytes], name: str) -> Iterator[Record]:
    for number, line in enumerate(lines, 1):  # bytes: one line that is not UTF-8 must not hide the others
        if line.strip():
            yield Record(f"{name}:{number}", lambda line=line: _from_json(line))


def _from_json(line: bytes) -> Any:
    try:
        twice: list[str] = []
        value = json.loads(line.decode("utf-8-sig"), object_pairs_hook=_noting(twice))  # editors mark a first line
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: {error}") from None
    except RecursionError:
        raise ValueError("not JSON that can be read: it is nested too deep") from None
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    return _unless_twice(value, twice)


def _noting(twice: list[str]) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    """A hook for json that notes the keys that an object has twice."""

    def to_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            seen: set[str] = set()
            twice.extend(key for key, _ in pairs if key in seen or seen.add(key))
        return made

    return to_dict


def _unless_twice(value: Any, twice: list[str]) -> Any:
    if twice:
        raise ValueError(f"the key {twice[0][:80]!r} is there twice; remove one of them")
    return value


def _items(stream: TextIO, name: str, path: str) -> Iterator[Record]:
    """The items of a JSON list, without holding all of it."""
    twice: list[str] = []
    decoder = json.JSONDecoder(object_pairs_hook=_noting(twice))
    with stream:
        number, more = 0, True
        text = stream.read(_CHUNK)
        place = text.index("[") + 1
        while True:
            place = _skip(text, place)
            if text[place : place + 1] == "]":
                return
            twice.clear()
            try:
                if place >= len(text):
                    raise ValueError("it ends within the list")
                value, end = decoder.raw_decode(text, place)
                end = _skip(text, end)
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
            yield Record(f"{name}:{number}", lambda value=value, keys=keys: _unless_twice(value, keys))
            if text[end] not in ",]":
                raise FileError(f"{path}: not JSON after item {number}: ',' or ']' expected")
            place = end + (text[end] == ",")


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\n\r":
        place += 1
    return place
