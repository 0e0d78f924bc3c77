"""Keep the metrics file of an earlier run: verl's `file` logger overwrites it, even in a run that resumes.

See FileLogger in utils/tracking.py of verl 0.9.1.
"""

from __future__ import annotations

import os
from itertools import count, takewhile
from pathlib import Path

VARIABLE = "VERL_FILE_LOGGER_PATH"


def move_earlier_file() -> Path | None:
    """Make the file's folder, and move an earlier run's file to metrics.1.jsonl, metrics.2.jsonl, ...

    Returns:
        The new path of the earlier file; None if there was none, or the variable is not set.
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
    """The files of a run and of the runs that it resumed, the oldest first.

    Their numbers start at 1 and have no gap, so lr1.5.jsonl beside lr1.jsonl is an experiment of its own.
    """
    found = {_number(path, other): other for other in path.parent.glob(f"{path.stem}.*{path.suffix}")}
    numbered = [found[number] for number in takewhile(found.__contains__, count(1))]
    return [*numbered, *([path] if path.exists() else [])]


def _number(path: Path, other: Path) -> int:
    middle = other.name[len(path.stem) + 1 : -len(path.suffix)]
    return int(middle) if middle.isdigit() else 0
