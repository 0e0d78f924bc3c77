"""Judging rollouts that lie in files: to try a prompt, to compare judges, to see what a judge costs before training.

What has been judged is kept: a run that was stopped, or whose endpoint failed, goes on with the rows that are missing.
Memory does not grow with the file, but for a hash and a few numbers of each row.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from awpo_verl.config import OutcomeConfig
from awpo_verl.rewards.outcome import OutcomeCheck
from awpo_verl.rewards.reasoning import make_case
from awpo_verl.rewards.reasoning.judge import CACHED, NO_THINKING, OK, Case, Judge, JudgeScore
from awpo_verl.workbench.files.json_files import FileError, Record
from awpo_verl.workbench.files.rollout_files import Row, RowError, read_row, written_whole
from awpo_verl.workbench.score import MAX_ERROR_CHARS, score_row

DONE = (OK, CACHED, NO_THINKING)  # statuses that another run need not repeat
COMPARED = ("category", "outcome", "checked", "reasoning", "reasoning_valid")  # what is kept of a line


class EndpointDownError(RuntimeError):
    """The endpoint is down, so going through the rest of the file would only make failures of it."""


@dataclass(frozen=True)
class Kept:
    """What an earlier run wrote of a row: the key of its verdict, and the line."""

    key: str
    line: dict[str, Any]


@dataclass
class JudgeReport:
    """What was judged in this run, and what was there already.

    Attributes:
        kept: rows that an earlier run had judged.
        broken, first_broken: rows that could not be read, and what is wrong with the first.
        statuses: of the rows judged now. seconds: of those that were asked, in no order.
        pairs: category -> (outcome, score) of rows judged by this judge, now or before, whose outcome a checker knows.
    """

    kept: int = 0
    broken: int = 0
    first_broken: str = ""
    statuses: Counter[str] = field(default_factory=Counter[str])
    seconds: list[float] = field(default_factory=list[float])
    requests: int = 0
    retries: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    pairs: dict[str, list[tuple[float, float]]] = field(default_factory=dict[str, list[tuple[float, float]]])

    @property
    def missing(self) -> int:
        """Rows of this run without a score."""
        return sum(count for status, count in self.statuses.items() if status not in DONE)

    def add(self, judgement: JudgeScore) -> None:
        self.statuses[judgement.status] += 1
        self.requests += judgement.requests
        self.retries += judgement.retries
        self.tokens_in += judgement.tokens_in
        self.tokens_out += judgement.tokens_out
        if judgement.requests:
            self.seconds.append(judgement.seconds)

    def add_broken(self, error: RowError) -> None:
        self.broken += 1
        self.first_broken = self.first_broken or str(error)[:MAX_ERROR_CHARS]

    def compare(self, line: dict[str, Any]) -> None:
        """A written row: its score beside its outcome."""
        if line["reasoning_valid"] and line["checked"]:
            self.pairs.setdefault(line["category"], []).append((line["outcome"], line["reasoning"]))


def take_up(out: Path) -> dict[str, Kept]:
    """Row -> what an earlier run has judged into `out`, which keeps the last line of each row that was judged.

    Raises:
        FileError: there is something else in `out`.
    """
    if not out.exists():
        return {}
    last: dict[str, int] = {}  # row -> number of its line
    kept: dict[str, Kept] = {}
    number = 1
    try:
        with out.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith("\n"):
                    break  # the run was stopped while it wrote this one
                given = json.loads(line)
                row, key, status = given["row"], given["key"], given["judge_status"]
                if status in DONE:
                    last[row] = number
                    kept[row] = Kept(key, {name: given[name] for name in COMPARED})
    except (ValueError, TypeError, KeyError):  # what is no UTF-8 is a ValueError, too
        raise FileError(f"--out={out} is not from this command (line {number}); use another path.") from None
    numbers = set(last.values())
    with out.open(encoding="utf-8") as lines, written_whole(out) as rewritten:
        rewritten.writelines(line for number, line in enumerate(lines, 1) if number in numbers)
    return kept


async def judge_records(
    records: Iterable[Record],
    judge: Judge,
    config: OutcomeConfig,
    known: dict[str, Kept],
    out: TextIO,
    report: JudgeReport,
    progress: Callable[[], None],
) -> None:
    """Judge each row that is not `known` under the same key, as many at a time as the judge's concurrency.

    Args:
        known: from take_up. A row whose text, prompt or judge has changed since has another key, and is judged again.
        out: each row is written, and flushed, when it is judged.
        progress: called once for each row.

    Raises:
        EndpointDownError: the judge's breaker has opened.
    """
    running: set[asyncio.Task[None]] = set()

    async def one(row: Row, key: str, case: Case | None, line: dict[str, Any]) -> None:
        judgement = JudgeScore(score=0.0, status=NO_THINKING) if case is None else await judge.score(case)
        if judgement.status == "breaker_open":
            raise EndpointDownError(f"{judge.model.name} is down; run the same command again when it is up.")
        line |= {"reasoning": judgement.score or 0.0, "reasoning_valid": float(judgement.score is not None)}
        line |= {"key": key, **judgement.as_info()}
        out.write(json.dumps(line) + "\n")
        out.flush()
        report.add(judgement)
        report.compare(line)
        progress()

    try:
        for row, verdict, line in _readable(records, config, report, progress):
            case = _case(row, verdict)
            key = judge.key(case) if case is not None else NO_THINKING
            before = known.get(row.where)
            if before is not None and before.key == key:
                report.kept += 1
                report.compare(before.line)
                progress()
                continue
            running.add(asyncio.ensure_future(one(row, key, case, line)))
            if len(running) >= judge.config.concurrency:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        for task in running:
            await task
    finally:
        for task in running:
            task.cancel()


def _readable(
    records: Iterable[Record], config: OutcomeConfig, report: JudgeReport, progress: Callable[[], None]
) -> Iterator[tuple[Row, OutcomeCheck, dict[str, Any]]]:
    for record in records:
        try:
            row = read_row(record)
            verdict, parts = score_row(row, config)
        except RowError as error:
            report.add_broken(error)
            progress()
            continue
        yield row, verdict, {"row": row.where, "category": row.category, **parts}


def _case(row: Row, verdict: OutcomeCheck) -> Case | None:
    """None where there is no closed thinking."""
    if not verdict.response.has_thinking:
        return None
    return make_case(verdict.response, row.conversation, row.ground_truth, row.tools)
