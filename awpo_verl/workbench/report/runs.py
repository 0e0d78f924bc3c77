"""Read a training run from what the command line gives: a folder, or a log in one of verl's forms."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from awpo_verl.workbench.preflight.metrics_file import list_parts
from awpo_verl.workbench.report.curves import Curve
from awpo_verl.workbench.report.dumps import find_dumps
from awpo_verl.workbench.report.metrics import EVENTS, Log, RunError, is_jsonl, read_console, read_events, read_jsonl

METRICS = "metrics.jsonl"
FORMS = (
    "a run folder (with metrics.jsonl), verl's metrics.jsonl (trainer.logger has `file`), a tensorboard event file "
    "or folder (`tensorboard`), or the log of a run's console (`console`)"
)
Keep = Callable[[str], bool]


@dataclass(frozen=True)
class TrainingRun:
    """A training run: its name, its metrics, and the dumps in its folder.

    Attributes:
        path: the given path.
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
        """When its metrics were last written, in seconds since the epoch."""
        return max(file.stat().st_mtime for file in self.log.files)


def read_runs(paths: Sequence[Path], names: Sequence[str] = (), keep: Keep = lambda metric: True) -> list[TrainingRun]:
    """Read several runs. Without names, each is named after its folder, with enough of the path to be unique.

    Raises:
        RunError: one cannot be read or has no metrics, or the number of names is not the number of runs.
        OSError: a file cannot be opened.
    """
    if names and len(names) != len(paths):
        raise RunError(f"{len(names)} --name for {len(paths)} runs: give one for each run, in the same order, or none.")
    run_names = list(names) or name_runs(paths)
    if len(set(run_names)) < len(run_names):
        twice = next(name for name in run_names if run_names.count(name) > 1)
        raise RunError(f"two runs have the name {twice!r}: give each run once, and each --name once.")
    return [read_run(path, name, keep) for path, name in zip(paths, run_names, strict=True)]


def name_runs(paths: Sequence[Path]) -> list[str]:
    """Short names: the name of the folder, or of the file if that says more. Equal names get a folder above."""
    full = [_naming_path(Path(os.path.abspath(path))) for path in paths]
    names = [path.name or str(path) for path in full]
    return [
        _make_unique(path, [p for p, n in zip(full, names, strict=True) if n == name])
        for path, name in zip(full, names, strict=True)
    ]


def _naming_path(path: Path) -> Path:
    if not path.is_file():
        return path
    return path.parent if path.stem in {"metrics", "train"} or EVENTS in path.name else path.with_suffix("")


def _make_unique(path: Path, same: Sequence[Path]) -> str:
    """The path's name, with the nearest folder above that only this one of `same` has."""
    name = path.name or str(path)
    if len(same) == 1:
        return name
    for depth in range(2, len(path.parts) + 1):
        folder = path.parts[-depth]
        if [other.parts[-depth : 1 - depth] for other in same].count((folder,)) == 1:
            return f"{folder}/{name}" if depth == 2 else f"{folder}/.../{name}"
    return str(path)


def read_run(path: Path, name: str = "", keep: Keep = lambda metric: True) -> TrainingRun:
    """Read one run.

    Raises:
        RunError, OSError: as `read_runs`.
    """
    if not path.exists():
        raise RunError(f"{path}: no such file or folder. Give {FORMS}.")
    name = name or name_runs([path])[0]
    if path.is_dir():
        dumps = find_dumps(path / "validation"), find_dumps(path / "rollouts")
        return TrainingRun(name, path, _read_folder(path, keep), *dumps)
    return TrainingRun(name, path, _read_file(path, keep))


def _read_folder(folder: Path, keep: Keep) -> Log:
    """The log of a folder, in the first form that has metrics."""
    tried: list[Path] = []
    for find in (_find_metrics_files, _find_event_folders, _find_console_logs):
        found = find(folder)
        tried += found
        logs = [log for path in found if (log := _read_log(path, keep)).curves]
        if len(logs) > 1:
            which = ", ".join(str(log.files[0]) for log in logs[:8])
            raise RunError(f"{folder}: the folder has metrics of {len(logs)} runs: {which}. Give the ones you want.")
        if logs:
            return logs[0]
    if tried:
        raise RunError(
            f"{folder}: no step in {', '.join(map(str, tried[:4]))}: the run has not finished a step yet, or it "
            f"stopped before its first. Look at its console output."
        )
    runs = sorted(inner.parent for inner in folder.glob(f"*/{METRICS}"))
    if runs:
        raise RunError(f"{folder}: a folder of runs. Give the ones you want: {' '.join(map(str, runs[:8]))}")
    raise RunError(f"{folder}: a folder without metrics. Give {FORMS}.")


def _find_metrics_files(folder: Path) -> list[Path]:
    """metrics.jsonl; else the <experiment>.jsonl that verl writes by default."""
    if list_parts(folder / METRICS):
        return [folder / METRICS]
    found = sorted(path for path in folder.glob("*.jsonl") if path.is_file() and is_jsonl(path))
    earlier = {part for path in found for part in list_parts(path)[:-1]}
    return [path for path in found if path not in earlier]


def _find_event_folders(folder: Path) -> list[Path]:
    return sorted({file.parent for file in folder.rglob(f"*{EVENTS}*") if file.is_file()})


def _find_console_logs(folder: Path) -> list[Path]:
    train = folder / "train.log"
    return [train] if train.is_file() else sorted(path for path in folder.glob("*.log") if path.is_file())


def _read_file(path: Path, keep: Keep) -> Log:
    if not path.stat().st_size and not list_parts(path)[:-1]:
        raise RunError(f"{path}: the file is empty. Give {FORMS}.")
    log = _read_log(path, keep)
    if not log.curves:
        what = "no event has a scalar" if log.form == "tensorboard" else "no line has metrics of verl"
        raise RunError(f"{path}: {what}. Give {FORMS}.")
    return log


def _read_log(path: Path, keep: Keep) -> Log:
    """One log; its content tells its form. It has no curves if nothing in it can be read."""
    if path.is_dir() or EVENTS in path.name:
        return read_events(path, keep)
    if path.name == METRICS or path.suffix == ".jsonl" or is_jsonl(path):
        return read_jsonl(path, keep)
    with path.open("rb") as file:
        if b"\0" in file.read(4096):
            raise RunError(f"{path}: a binary file of an unknown kind. Give {FORMS}.")
    return read_console(path, keep)
