"""Judge rollouts in files: try a prompt, compare judges, or see what a judge costs before training.

Scores are kept: after a stop or a failed endpoint, the same command judges only the missing rows. Memory grows by a
hash and a few numbers for each row.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from awpo_verl.config import OutcomeConfig
from awpo_verl.rewards.outcome import OutcomeCheck
from awpo_verl.rewards.reasoning import make_case
from awpo_verl.rewards.reasoning.judge import CACHED, NO_THINKING, OK, Case, Judge, JudgeScore
from awpo_verl.workbench.files.json_files import FileError, FileRow
from awpo_verl.workbench.files.output_files import written_whole
from awpo_verl.workbench.files.rollout_files import Rollout, RowError
from awpo_verl.workbench.score import MAX_ERROR_CHARS, make_line, score_readable

DONE = (OK, CACHED, NO_THINKING)  # statuses that another run need not repeat
COMPARED = ("category", "outcome", "checked", "reasoning", "reasoning_valid")  # the fields kept of an earlier line


class EndpointDownError(RuntimeError):
    """The endpoint is down. The rest of the file would only fail."""


@dataclass(frozen=True)
class EarlierScore:
    """The score that an earlier run wrote for a row: its key, and the COMPARED fields of its line."""

    key: str
    line: dict[str, Any]


@dataclass
class JudgeReport:
    """Counts of this run, and of the rows that an earlier run had judged.

    Attributes:
        kept: rows that an earlier run had judged.
        broken, first_broken: rows that could not be read, and the problem of the first.
        statuses: status -> rows judged now.
        seconds: latencies of the rows for which the judge was asked, in no order.
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

    def add(self, judge_score: JudgeScore) -> None:
        self.statuses[judge_score.status] += 1
        self.requests += judge_score.requests
        self.retries += judge_score.retries
        self.tokens_in += judge_score.tokens_in
        self.tokens_out += judge_score.tokens_out
        if judge_score.requests:
            self.seconds.append(judge_score.seconds)

    def add_broken(self, error: RowError) -> None:
        self.broken += 1
        self.first_broken = self.first_broken or str(error)[:MAX_ERROR_CHARS]

    def add_pair(self, line: dict[str, Any]) -> None:
        """Add a written row's outcome and score to the pairs."""
        if line["reasoning_valid"] and line["checked"]:
            self.pairs.setdefault(line["category"], []).append((line["outcome"], line["reasoning"]))


def take_up_scores(out: Path) -> dict[str, EarlierScore]:
    """Read an earlier run's scores from `out`, by row. `out` then keeps the last line of each judged row.

    Raises:
        FileError: `out` is not a file of this command.
    """
    if not out.exists():
        return {}
    last: dict[str, int] = {}  # row -> number of its line
    kept: dict[str, EarlierScore] = {}
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
                    kept[row] = EarlierScore(key, {name: given[name] for name in COMPARED})
    except (ValueError, TypeError, KeyError):  # bytes that are not UTF-8 raise a ValueError
        raise FileError(f"--out={out} is not from this command (line {number}); use another path.") from None
    numbers = set(last.values())
    with out.open(encoding="utf-8") as lines, written_whole(out) as rewritten:
        rewritten.writelines(line for number, line in enumerate(lines, 1) if number in numbers)
    return kept


async def judge_rows(
    rows: Iterable[FileRow],
    judge: Judge,
    config: OutcomeConfig,
    earlier: dict[str, EarlierScore],
    out: TextIO,
    report: JudgeReport,
    progress: Callable[[], None],
) -> None:
    """Judge each row that has no earlier score under the same key, with the judge's concurrency.

    Args:
        earlier: from take_up_scores. A row whose text, prompt or judge has changed has another key and is judged again.
        out: each row is written and flushed when it is judged.
        progress: called once for each row.

    Raises:
        EndpointDownError: the judge's breaker has opened.
    """
    running: set[asyncio.Task[None]] = set()

    async def one(rollout: Rollout, key: str, case: Case | None, line: dict[str, Any]) -> None:
        judge_score = JudgeScore(score=0.0, status=NO_THINKING) if case is None else await judge.score(case)
        if judge_score.status == "breaker_open":
            raise EndpointDownError(f"{judge.model.name} is down; run the same command again when it is up.")
        line |= {"reasoning": judge_score.score or 0.0, "reasoning_valid": float(judge_score.score is not None)}
        line |= {"key": key, **judge_score.as_info()}
        out.write(json.dumps(line) + "\n")
        out.flush()
        report.add(judge_score)
        report.add_pair(line)
        progress()

    def skip(error: RowError) -> None:
        report.add_broken(error)
        progress()

    try:
        for rollout, outcome_check, parts in score_readable(rows, config, skip):
            line = make_line(rollout, parts)
            case = _case(rollout, outcome_check)
            key = judge.key(case) if case is not None else NO_THINKING
            before = earlier.get(rollout.where)
            if before is not None and before.key == key:
                report.kept += 1
                report.add_pair(before.line)
                progress()
                continue
            running.add(asyncio.ensure_future(one(rollout, key, case, line)))
            if len(running) >= judge.config.concurrency:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        for task in running:
            await task
    finally:
        for task in running:
            task.cancel()


def _case(rollout: Rollout, outcome_check: OutcomeCheck) -> Case | None:
    """The judge's case, None if there is no closed thinking."""
    response = outcome_check.response
    return make_case(response, rollout.row) if response.has_thinking else None
