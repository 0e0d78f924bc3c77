"""`awpo-verl judge`: an LLM scores the thinking of rollouts in files."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from awpo_verl.workbench.cli.messages import print_error, print_message, refuse
from awpo_verl.workbench.cli.options import Rollouts
from awpo_verl.workbench.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

    from awpo_verl.config import AWPOConfig
    from awpo_verl.workbench.judge import JudgeReport

MIN_PAIRS = 8  # fewer give no correlation


def judge(
    path: Rollouts,
    settings: Annotated[
        list[str], typer.Argument(help="Keys of algorithm.awpo.judge: base_url=http://host:8000/v1 model=... samples=3")
    ],
    out: Annotated[Path, typer.Option(help="JSONL file of the judged rows; the same command continues it.")] = Path(
        "judged.jsonl"
    ),
    format: Annotated[str, typer.Option(help="algorithm.awpo.outcome.format")] = "auto",
    price_in: Annotated[float, typer.Option(help="Price of a million tokens that the judge reads.")] = 0.0,
    price_out: Annotated[float, typer.Option(help="Price of a million tokens that the judge writes.")] = 0.0,
) -> None:
    """Judge the thinking of rollouts offline: its scores, their agreement with the outcome, and the cost.

    Exit code 1 if rows could not be read or have no score (the same command tries these again), 2 if the settings or a
    file are unusable.
    """
    from rich.console import Console

    from awpo_verl.config import AWPOConfigError
    from awpo_verl.workbench.files.json_files import FileError
    from awpo_verl.workbench.judge import EndpointDownError, JudgeReport

    console = Console()
    report = JudgeReport()
    down = ""
    started = time.monotonic()
    try:
        config = _config(settings, format)
        asyncio.run(_judge_file(path, out, config, report, Console(stderr=True)))
    except EndpointDownError as error:
        down = str(error)
    except (AWPOConfigError, FileError, OSError) as error:
        raise refuse(error) from None

    _print_report(console, report, time.monotonic() - started, (price_in, price_out))
    print_message(console, f"judged rows: {out}")
    if report.broken:
        print_error(f"{report.broken} rows could not be read. The first: {report.first_broken}")
    if report.missing:
        print_error(f"{report.missing} rows have no score. Run the same command again to try them.")
    if down:
        print_error(f"Stopped: {down}")
    if report.broken or report.missing or down:
        raise typer.Exit(1)


def _config(settings: list[str], format: str) -> AWPOConfig:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    from awpo_verl.config import AWPOConfigError, parse

    judge = OmegaConf.create()
    for given in settings:
        if "=" not in given:
            raise AWPOConfigError(f"{given!r} is not a setting; write key=value, such as model=Qwen/Qwen3-8B.")
        try:
            judge.merge_with_dotlist([given])
        except (YAMLError, OmegaConfBaseException) as error:
            reason = str(error).splitlines()[0]
            raise AWPOConfigError(f"{given}: the value is not YAML: {reason}") from None
    return parse({"reasoning_source": "judge", "judge": OmegaConf.to_container(judge), "outcome": {"format": format}})


async def _judge_file(path: Path, out: Path, config: AWPOConfig, report: JudgeReport, errors: Console) -> None:
    """Judge the rows of a file into `out` and the report, with a progress bar on `errors`."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from awpo_verl.rewards.reasoning.judge import make_judge
    from awpo_verl.workbench.files.output_files import refuse_to_overwrite, require_folder
    from awpo_verl.workbench.files.rollout_files import count_rows, read_rows
    from awpo_verl.workbench.judge import judge_rows, take_up_scores

    refuse_to_overwrite(out, path)
    require_folder(out)
    total = count_rows(path)
    judge = make_judge(config.judge)
    earlier = take_up_scores(out)
    columns = (
        TextColumn("judging"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    try:
        with Progress(*columns, console=errors, transient=True) as bar, out.open("a", encoding="utf-8") as written:
            task = bar.add_task("judging", total=total, note="")

            def progress() -> None:
                bar.update(task, advance=1, note=f"{report.missing} missing" if report.missing else "")

            await judge_rows(read_rows(path), judge, config.outcome, earlier, written, report, progress)
    finally:
        await judge.close()


def _print_report(console: Console, report: JudgeReport, seconds: float, prices: tuple[float, float]) -> None:
    import numpy as np
    from rich.table import Table

    judged = sum(report.statuses.values())
    table = Table(title=f"{judged} rows judged in {seconds:.1f} s, {report.kept} kept from an earlier run")
    table.add_column("status")
    table.add_column("rows", justify="right")
    for status, count in report.statuses.most_common():
        table.add_row(status, str(count))
    console.print(table)
    if report.seconds:
        p50, p99 = np.percentile(report.seconds, [50, 99])
        cost = (report.tokens_in * prices[0] + report.tokens_out * prices[1]) / 1e6
        paid = f", cost {cost:.2f} ({cost / judged * 1000:.2f} a thousand rows)" if any(prices) else ""
        print_message(
            console,
            f"latency p50 {p50:.2f} s, p99 {p99:.2f} s; {report.requests} requests, {report.retries} retries; "
            f"{report.tokens_in} tokens read, {report.tokens_out} written{paid}",
        )
    _print_agreement(console, report)


def _print_agreement(console: Console, report: JudgeReport) -> None:
    import numpy as np
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Judge and outcome, for rows whose ground truth a checker knows")
    for name in ("category", "rows", "mean where right", "mean where wrong", "correlation"):
        table.add_column(name, justify="left" if name == "category" else "right")
    for category, pairs in sorted(report.pairs.items()):
        outcome, score = np.array(pairs).T
        right, wrong = score[outcome >= 1.0], score[outcome < 1.0]
        defined = len(pairs) >= MIN_PAIRS and outcome.std() > 0 and score.std() > 0
        correlation = f"{np.corrcoef(outcome, score)[0, 1]:.2f}" if defined else "-"
        means = [f"{part.mean():.3f}" if len(part) else "-" for part in (right, wrong)]
        table.add_row(Text(printable(category)), str(len(pairs)), *means, correlation)
    if report.pairs:
        console.print(table)
