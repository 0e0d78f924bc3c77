"""The rows of a source: a file, a folder of files, or a set of the hub.

JSON (a list of objects, read piece by piece, or one object a line), JSONL and parquet. Of a folder all files in sorted
order, or, where it holds none, those of its folder `data`, as sets of the hub lie. A row that cannot be decoded is an
error of that row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from awpo_verl.workbench.files import rollout_files
from awpo_verl.workbench.files.json_files import FileError, Record, is_list, json_rows

SUFFIXES = (".json", ".jsonl", ".parquet")
_NOT_ROWS = (
    "dataset_info.json",
    "dataset_infos.json",
    "dataset_dict.json",
    "state.json",
    "report.json",
    "dropped.jsonl",
)
_NO_QUESTIONS = "_format_sensitivity.json"  # of BFCL: ids of the other files' questions
_HUB_ID = re.compile(r"[\w.-]{1,96}(/[\w.-]{1,96})?")


def records(path: Path) -> Iterator[Record]:
    """The rows of a file or a folder. Raises FileError."""
    for file in files_of(path):
        yield from records_of(file)


def files_of(path: Path) -> list[Path]:
    """The file, or those of the folder, sorted. Raises FileError."""
    if not path.is_dir():
        if not path.is_file():
            raise FileError(f"{path}: no such file or folder.")
        if path.suffix.lower() not in SUFFIXES:
            raise FileError(f"{path}: {path.suffix or 'a file without suffix'} is not read; use {', '.join(SUFFIXES)}.")
        return [path]
    for folder in (path, path / "data"):
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        found = [file for file in found if _has_rows(file)]
        if found:
            return found
    raise FileError(f"{path}: a folder without {', '.join(SUFFIXES)} files.")


def _has_rows(file: Path) -> bool:
    """Whether a file of a folder is one of rows."""
    beside = file.name in _NOT_ROWS or file.name.endswith(_NO_QUESTIONS) or file.name[0] == "."
    return file.is_file() and file.suffix.lower() in SUFFIXES and not beside


def records_of(file: Path) -> Iterator[Record]:
    """The rows of one file. Raises FileError."""
    if file.stat().st_size == 0:
        return
    if file.suffix.lower() == ".json" or (file.suffix.lower() == ".jsonl" and is_list(file)):
        yield from json_rows(file)
    else:
        yield from rollout_files.records(file)


def hub_records(source: str, split: str = "") -> Iterator[Record]:
    """The rows of a set of the hub, through `datasets`.

    Args:
        split: "" = all, one after another.

    Raises:
        FileError: there is no such set, nor such a path.
    """
    neither = f"{source}: no such file or folder"
    if not _HUB_ID.fullmatch(source) or source.endswith(SUFFIXES):  # a mistyped file is not looked for on the hub
        raise FileError(f"{neither}, and no id of the hub's (owner/name).")
    try:
        loaded = load(source)
    except (OSError, ValueError, RuntimeError) as error:
        message = " ".join(str(error).split())[:300]
        raise FileError(f"{neither}, and as a set of the hub it could not be loaded: {message}") from error
    parts = dict(loaded.items()) if hasattr(loaded, "items") else {"train": loaded}
    if split and split not in parts:
        raise FileError(f"{source}: no split {split!r}; it has {', '.join(map(str, parts))}.")
    for name in [split] if split else list(parts):
        for number, row in enumerate(parts[name], 1):
            yield Record(f"{source}/{name}:{number}", lambda row=row: row)


def load(source: str) -> Any:
    """A set of the hub, or of a folder that `datasets` reads."""
    from datasets import load_dataset

    return load_dataset(source)
