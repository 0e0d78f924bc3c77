"""Score rollouts in files (files/rollout_files.py), to debug a reward before it costs GPU hours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from awpo_verl.config import OutcomeConfig
from awpo_verl.rewards.outcome import OutcomeCheck, check_outcome
from awpo_verl.rewards.outcome.formats import opened_by
from awpo_verl.rewards.reasoning import make_task, rubric_score
from awpo_verl.workbench.files.json_files import FileRow
from awpo_verl.workbench.files.rollout_files import Rollout, RowError, read_rollout

MAX_EXAMPLE_CHARS = 240
MAX_ERROR_CHARS = 500
SAME_SCORE = 1e-6  # verl records in float32


@dataclass(frozen=True)
class FailureKind:
    """A kind of failure in a category.

    Attributes:
        count: rows with it.
        where, detail, response: the first of these rows, its failure, and the start of its response.
    """

    count: int
    where: str
    detail: str
    response: str


@dataclass
class CategoryScores:
    """The scores of one category.

    Attributes:
        rows: rows read.
        checked: rows whose ground truth a checker knows; the sums are over these.
        sums: part -> sum over the checked rows.
        failures: name -> FailureKind, by the first failure of each row that is not exact.
    """

    rows: int = 0
    checked: int = 0
    sums: Counter[str] = field(default_factory=Counter[str])
    failures: dict[str, FailureKind] = field(default_factory=dict[str, FailureKind])

    def mean(self, part: str) -> float:
        """Mean of a part over the checked rows; NaN without any."""
        return self.sums[part] / self.checked if self.checked else float("nan")

    def add(self, rollout: Rollout, outcome_check: OutcomeCheck, parts: Mapping[str, float]) -> None:
        self.rows += 1
        if not outcome_check.checked:
            return
        self.checked += 1
        self.sums.update(parts)
        if outcome_check.failures:
            kind, detail = outcome_check.failures[0]
            self._count(kind, rollout, detail)
        elif outcome_check.schema_problems:
            self._count("matches, but breaks its schema", rollout, outcome_check.schema_problems[0])

    def _count(self, kind: str, rollout: Rollout, detail: str) -> None:
        seen = self.failures.get(kind)
        if seen is None:
            shown = rollout.response.rpartition("</think>")[2].strip()[:MAX_EXAMPLE_CHARS]
            self.failures[kind] = FailureKind(1, rollout.where, detail, shown)
        else:
            self.failures[kind] = FailureKind(seen.count + 1, seen.where, seen.detail, seen.response)


@dataclass
class ScoreReport:
    """The scores of all rows.

    Attributes:
        categories: category -> its scores.
        broken: rows that could not be read or scored; they are in no category.
        first_broken: the first of them and its problem, "" if there is none.
        recorded: checked rows with a recorded score (verl's dumps).
        differing: recorded rows whose outcome now differs by more than SAME_SCORE.
        first_differing: the first of them and both scores, "" if there is none.
    """

    categories: dict[str, CategoryScores] = field(default_factory=dict[str, CategoryScores])
    broken: int = 0
    first_broken: str = ""
    recorded: int = 0
    differing: int = 0
    first_differing: str = ""

    def add(self, rollout: Rollout, outcome_check: OutcomeCheck, parts: Mapping[str, float]) -> None:
        self.categories.setdefault(rollout.category, CategoryScores()).add(rollout, outcome_check, parts)
        if rollout.recorded is None or not outcome_check.checked:
            return
        self.recorded += 1
        if not abs(rollout.recorded - parts["outcome"]) <= SAME_SCORE:  # a recorded NaN differs too
            self.differing += 1
            self.first_differing = (
                self.first_differing or f"{rollout.where} recorded {rollout.recorded:g}, now {parts['outcome']:g}"
            )

    def add_broken(self, error: RowError) -> None:
        self.broken += 1
        self.first_broken = self.first_broken or str(error)[:MAX_ERROR_CHARS]


def score_rows(rows: Iterable[FileRow], config: OutcomeConfig, report: ScoreReport) -> Iterator[dict[str, Any]]:
    """Score each row into the report and yield its line for the output file. Broken rows are counted, not yielded."""
    for rollout, outcome_check, parts in score_readable(rows, config, report.add_broken):
        report.add(rollout, outcome_check, parts)
        yield make_line(rollout, parts) | {"failures": outcome_check.failures}


def make_line(rollout: Rollout, parts: Mapping[str, float]) -> dict[str, Any]:
    """What the output file has of a rollout, whoever scores its thinking."""
    return {"row": rollout.where, "category": rollout.category, **parts}


def score_readable(
    rows: Iterable[FileRow], config: OutcomeConfig, on_broken: Callable[[RowError], None]
) -> Iterator[tuple[Rollout, OutcomeCheck, dict[str, float]]]:
    """Read and score the rows. A row that cannot be read or scored goes to `on_broken`, and the others go on."""
    for row in rows:
        try:
            rollout = read_rollout(row)
            outcome_check, parts = score_rollout(rollout, config)
        except RowError as error:
            on_broken(error)
            continue
        yield rollout, outcome_check, parts


def score_rollout(rollout: Rollout, config: OutcomeConfig) -> tuple[OutcomeCheck, dict[str, float]]:
    """The outcome check of a rollout, and its parts, as the reward manager computes them with the default rubric.

    A response of several turns is one text here: the tools' answers in it count as the model's words.

    Raises:
        RowError: the ground truth or the tools are broken.
    """
    row = rollout.row
    try:
        outcome_check = check_outcome(rollout.response, row.target, config, opened=opened_by(row.conversation))
    except ValueError as error:
        raise RowError(f"{rollout.where}: {error}") from error
    except (TypeError, LookupError, AttributeError, RecursionError) as error:
        raise RowError(f"{rollout.where}: ground truth or tools are broken: {type(error).__name__}: {error}") from error
    rubric = rubric_score(outcome_check.response, make_task(outcome_check, row))
    reasoning = {"reasoning": rubric.value or 0.0, "reasoning_valid": float(rubric.value is not None)}
    parts = outcome_check.as_info() | rubric.parts | reasoning | {"outcome": outcome_check.outcome(config.match)}
    return outcome_check, parts
