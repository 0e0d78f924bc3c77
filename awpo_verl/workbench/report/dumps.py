"""Rollouts that verl dumps while it trains: a folder with <step>.jsonl, one line for each rollout.

`trainer.validation_data_dir` has the same prompts at each step, so two steps can be compared. In
`trainer.rollout_data_dir` (training prompts) a prompt is rarely repeated. A dump may have gigabytes: it is indexed in
one pass, with a few numbers for each prompt, and only the rollouts to show are read again.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awpo_verl.workbench.report.metrics import RunError

MAX_ROWS = 20_000  # rows of one dump that are indexed


@dataclass(frozen=True)
class DumpedRollout:
    """One line of a dump. A score that is not there is NaN, a text that is not there is "".

    Attributes:
        prompt: the chat template's text without its special tokens.
        ground_truth: as verl dumps it (`gts`), most often JSON in a string.
        score: the reward that was trained on.
        outcome: the outcome reward; the score, where the run logs no reward parts.
        reasoning: the reasoning reward.
    """

    prompt: str
    response: str
    ground_truth: object
    score: float
    outcome: float
    reasoning: float
    judge_reason: str

    @property
    def key(self) -> bytes:
        """Identifies the prompt. The ground truth is part of it: one question may have several (other desks)."""
        text = f"{self.prompt}\0{self.ground_truth}"
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    @property
    def question(self) -> str:
        """The last user message of the prompt."""
        return self.prompt.rstrip().rsplit("user\n", 1)[-1].removesuffix("assistant").strip()

    @property
    def expected(self) -> str:
        """The expected calls (`tool_calls`, or the `trajectory` of an environment); else the whole ground truth."""
        truth = self.ground_truth
        try:
            value = json.loads(truth) if isinstance(truth, str) else truth
        except (ValueError, RecursionError):
            value = None
        calls = value.get("tool_calls", value.get("trajectory")) if isinstance(value, dict) else None
        return str(truth) if calls is None else json.dumps(calls, ensure_ascii=False)


@dataclass(frozen=True)
class Place:
    """Where the first rollout of a prompt lies in its dump, and its score (may be NaN)."""

    offset: int
    score: float


@dataclass(frozen=True)
class Dump:
    """The rollouts of one step: `prompts` maps the key of a prompt to its first rollout."""

    path: Path
    step: int
    prompts: dict[bytes, Place]

    def read_rollout(self, key: bytes) -> DumpedRollout:
        """The first rollout of a prompt of this dump.

        Raises:
            RunError: the file has changed since it was indexed. OSError: it cannot be opened.
        """
        with self.path.open("rb") as lines:
            lines.seek(self.prompts[key].offset)
            rollout = _parse_line(lines.readline())
        if rollout is None:
            raise RunError(f"{self.path}: the file has changed while it was read. Run the command again.")
        return rollout


def find_dumps(folder: Path) -> dict[int, Path]:
    """Step -> the dump of that step, rising; {} where there is no such folder."""
    found = {int(path.stem): path for path in folder.glob("*.jsonl") if path.stem.isdecimal()}
    return dict(sorted(found.items()))


def count_rows(path: Path) -> int:
    """The number of rollouts in a dump."""
    with path.open("rb") as lines:
        return sum(1 for _ in lines)


def index_dump(path: Path) -> Dump:
    """Index a dump. Broken lines, and lines after the first MAX_ROWS, are left out.

    Raises:
        OSError: it cannot be opened.
    """
    prompts: dict[bytes, Place] = {}
    offset = 0
    with path.open("rb") as lines:
        for _, line in zip(range(MAX_ROWS), lines, strict=False):
            rollout = _parse_line(line)
            if rollout is not None:
                prompts.setdefault(rollout.key, Place(offset, rollout.score))
            offset += len(line)
    return Dump(path, int(path.stem), prompts)


def _parse_line(line: bytes) -> DumpedRollout | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or not isinstance(row.get("output"), str):
        return None
    return DumpedRollout(
        prompt=str(row.get("input") or ""),
        response=row["output"],
        ground_truth=row.get("gts"),
        score=_to_float(row.get("score")),
        outcome=_to_float(row.get("outcome", row.get("score"))),
        reasoning=_to_float(row.get("reasoning")) if row.get("reasoning_valid", 1.0) else math.nan,
        judge_reason=str(row.get("judge_reason") or ""),
    )


def _to_float(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def common_prompts(dumps: Sequence[Dump]) -> list[bytes]:
    """The prompts that all dumps have, in the order of the first dump."""
    return [key for key in dumps[0].prompts if all(key in dump.prompts for dump in dumps[1:])]


def spread_evenly(ranked: Sequence[bytes], count: int) -> list[bytes]:
    """`count` items at even distances, with the first and the last; all where there are no more."""
    if count >= len(ranked):
        return list(ranked)
    return [ranked[i * (len(ranked) - 1) // max(1, count - 1)] for i in range(count)]


def pick_improved(before: Dump, after: Dump, count: int) -> list[bytes]:
    """Prompts of both dumps at even distances, from the most improved to the least."""
    keys = common_prompts([before, after])
    keys.sort(key=lambda key: _sortable(before.prompts[key].score - after.prompts[key].score))  # stable
    return spread_evenly(keys, count)


def pick_best_to_worst(dump: Dump, count: int) -> list[bytes]:
    """Prompts of one dump at even distances, from the highest score to the lowest."""
    return spread_evenly(sorted(dump.prompts, key=lambda key: -_sortable(dump.prompts[key].score)), count)


def pick_differing(dumps: Sequence[Dump], count: int) -> list[bytes]:
    """Prompts of all dumps at even distances, from the largest difference of scores to the smallest."""

    def spread(key: bytes) -> float:
        scores = [dump.prompts[key].score for dump in dumps]
        return _sortable(min(scores) - max(scores))

    return spread_evenly(sorted(common_prompts(dumps), key=spread), count)


def _sortable(score: float) -> float:
    return 0.0 if math.isnan(score) else score
