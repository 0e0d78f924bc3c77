"""`awpo-verl prepare`: write a public set of tool calls as verl's parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from awpo_verl.workbench.cli.messages import print_message, refuse
from awpo_verl.workbench.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from awpo_verl.workbench.data.counts import PrepareCounts
    from awpo_verl.workbench.files.json_files import FileRow


def _option(help: str) -> typer.models.OptionInfo:
    return typer.Option(help=help)


def prepare(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="SET", help="toolace, xlam, rlla, bfcl, or jsonl (your own).")],
    out: Annotated[Path, _option("Folder for train.parquet, heldout.parquet and the files that docs/data.md names.")],
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A file or folder (json, jsonl, parquet), or the id of a data set on the hub.",
            show_default=False,
        ),
    ] = "",
    prompt: Annotated[str, _option("hermes: Qwen's template for tools. source: the set's own prompt.")] = "hermes",
    think: Annotated[bool, _option("Ask the model to think inside <think></think> first.")] = False,
    turns: Annotated[str, _option("Turns of a conversation to keep: all, or the first or last with calls.")] = "all",
    no_call: Annotated[float, _option("Largest share of rows that expect no call. 0: none.")] = 0.2,
    schema_mismatch: Annotated[
        str, _option("Calls that break their schema: fix (drop what cannot be fixed), drop, or keep.")
    ] = "fix",
    conflicts: Annotated[str, _option("One prompt with different answers: drop all, or keep the first.")] = "drop",
    mask_names: Annotated[float, _option("Share of rows whose tools get random names.")] = 0.0,
    irrelevant: Annotated[float, _option("Share of rows that lose the tools they would call.")] = 0.0,
    eval_set: Annotated[
        list[Path] | None,
        _option("Drop every prompt that is in this evaluation set: parquet, BFCL's files or JSONL. Repeatable."),
    ] = None,
    ngram: Annotated[int, _option("This many equal words in a row count as overlap with --eval-set. 0: off.")] = 13,
    heldout: Annotated[float, _option("Share of questions that go to heldout.parquet.")] = 0.02,
    limit: Annotated[int, _option("Largest number of rows, chosen by --seed. 0: all.")] = 0,
    seed: Annotated[int, _option("Seed of every random choice.")] = 0,
    tokenizer: Annotated[str, _option("Count the prompts' tokens with this tokenizer.")] = "",
    max_prompt_tokens: Annotated[int, _option("Drop longer prompts; needs --tokenizer. 0: off.")] = 0,
    max_broken: Annotated[float, _option("Stop if a larger share of the rows is not in the set's form.")] = 0.1,
    split: Annotated[str, _option("Split of a data set on the hub. Default: all splits.")] = "",
) -> None:
    """Write a public set of tool calls as verl's parquet, with expected calls that the awpo rewards check.

    Dropped rows are counted and listed. Exit code 2 if the source or an option is wrong; then nothing is written.
    """
    from rich.console import Console

    from awpo_verl.workbench.data.options import OptionError, PrepareOptions
    from awpo_verl.workbench.data.pipeline import PrepareError, prepare_files
    from awpo_verl.workbench.files.json_files import FileError

    if not source:
        raise refuse(
            f"SOURCE is missing: a file, a folder, or a data set on the hub. awpo-verl prepare {name} SOURCE --out ..."
        )
    try:
        options = PrepareOptions.from_mapping(context.params)
        counts = prepare_files(name, source, out, options, _show_progress)
    except (OptionError, FileError, PrepareError, OSError) as error:
        raise refuse(error) from None
    console = Console()
    _print_kept(console, counts)
    _print_dropped(console, counts)
    print_message(console, f"written: {out}/train.parquet, heldout.parquet, report.json, dropped.jsonl")
    for empty in counts.empty_splits:
        print_message(console, f"{empty}.parquet has no rows, and verl cannot load it. --heldout is {heldout:g}.")


def _show_progress(rows: Iterable[FileRow]) -> Iterable[FileRow]:
    """A progress bar on stderr around the rows."""
    from rich.console import Console
    from rich.progress import track

    return track(rows, description="preparing", console=Console(stderr=True), transient=True)


def _print_kept(console: Console, counts: PrepareCounts) -> None:
    from rich.table import Table
    from rich.text import Text

    from awpo_verl.workbench.data.splits import SPLITS
    from awpo_verl.workbench.data.verl_rows import DIFFICULTIES

    stated = {difficulty for _, difficulty in counts.kept}
    difficulties = [*DIFFICULTIES, *sorted(stated - set(DIFFICULTIES))]
    table = Table(title=f"Kept: {counts.total} of {counts.samples} samples in {counts.rows} rows")
    for column in ("split", *map(printable, difficulties), "all"):
        table.add_column(Text(column), justify="left" if column == "split" else "right")
    for split in SPLITS:
        cells = [counts.kept[split, difficulty] for difficulty in difficulties]
        table.add_row(split, *map(str, cells), str(sum(cells)))
    console.print(table)
    lengths = ", ".join(f"{q}: {length}" for q, length in counts.length_quantiles().items())
    facts = [
        f"several calls {counts.several_calls:.1%}, no call {counts.no_call:.1%}",
        f"prompt length in {counts.unit}, quantiles: {lengths}",
    ]
    if counts.fixed:
        facts.append(f"{counts.fixed} rows accept more than one value of an argument")
    if counts.changes:
        facts.append("changed: " + ", ".join(f"{n} {change}" for change, n in sorted(counts.changes.items())))
    for fact in facts:
        print_message(console, fact)


def _print_dropped(console: Console, counts: PrepareCounts) -> None:
    from rich.table import Table
    from rich.text import Text

    if not counts.dropped:
        return
    table = Table(title="Dropped", show_lines=True)
    for column in ("reason", "samples", "for instance"):
        table.add_column(column, justify="right" if column == "samples" else "left")
    for reason, count in counts.dropped.most_common():
        example = counts.examples[reason]
        table.add_row(reason, str(count), Text(printable(f"{example.where}  {example.detail}"[:300])))
    console.print(table)
