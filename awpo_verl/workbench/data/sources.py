"""Read the rows of a source: a file, a folder of files, or a data set on the hub.

JSON (a list of objects, read piece by piece, or one object per line), JSONL and parquet. All files of a folder are read
in sorted order; a folder without such files is read from its folder `data`, as data sets of the hub are stored. A row
that cannot be decoded is an error of that row only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from awpo_verl.workbench.files import rollout_files
from awpo_verl.workbench.files.json_files import FileError, FileRow, holds_json_list, read_json_rows

SUFFIXES = (".json", ".jsonl", ".parquet")
_NOT_ROWS = (
    "dataset_info.json",
    "dataset_infos.json",
    "dataset_dict.json",
    "state.json",
    "report.json",
    "dropped.jsonl",
)
_NO_QUESTIONS = "_format_sensitivity.json"  # BFCL's list of ids of questions in its other files
_HUB_ID = re.compile(r"[\w.-]{1,96}(/[\w.-]{1,96})?")


def read_rows(path: Path) -> Iterator[FileRow]:
    """The rows of a file or a folder. Raises FileError."""
    for file in find_files(path):
        yield from read_file_rows(file)


def find_files(path: Path) -> list[Path]:
    """The file, or the sorted files of the folder. Raises FileError."""
    if not path.is_dir():
        if not path.is_file():
            raise FileError(f"{path}: no such file or folder.")
        if path.suffix.lower() not in SUFFIXES:
            raise FileError(
                f"{path}: {path.suffix or 'a file without suffix'} cannot be read; use {', '.join(SUFFIXES)}."
            )
        return [path]
    for folder in (path, path / "data"):
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        found = [file for file in found if _has_rows(file)]
        if found:
            return found
    raise FileError(f"{path}: a folder without {', '.join(SUFFIXES)} files.")


def _has_rows(file: Path) -> bool:
    """Whether a file of a folder holds rows."""
    beside = file.name in _NOT_ROWS or file.name.endswith(_NO_QUESTIONS) or file.name[0] == "."
    return file.is_file() and file.suffix.lower() in SUFFIXES and not beside


def read_file_rows(file: Path) -> Iterator[FileRow]:
    """The rows of one file. Raises FileError."""
    if file.stat().st_size == 0:
        return
    if file.suffix.lower() == ".json" or (file.suffix.lower() == ".jsonl" and holds_json_list(file)):
        yield from read_json_rows(file)
    else:
        yield from rollout_files.read_rows(file)


def read_hub_rows(source: str, split: str = "") -> Iterator[FileRow]:
    """The rows of a data set on the hub, through `datasets`.

    Args:
        split: the split to read; "" reads all splits, one after another.

    Raises:
        FileError: there is no such data set.
    """
    neither = f"{source}: no such file or folder"
    if not _HUB_ID.fullmatch(source) or source.endswith(SUFFIXES):  # a mistyped file name is not sent to the hub
        raise FileError(f"{neither}, and not the id of a data set on the hub (owner/name).")
    try:
        loaded = load_hub_dataset(source)
    except (OSError, ValueError, RuntimeError) as error:
        message = " ".join(str(error).split())[:300]
        raise FileError(f"{neither}, and it could not be loaded from the hub: {message}") from error
    parts = dict(loaded.items()) if hasattr(loaded, "items") else {"train": loaded}
    if split and split not in parts:
        raise FileError(f"{source}: no split {split!r}; it has {', '.join(map(str, parts))}.")
    for name in [split] if split else list(parts):
        for number, row in enumerate(parts[name], 1):
            yield FileRow(f"{source}/{name}:{number}", lambda row=row: row)


def load_hub_dataset(source: str) -> Any:
    """Load a data set from the hub, or from a folder in a form of `datasets`."""
    from datasets import load_dataset

    return load_dataset(source)
