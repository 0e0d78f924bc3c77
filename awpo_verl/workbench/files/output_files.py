"""Writing results: whole or not at all, and never over the file that is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from awpo_verl.workbench.files.json_files import FileError
from awpo_verl.workbench.files.rollout_files import find_files, is_stream


@contextmanager
def written_whole(out: Path) -> Iterator[TextIO]:
    """A text file that becomes `out` at the end of the block. If the block raises, an earlier `out` stays as it was.

    Raises:
        FileError: the folder of `out` does not exist, or cannot be written.
    """
    if out.exists() and not out.is_file():  # /dev/null: there is nothing to keep or to replace
        with out.open("w", encoding="utf-8") as written:
            yield written
        return
    target = out.resolve()  # a link stays a link
    require_folder(out)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8") as written:
            yield written
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def require_folder(out: Path) -> None:
    """Raises FileError if the folder of `out` does not exist or cannot be written."""
    folder = out.resolve().parent
    if not folder.is_dir():
        raise FileError(f"--out={out}: there is no folder {out.parent}. Make it, or use another path.")
    if not os.access(folder, os.W_OK):
        raise FileError(f"--out={out}: the folder {out.parent} cannot be written. Use another path.")


def refuse_to_overwrite(out: Path, path: Path) -> None:
    """Raises FileError if writing `out` would change what is read from `path`."""
    if is_stream(path):
        return
    if path.is_dir() and out.resolve().is_relative_to(path.resolve()):
        raise FileError(f"--out={out} lies in {path}, the folder that is scored; use a path outside of it.")
    if out.exists() and any(out.samefile(file) for file in find_files(path)):
        raise FileError(f"--out={out} is a file that is scored; use another path, it would be overwritten.")
