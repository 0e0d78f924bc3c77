"""`awpo-verl prepare`: write a public set of tool calls as verl's parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from awpo_verl.workbench.cli.messages import refused, say
from awpo_verl.workbench.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

    from awpo_verl.workbench.data.counts import Report


def prepare(
    name: Annotated[str, typer.Argument(metavar="SET", help="toolace, xlam, rlla, bfcl, or jsonl (your own).")],
    out: Annotated[Path, typer.Option(help="Folder for train.parquet, heldout.parquet and what docs/data.md names.")],
    source: Annotated[
        str,
        typer.Argument(
            metavar="[SOURCE]",
            help="File or folder (json, jsonl, parquet), or a data set's id of the hub.",
            show_default=False,
        ),
    ] = "",
    prompt: Annotated[str, typer.Option(help="hermes: Qwen's template for tools. source: the set's own.")] = "hermes",
    think: Annotated[bool, typer.Option(help="Ask for thinking inside <think></think> first.")] = False,
    turns: Annotated[str, typer.Option(help="Of a conversation: all turns, the first or the last with calls.")] = "all",
    no_call: Annotated[float, typer.Option(help="Share of rows, at most, that expect no call; 0: none.")] = 0.2,
    schema_mismatch: Annotated[
        str, typer.Option(help="Calls that break their schema: fix what can be and drop the rest, drop, or keep.")
    ] = "fix",
    conflicts: Annotated[str, typer.Option(help="One prompt, several answers: drop all, or keep the first.")] = "drop",
    mask_names: Annotated[float, typer.Option(help="Share of rows whose tools get random names.")] = 0.0,
    irrelevant: Annotated[float, typer.Option(help="Share of rows that lose the tools they would call.")] = 0.0,
    eval_set: Annotated[
        list[Path] | None, typer.Option(help="What is in it is dropped; parquet, BFCL's files, JSONL. Repeatable.")
    ] = None,
    ngram: Annotated[int, typer.Option(help="Words in a row that make an overlap with --eval-set; 0: off.")] = 13,
    heldout: Annotated[float, typer.Option(help="Share of questions that go to heldout.parquet.")] = 0.02,
    limit: Annotated[int, typer.Option(help="Rows, at most, chosen by --seed; 0: all.")] = 0,
    seed: Annotated[int, typer.Option(help="Of every choice.")] = 0,
    tokenizer: Annotated[str, typer.Option(help="Count tokens of the prompts with this one.")] = "",
    max_prompt_tokens: Annotated[int, typer.Option(help="Drop longer prompts; needs --tokenizer; 0: off.")] = 0,
    max_broken: Annotated[float, typer.Option(help="Share of rows, at most, that are not in the set's form.")] = 0.1,
    split: Annotated[str, typer.Option(help="Of a set of the hub; all by default.")] = "",
) -> None:
    """Write a public set of tool calls as verl's parquet, with expected calls that the awpo rewards check.

    Exit code 2, and nothing written, where the source or an option is wrong. Dropped rows are counted and listed.
    """
    from rich.console import Console
    from rich.progress import track

    from awpo_verl.workbench.data.options import OptionError, Options
    from awpo_verl.workbench.data.pipeline import PrepareError
    from awpo_verl.workbench.data.pipeline import prepare as run
    from awpo_verl.workbench.files.json_files import FileError

    console = Console()
    if not source:
        raise refused(
            f"SOURCE is missing: a file, a folder, or a set of the hub. awpo-verl prepare {name} SOURCE --out ..."
        )
    try:
        options = Options(
            prompt=prompt,
            think=think,
            turns=turns,
            no_call=no_call,
            schema_mismatch=schema_mismatch,
            conflicts=conflicts,
            mask_names=mask_names,
            irrelevant=irrelevant,
            eval_set=tuple(map(str, eval_set or ())),
            ngram=ngram,
            heldout=heldout,
            limit=limit,
            seed=seed,
            tokenizer=tokenizer,
            max_prompt_tokens=max_prompt_tokens,
            max_broken=max_broken,
            split=split,
        )
        report = run(
            name,
            source,
            out,
            options,
            lambda records: track(
                records, description=f"preparing {name}", console=Console(stderr=True), transient=True
            ),
        )
    except (OptionError, FileError, PrepareError, OSError) as error:
        raise refused(error) from None
    _print_kept(console, report)
    _print_dropped(console, report)
    say(console, f"written: {out}/train.parquet, heldout.parquet, report.json, dropped.jsonl")
    for split in report.empty_splits:
        say(console, f"{split}.parquet has no rows, and verl cannot load it. --heldout is {heldout:g}.")


def _print_kept(console: Console, report: Report) -> None:
    from rich.table import Table
    from rich.text import Text

    from awpo_verl.workbench.data.splits import SPLITS
    from awpo_verl.workbench.data.verl_rows import DIFFICULTIES

    given = {difficulty for _, difficulty in report.kept}
    difficulties = [*DIFFICULTIES, *sorted(given - set(DIFFICULTIES))]
    table = Table(title=f"Kept: {report.total} of {report.samples} samples in {report.read} rows")
    for column in ("split", *map(printable, difficulties), "all"):
        table.add_column(Text(column), justify="left" if column == "split" else "right")
    for split in SPLITS:
        counts = [report.kept[split, difficulty] for difficulty in difficulties]
        table.add_row(split, *map(str, counts), str(sum(counts)))
    console.print(table)
    lengths = ", ".join(f"{q}: {length}" for q, length in report.quantiles().items())
    facts = [
        f"several calls {report.several_calls:.1%}, no call {report.no_call:.1%}",
        f"prompt length in {report.unit}, quantiles: {lengths}",
    ]
    if report.fixed:
        facts.append(f"{report.fixed} rows accept more than one value of an argument")
    if report.changes:
        facts.append("changed: " + ", ".join(f"{n} {change}" for change, n in sorted(report.changes.items())))
    for fact in facts:
        say(console, fact)


def _print_dropped(console: Console, report: Report) -> None:
    from rich.table import Table
    from rich.text import Text

    if not report.dropped:
        return
    table = Table(title="Dropped", show_lines=True)
    for column in ("reason", "samples", "for instance"):
        table.add_column(column, justify="right" if column == "samples" else "left")
    for reason, count in report.dropped.most_common():
        example = report.examples[reason]
        table.add_row(reason, str(count), Text(printable(f"{example.where}  {example.detail}"[:300])))
    console.print(table)
