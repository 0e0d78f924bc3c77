"""A run as it is given on the command line: which form it has, and what lies in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from awpo_verl.workbench.preflight.metrics_file import list_parts
from awpo_verl.workbench.report.curves import Curve
from awpo_verl.workbench.report.dumps import dump_files
from awpo_verl.workbench.report.metrics import EVENTS, Log, RunError, is_jsonl, read_console, read_events, read_jsonl

METRICS = "metrics.jsonl"
FORMS = (
    "a run folder (with metrics.jsonl), verl's metrics.jsonl (trainer.logger has `file`), a tensorboard event file "
    "or folder (`tensorboard`), or the log of a run's console (`console`)"
)
Keep = Callable[[str], bool]


@dataclass(frozen=True)
class Run:
    """A run: its name, its metrics, and the dumps that lie in its folder.

    Attributes:
        path: what was given.
        validation, rollouts: step -> <step>.jsonl of trainer.validation_data_dir and trainer.rollout_data_dir.
    """

    name: str
    path: Path
    log: Log
    validation: dict[int, Path] = field(default_factory=dict[int, Path])
    rollouts: dict[int, Path] = field(default_factory=dict[int, Path])

    @property
    def curves(self) -> dict[str, Curve]:
        return self.log.curves

    @property
    def last_step(self) -> int:
        return max(int(max(*curve.steps[-1:], *curve.gaps[-1:], 0)) for curve in self.curves.values())

    @property
    def written(self) -> float:
        """When its metrics were written last, in seconds since the epoch."""
        return max(file.stat().st_mtime for file in self.log.files)


def read_runs(paths: Sequence[Path], names: Sequence[str] = (), keep: Keep = lambda metric: True) -> list[Run]:
    """Read every run. Without names they are called by their folders, with as much of the path as tells them apart.

    Raises:
        RunError: one cannot be read, has no metrics, or there are not as many names as runs.
        OSError: a file cannot be opened.
    """
    if names and len(names) != len(paths):
        raise RunError(f"{len(names)} --name for {len(paths)} runs: give one for each, in their order, or none.")
    labels = list(names) or label(paths)
    if len(set(labels)) < len(labels):
        twice = next(name for name in labels if labels.count(name) > 1)
        raise RunError(f"two runs are called {twice!r}: give each run once, and each --name once.")
    return [read_run(path, name, keep) for path, name in zip(paths, labels, strict=True)]


def label(paths: Sequence[Path]) -> list[str]:
    """Short names: the folder's, or the file's where that says more; with a folder above where two are equal."""
    full = [_named_by(Path(os.path.abspath(path))) for path in paths]
    names = [path.name or str(path) for path in full]
    return [
        _distinct(path, [p for p, n in zip(full, names, strict=True) if n == name])
        for path, name in zip(full, names, strict=True)
    ]


def _named_by(path: Path) -> Path:
    if not path.is_file():
        return path
    return path.parent if path.stem in {"metrics", "train"} or EVENTS in path.name else path.with_suffix("")


def _distinct(path: Path, same: Sequence[Path]) -> str:
    """The path's name, after the nearest folder above that only this one of `same` has."""
    name = path.name or str(path)
    if len(same) == 1:
        return name
    for depth in range(2, len(path.parts) + 1):
        folder = path.parts[-depth]
        if [other.parts[-depth : 1 - depth] for other in same].count((folder,)) == 1:
            return f"{folder}/{name}" if depth == 2 else f"{folder}/.../{name}"
    return str(path)


def read_run(path: Path, name: str = "", keep: Keep = lambda metric: True) -> Run:
    """Read one run.

    Raises:
        RunError, OSError: as `read_runs`.
    """
    if not path.exists():
        raise RunError(f"{path}: no such file or folder; give {FORMS}.")
    name = name or label([path])[0]
    if path.is_dir():
        dumps = dump_files(path / "validation"), dump_files(path / "rollouts")
        return Run(name, path, _read_folder(path, keep), *dumps)
    return Run(name, path, _read_file(path, keep))


def _read_folder(folder: Path, keep: Keep) -> Log:
    """The first form in a folder that has metrics."""
    tried: list[Path] = []
    for find in (_metrics_files, _event_folders, _console_logs):
        found = find(folder)
        tried += found
        logs = [log for path in found if (log := _read(path, keep)).curves]
        if len(logs) > 1:
            which = ", ".join(str(log.files[0]) for log in logs[:8])
            raise RunError(f"{folder}: metrics of {len(logs)} runs lie here: {which}. Name the ones you want.")
        if logs:
            return logs[0]
    if tried:
        raise RunError(
            f"{folder}: no step in {', '.join(map(str, tried[:4]))}: the run has not finished a step yet, or it "
            f"stopped before one. Its console's output says which."
        )
    runs = sorted(inner.parent for inner in folder.glob(f"*/{METRICS}"))
    if runs:
        raise RunError(f"{folder}: a folder of runs; name the ones you want: {' '.join(map(str, runs[:8]))}")
    raise RunError(f"{folder}: a folder without metrics; give {FORMS}.")


def _metrics_files(folder: Path) -> list[Path]:
    """metrics.jsonl; else verl's own <experiment>.jsonl."""
    if list_parts(folder / METRICS):
        return [folder / METRICS]
    found = sorted(path for path in folder.glob("*.jsonl") if path.is_file() and is_jsonl(path))
    earlier = {part for path in found for part in list_parts(path)[:-1]}
    return [path for path in found if path not in earlier]


def _event_folders(folder: Path) -> list[Path]:
    return sorted({file.parent for file in folder.rglob(f"*{EVENTS}*") if file.is_file()})


def _console_logs(folder: Path) -> list[Path]:
    train = folder / "train.log"
    return [train] if train.is_file() else sorted(path for path in folder.glob("*.log") if path.is_file())


def _read_file(path: Path, keep: Keep) -> Log:
    if not path.stat().st_size and not list_parts(path)[:-1]:
        raise RunError(f"{path}: the file is empty: nothing has been logged yet. Give {FORMS}.")
    log = _read(path, keep)
    if not log.curves:
        what = "no event has a scalar" if log.form == "tensorboard" else "no line is one of verl's metrics"
        raise RunError(f"{path}: {what}; give {FORMS}.")
    return log


def _read(path: Path, keep: Keep) -> Log:
    """One log, its form told by its content. Without any curve where it has none that can be read."""
    if path.is_dir() or EVENTS in path.name:
        return read_events(path, keep)
    if path.name == METRICS or path.suffix == ".jsonl" or is_jsonl(path):
        return read_jsonl(path, keep)
    with path.open("rb") as file:
        if b"\0" in file.read(4096):
            raise RunError(f"{path}: a binary file of a kind that is not read; give {FORMS}.")
    return read_console(path, keep)
