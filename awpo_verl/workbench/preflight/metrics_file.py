"""The metrics file of verl's `file` logger, which starts it anew with each run, even with one that resumes.

(verl 0.9.1, utils/tracking.py, FileLogger.)
"""

from __future__ import annotations

import os
from itertools import count, takewhile
from pathlib import Path

VARIABLE = "VERL_FILE_LOGGER_PATH"


def move_earlier_file() -> Path | None:
    """Make the file's folder, and move what an earlier run has written out of the way, to metrics.1.jsonl.

    Returns:
        Where the earlier file is now, None where there was none, or the variable is not set.
    """
    given = os.environ.get(VARIABLE)
    if not given:
        return None
    path = Path(given)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or not path.stat().st_size:
        return None
    number = 1
    while (earlier := path.with_name(f"{path.stem}.{number}{path.suffix}")).exists():
        number += 1
    path.rename(earlier)
    return earlier


def list_parts(path: Path) -> list[Path]:
    """The files of a run and of those that it resumed, the oldest first.

    Numbered from 1 without a gap, as make_room does: lr1.5.jsonl is an experiment of its own beside lr1.jsonl.
    """
    found = {_number(path, other): other for other in path.parent.glob(f"{path.stem}.*{path.suffix}")}
    numbered = [found[number] for number in takewhile(found.__contains__, count(1))]
    return [*numbered, *([path] if path.exists() else [])]


def _number(path: Path, other: Path) -> int:
    middle = other.name[len(path.stem) + 1 : -len(path.suffix)]
    return int(middle) if middle.isdigit() else 0
