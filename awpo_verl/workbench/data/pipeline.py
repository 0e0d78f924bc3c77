"""Prepare a source as the files of a data set: read, check, deduplicate, change, choose, write.

Rows are streamed. Samples that pass are written to a temporary file, with a small entry in memory for each, because
conflicts, the share of rows without a call and the limit depend on all of them. Every choice is made by a hash of the
seed and the row's id, so the same input, options and seed give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from awpo_verl.workbench.data import sources
from awpo_verl.workbench.data.counts import PrepareCounts
from awpo_verl.workbench.data.options import OptionError, PrepareOptions
from awpo_verl.workbench.data.preparation import Preparation
from awpo_verl.workbench.data.public_sets import SETS, PublicSet, guess_sets
from awpo_verl.workbench.data.splits import SPLITS
from awpo_verl.workbench.data.verl_rows import DROPPED, FILES, REPORT, staged, write_parquet
from awpo_verl.workbench.files.json_files import FileError, FileRow

FIRST_ROWS = 20  # if all of them are broken, the source is another set


class PrepareError(ValueError):
    """The source as a whole cannot be prepared. The message says why, and what to do."""


def prepare_files(
    name: str,
    source: str,
    out: Path,
    options: PrepareOptions,
    progress: Callable[[Iterable[FileRow]], Iterable[FileRow]] = lambda rows: rows,
) -> PrepareCounts:
    """Prepare a source and write `out`'s FILES, all or none.

    Args:
        name: of the set, a key of SETS.
        source: a path, or the id of a data set on the hub.
        progress: wraps the rows, to show the progress.

    Raises:
        OptionError, FileError, PrepareError, OSError: nothing is written.
    """
    options.check_for_set(name)
    _refuse_to_overwrite(out, [source, *options.eval_set])
    with staged(out) as stage:
        waiting = stage / "rows"
        with waiting.open("w", encoding="utf-8") as rows, (stage / DROPPED).open("w") as dropped:
            run = Preparation(SETS[name], options, rows, dropped)
            for row in progress(_read_rows(SETS[name], source, options.split)):
                run.add_row(row)
                if run.counts.rows == run.counts.broken == FIRST_ROWS:
                    raise PrepareError(_describe_other_form(run, name, source))
            if run.counts.broken > options.max_broken * run.counts.rows:
                raise PrepareError(_describe_other_form(run, name, source))
            run.choose_rows()
        for split in SPLITS:
            write_parquet(stage / f"{split}.parquet", run.read_kept(waiting, split))
        if not run.counts.total:
            raise PrepareError(_describe_empty(run.counts, source))
        given = {"set": name, "source": source, **asdict(options)}
        text = json.dumps(run.counts.as_json(given), indent=2, ensure_ascii=False)
        (stage / REPORT).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
        waiting.unlink()
    return run.counts


def _read_rows(public_set: PublicSet, source: str, split: str) -> Iterable[FileRow]:
    if not Path(source).exists():
        return sources.read_hub_rows(source, split)
    if split:
        raise OptionError(
            f"--split {split} works for a data set on the hub; {source} is a file or folder. Name a file."
        )
    return public_set.read_rows(Path(source))


def _refuse_to_overwrite(out: Path, given: list[str]) -> None:
    """Raises FileError if a file that is read would be replaced."""
    for source in map(Path, given):
        read = sources.find_files(source) if source.exists() else []
        for target in (out / name for name in FILES):
            if target.exists() and any(target.samefile(file) for file in read):
                raise FileError(f"--out={out} has {target.name}, which is read; use another folder.")


def _describe_other_form(run: Preparation, name: str, source: str) -> str:
    """The message if too many rows are broken."""
    counts = run.counts
    which = "All" if counts.broken == counts.rows else f"{counts.broken} of"
    message = (
        f"{which} {counts.rows} rows of {source} are not in the form of {name} (--max-broken "
        f"{run.options.max_broken:g}). The first: {run.first_broken}."
    )
    others = [other for other in guess_sets(run.first_broken_row) if other != name]
    if others:
        message += f" It looks like {' or '.join(others)}: awpo-verl prepare {others[0]} {source}"
    return message


def _describe_empty(counts: PrepareCounts, source: str) -> str:
    """The message if no row is kept."""
    if not counts.rows:
        return f"{source}: it has no rows."
    reasons = (f"{n} {reason} ({_show_example(counts, reason)})" for reason, n in counts.dropped.most_common(5))
    return f"{source}: none of {counts.rows} rows is kept: {'; '.join(reasons)}."


def _show_example(counts: PrepareCounts, reason: str) -> str:
    example = counts.examples[reason]
    return f"{example.where}: {example.detail}"[:160] if example.detail else example.where
