"""Sample rollouts for the page: several runs at their last common validation, or one run first against last.

The model's text is hostile: here it is cut, and its control characters and bidi overrides become escapes. The
template escapes it for HTML.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from awpo_verl.workbench.printable import printable
from awpo_verl.workbench.report.dumps import (
    Dump,
    DumpedRollout,
    index_dump,
    pick_best_to_worst,
    pick_differing,
    pick_improved,
)
from awpo_verl.workbench.report.runs import TrainingRun

MAX_PROMPTS, MAX_RUNS = 8, 6
MAX_CHARS = {"question": 600, "prompt": 4000, "response": 2400, "expected": 1200, "reason": 600}
NO_DUMPS = (
    "No rollouts. Give run folders that have validation/ or rollouts/ (trainer.validation_data_dir, "
    "trainer.rollout_data_dir)."
)


@dataclass(frozen=True)
class SampleRollout:
    """One rollout as text: the run or step that it comes from, and its scores ("" where there is none)."""

    label: str
    response: str
    outcome: str
    reasoning: str
    judge_reason: str
    right: bool | None


@dataclass(frozen=True)
class SamplePrompt:
    """One prompt and its rollouts."""

    question: str
    prompt: str
    expected: str
    rollouts: tuple[SampleRollout, ...]


@dataclass(frozen=True)
class SampleSection:
    """The prompts to show; the caption says what they are, or why there are none."""

    caption: str
    prompts: tuple[SamplePrompt, ...] = ()


def shorten(text: object, kind: str) -> str:
    """The text up to the length for its kind, with a note where it was cut. Unprintable characters are escaped."""
    whole, most = str(text), MAX_CHARS[kind]
    note = f"\n[... cut here: {len(whole) - most:,} more characters]" if len(whole) > most else ""
    return printable(whole[:most].replace("\r\n", "\n").replace("\t", "    ")) + note


def sample_rollouts(runs: Sequence[TrainingRun]) -> SampleSection:
    """Read the rollouts that the page shows.

    Raises:
        RunError: a dump has changed while it was read. OSError: a dump cannot be opened.
    """
    if len(runs) == 1:
        return _sample_one(runs[0])
    validated = [run for run in runs if run.validation]
    if len(validated) < 2:
        return _sample_one(validated[0]) if validated else SampleSection(NO_DUMPS)
    compared = validated[:MAX_RUNS]
    common = set.intersection(*(set(run.validation) for run in compared))
    if not common:
        return SampleSection("The runs have no validation step in common, so their rollouts cannot be compared.")
    step = max(common)
    dumps = [index_dump(run.validation[step]) for run in compared]
    keys = pick_differing(dumps, MAX_PROMPTS)
    if not keys:
        return SampleSection(f"The runs have no prompt in common at step {step}: they validate on different data.")
    left = len(validated) - len(compared)
    note = f" {left} more runs are left out." if left else ""
    caption = (
        f"{len(keys)} held-out prompts at step {step}, the last step that all runs validated: from the prompt where "
        f"the runs differ most to the one where they differ least. One rollout per prompt.{note}"
    )
    return SampleSection(caption, tuple(_sample_prompt(key, dumps, [run.name for run in compared]) for key in keys))


def _sample_one(run: TrainingRun) -> SampleSection:
    """First validation against the last. With one validation or none, the last dump: validation, else training."""
    if len(run.validation) > 1:
        before, after = (index_dump(run.validation[step]) for step in (min(run.validation), max(run.validation)))
        keys = pick_improved(before, after, MAX_PROMPTS)
        labels = [f"step {before.step}", f"step {after.step}"]
        caption = (
            f"{run.name}: {len(keys)} held-out prompts at step {before.step} and at step {after.step}, from the most "
            f"improved to the least. One rollout per prompt."
        )
        if keys:
            return SampleSection(caption, tuple(_sample_prompt(key, [before, after], labels) for key in keys))
    files, what = (run.validation, "held-out prompts") if run.validation else (run.rollouts, "training prompts")
    if not files:
        return SampleSection(NO_DUMPS)
    last = index_dump(files[max(files)])
    keys = pick_best_to_worst(last, MAX_PROMPTS)
    if not keys:
        return SampleSection(NO_DUMPS)
    caption = f"{run.name}: {len(keys)} {what} of step {last.step}, from the best to the worst. One rollout per prompt."
    return SampleSection(caption, tuple(_sample_prompt(key, [last], [f"step {last.step}"]) for key in keys))


def _sample_prompt(key: bytes, dumps: Sequence[Dump], labels: Sequence[str]) -> SamplePrompt:
    rollouts = [dump.read_rollout(key) for dump in dumps]
    first = rollouts[0]
    return SamplePrompt(
        shorten(first.question, "question"),
        shorten(first.prompt, "prompt"),
        shorten(first.expected, "expected"),
        tuple(_sample_rollout(rollout, label) for rollout, label in zip(rollouts, labels, strict=True)),
    )


def _sample_rollout(rollout: DumpedRollout, label: str) -> SampleRollout:
    return SampleRollout(
        label,
        shorten(rollout.response, "response"),
        _format_score(rollout.outcome),
        _format_score(rollout.reasoning),
        shorten(rollout.judge_reason, "reason"),
        None if math.isnan(rollout.outcome) else rollout.outcome >= 1,
    )


def _format_score(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3g}"
