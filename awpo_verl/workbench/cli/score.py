"""`awpo-verl score`: check the outcome of rollouts in files, and score their thinking with the rubric."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from awpo_verl.workbench.cli.messages import print_error, print_message, refuse
from awpo_verl.workbench.cli.options import Rollouts
from awpo_verl.workbench.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

    from awpo_verl.workbench.score import CategoryScores, ScoreReport

COLUMNS = {  # part -> column title; with category and rows they fit into 80 columns
    "outcome": "outcome",
    "exact": "exact",
    "graded": "graded",
    "name_score": "name",
    "key_score": "key",
    "value_score": "value",
    "format_ok": "format",
    "schema_ok": "schema",
    "n_calls": "calls",
}
MAX_FAILURES = 8  # kinds of failure that a table shows


def score(
    path: Rollouts,
    format: Annotated[str, typer.Option(help="algorithm.awpo.outcome.format")] = "auto",
    match: Annotated[str, typer.Option(help="algorithm.awpo.outcome.match")] = "exact",
    strings: Annotated[str, typer.Option(help="algorithm.awpo.outcome.strings")] = "strict",
    out: Annotated[Path, typer.Option(help="JSONL file for each row's reward parts.")] = Path("parts.jsonl"),
) -> None:
    """Score rollouts offline: a table by category, and the commonest failures with an example of each.

    Exit code 1 if rows could not be read or scored (they are counted, the first is shown), 2 if a file could not be
    read.
    """
    import json

    from rich.console import Console
    from rich.progress import track

    from awpo_verl.config import AWPOConfigError, parse
    from awpo_verl.rewards.outcome.formats import check_name
    from awpo_verl.workbench.files.json_files import FileError
    from awpo_verl.workbench.files.output_files import refuse_to_overwrite, written_whole
    from awpo_verl.workbench.files.rollout_files import read_rows
    from awpo_verl.workbench.score import ScoreReport, score_rows

    console = Console()
    report = ScoreReport()
    try:
        config = parse({"outcome": {"format": format, "match": match, "strings": strings}}).outcome
        check_name(format)
        refuse_to_overwrite(out, path)
        with written_whole(out) as written:
            rows = track(read_rows(path), description="scoring", console=Console(stderr=True), transient=True)
            for scored in score_rows(rows, config, report):
                written.write(json.dumps(scored) + "\n")
    except (AWPOConfigError, FileError, OSError) as error:
        raise refuse(error) from None

    _print_scores(console, report.categories)
    _print_failures(console, report.categories)
    _print_remarks(console, report)
    print_message(console, f"parts of each row: {out}")
    if report.broken:
        print_error(f"{report.broken} rows could not be scored. The first: {report.first_broken}")
        raise typer.Exit(1)


def _print_remarks(console: Console, report: ScoreReport) -> None:
    """What the tables leave out: scores that differ from the run's, and rows that no checker knows."""
    remarks: list[str] = []
    if report.differing:
        remarks.append(
            f"{report.differing} of {report.recorded} recorded scores differ; the first: "
            f"{report.first_differing}. The run used other scoring settings."
        )
    unchecked = sum(summary.rows - summary.checked for summary in report.categories.values())
    if unchecked:
        remarks.append(f"{unchecked} rows have a ground truth that no built-in checker knows: not checked.")
    for remark in remarks:
        print_message(console, remark, style="yellow")


def _print_scores(console: Console, summaries: dict[str, CategoryScores]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Scores: means over the checked rows", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("category", overflow="fold")
    some_unchecked = any(summary.checked < summary.rows for summary in summaries.values())
    for name in ("rows", *(["checked"] if some_unchecked else []), *COLUMNS.values()):
        table.add_column(name, justify="right", no_wrap=True)
    for category, summary in sorted(summaries.items()):
        counts = [summary.rows, summary.checked] if some_unchecked else [summary.rows]
        means = [f"{summary.mean(part):.3f}" for part in COLUMNS]
        table.add_row(Text(printable(category)), *map(str, counts), *means)
    console.print(table)


def _print_failures(console: Console, summaries: dict[str, CategoryScores]) -> None:
    from rich.table import Table
    from rich.text import Text

    for category, summary in sorted(summaries.items()):
        if not summary.failures:
            continue
        table = Table(title=Text(f"Commonest failures: {printable(category)}"), show_lines=True)
        for name in ("failure", "rows", "share", "for instance"):
            table.add_column(name)
        commonest = sorted(summary.failures.items(), key=lambda item: -item[1].count)
        for kind, failure in commonest[:MAX_FAILURES]:
            example = Text(f"{printable(failure.where)}  {printable(failure.detail)}\n{printable(failure.response)}")
            table.add_row(Text(printable(kind)), str(failure.count), f"{failure.count / summary.checked:.1%}", example)
        console.print(table)
        if len(commonest) > MAX_FAILURES:
            print_message(console, f"and {len(commonest) - MAX_FAILURES} rarer kinds (--out has them all)")
