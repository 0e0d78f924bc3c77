"""Sample rollouts, side by side: of several runs at their last common step, of one run first against last.

What the model wrote is hostile until shown otherwise: here it becomes text that is short and holds no character that
acts (controls, bidi overrides); the page's template escapes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from awpo_verl.workbench.printable import printable
from awpo_verl.workbench.report.dumps import (
    Dump,
    Row,
    expected_of,
    number,
    pick_best_to_worst,
    pick_differing,
    pick_improved,
    question_of,
    read_dump,
)
from awpo_verl.workbench.report.runs import Run

MAX_PROMPTS, MAX_RUNS = 8, 6
MAX_CHARS = {"question": 600, "prompt": 4000, "output": 2400, "expected": 1200, "reason": 600}


@dataclass(frozen=True)
class Answer:
    """One rollout: where it is from, its text, and its scores; "" where a score is not there."""

    label: str
    output: str
    outcome: str
    reasoning: str
    reason: str
    right: bool | None


@dataclass(frozen=True)
class Sample:
    """One prompt and the rollouts of it."""

    question: str
    prompt: str
    expected: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Samples:
    """What the page shows of rollouts, with a sentence on what it is, or why there is nothing."""

    says: str
    rows: tuple[Sample, ...] = field(default_factory=tuple[Sample, ...])


def shown(text: object, kind: str) -> str:
    """A text of the model's as it may be shown: cut with a note, what does not print as an escape."""
    whole, most = str(text), MAX_CHARS[kind]
    note = f"\n[... cut here: {len(whole) - most:,} more characters]" if len(whole) > most else ""
    return printable(whole[:most].replace("\r\n", "\n").replace("\t", "    ")) + note


def samples(runs: Sequence[Run]) -> Samples:
    """Read the rollouts that the page shows.

    Raises:
        OSError: a dump cannot be opened.
    """
    if len(runs) == 1:
        return _of_one(runs[0])
    having = [run for run in runs if run.validation]
    if len(having) < 2:
        return _of_one(having[0]) if having else _none()
    some = having[:MAX_RUNS]
    common = set.intersection(*(set(run.validation) for run in some))
    if not common:
        return Samples("The runs have no validation step in common, so there is nothing to lay side by side.")
    step = max(common)
    dumps = [read_dump(run.validation[step]) for run in some]
    keys = pick_differing(dumps, MAX_PROMPTS)
    left = f"; {len(having) - len(some)} more runs are left out" if len(having) > len(some) else ""
    says = (
        f"{len(keys)} held-out prompts at step {step}, the last that all have validated{left}: from the one on which "
        f"the runs differ most to the one on which they differ least. One rollout a prompt."
    )
    if not keys:
        return Samples(f"The runs have no prompt in common at step {step}: they validate on other data.")
    return Samples(says, tuple(_sample(key, dumps, [run.name for run in some]) for key in keys))


def _of_one(run: Run) -> Samples:
    """First against last validation; without validation dumps, rollouts of the last training step that was dumped."""
    if len(run.validation) > 1:
        before, after = (read_dump(run.validation[step]) for step in (min(run.validation), max(run.validation)))
        keys = pick_improved(before, after, MAX_PROMPTS)
        labels = [f"step {before.step}", f"step {after.step}"]
        says = (
            f"{run.name}: {len(keys)} held-out prompts at step {before.step} and at step {after.step}, from the most "
            f"improved to the least. One rollout a prompt."
        )
        if keys:
            return Samples(says, tuple(_sample(key, [before, after], labels) for key in keys))
    files, what = (run.validation, "held-out prompts") if run.validation else (run.rollouts, "training prompts")
    if not files:
        return _none()
    last = read_dump(files[max(files)])
    keys = pick_best_to_worst(last, MAX_PROMPTS)
    says = f"{run.name}: {len(keys)} {what} of step {last.step}, from the best to the worst. One rollout a prompt."
    return Samples(says, tuple(_sample(key, [last], [f"step {last.step}"]) for key in keys)) if keys else _none()


def _none() -> Samples:
    return Samples(
        "No rollouts: give run folders with validation/ or rollouts/ in them "
        "(trainer.validation_data_dir, trainer.rollout_data_dir), not metrics files alone."
    )


def _sample(key: bytes, dumps: Sequence[Dump], labels: Sequence[str]) -> Sample:
    rows = [dump.row(key) for dump in dumps]
    return Sample(
        shown(question_of(rows[0]), "question"),
        shown(rows[0].get("input", ""), "prompt"),
        shown(expected_of(rows[0]), "expected"),
        tuple(_answer(row, label) for row, label in zip(rows, labels, strict=True)),
    )


def _answer(row: Row, label: str) -> Answer:
    outcome = number(row.get("outcome", row.get("score")))
    reasoning = number(row.get("reasoning")) if row.get("reasoning_valid", 1.0) else float("nan")
    reason = row.get("judge_reason")
    return Answer(
        label,
        shown(row.get("output", ""), "output"),
        _score(outcome),
        _score(reasoning),
        shown(reason, "reason") if reason else "",
        None if outcome != outcome else outcome >= 1,
    )


def _score(value: float) -> str:
    return "" if value != value else f"{value:.3g}"
