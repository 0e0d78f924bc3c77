"""Rollouts that verl dumps while it trains: a folder with <step>.jsonl, a line a rollout.

`trainer.validation_data_dir` has the same prompts at each step, so they can be laid side by side; of training prompts
(`trainer.rollout_data_dir`) that is chance. A dump may have gigabytes: its index is read in one pass and keeps a few
numbers a prompt, and the rows that are shown are read again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]  # a line of a dump: input, output, gts, score, and the parts of the reward
MAX_ROWS = 20_000  # of one dump that are looked at


@dataclass(frozen=True)
class Place:
    """Where the first rollout of a prompt lies in its dump, and its score (NaN where it has none)."""

    offset: int
    score: float


@dataclass(frozen=True)
class Dump:
    """The rollouts of one step: `prompts` has the first of each prompt, by `prompt_key`."""

    path: Path
    step: int
    prompts: dict[bytes, Place]

    def row(self, key: bytes) -> Row:
        """The rollout of a prompt of this dump."""
        with self.path.open("rb") as lines:
            lines.seek(self.prompts[key].offset)
            return json.loads(lines.readline())


def dump_files(folder: Path) -> dict[int, Path]:
    """Step -> the dump of that step, rising; {} where the folder is not there."""
    found = {int(path.stem): path for path in folder.glob("*.jsonl") if path.stem.isdecimal()}
    return dict(sorted(found.items()))


def count_rows(path: Path) -> int:
    """The rollouts in a dump."""
    with path.open("rb") as lines:
        return sum(1 for _ in lines)


def read_dump(path: Path) -> Dump:
    """Index a dump; rows beyond MAX_ROWS and broken ones are left out.

    Raises:
        OSError: it cannot be opened.
    """
    prompts: dict[bytes, Place] = {}
    offset = 0
    with path.open("rb") as lines:
        for _, line in zip(range(MAX_ROWS), lines, strict=False):
            row = _row(line)
            if row is not None:
                prompts.setdefault(prompt_key(row), Place(offset, number(row.get("score"))))
            offset += len(line)
    return Dump(path, int(path.stem), prompts)


def _row(line: bytes) -> Row | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and isinstance(row.get("output"), str) else None


def prompt_key(row: Row) -> bytes:
    """What tells a prompt from others: the same question may be asked with another ground truth (another desk)."""
    text = f"{row.get('input')}\0{row.get('gts')}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def number(value: Any) -> float:
    """A score as a float, NaN for what is none."""
    return float(value) if isinstance(value, int | float) else float("nan")


def common_prompts(dumps: Sequence[Dump]) -> list[bytes]:
    """The prompts that all dumps have, in the order of the first."""
    return [key for key in dumps[0].prompts if all(key in dump.prompts for dump in dumps[1:])]


def spread_evenly(ranked: Sequence[bytes], count: int) -> list[bytes]:
    """`count` of them, the first and the last and evenly between (of one: the first); all where there are no more."""
    if count >= len(ranked):
        return list(ranked)
    return [ranked[i * (len(ranked) - 1) // max(1, count - 1)] for i in range(count)]


def pick_improved(before: Dump, after: Dump, count: int) -> list[bytes]:
    """Prompts of both dumps from the most improved to the least, evenly spread."""
    keys = common_prompts([before, after])
    keys.sort(key=lambda key: _order(before.prompts[key].score - after.prompts[key].score))  # stable
    return spread_evenly(keys, count)


def pick_best_to_worst(dump: Dump, count: int) -> list[bytes]:
    """Prompts of one dump from the highest score to the lowest, evenly spread."""
    return spread_evenly(sorted(dump.prompts, key=lambda key: -_order(dump.prompts[key].score)), count)


def pick_differing(dumps: Sequence[Dump], count: int) -> list[bytes]:
    """Prompts of all dumps from the one on which their scores differ most to the least, evenly spread."""

    def spread(key: bytes) -> float:
        scores = [dump.prompts[key].score for dump in dumps]
        return _order(min(scores) - max(scores))

    return spread_evenly(sorted(common_prompts(dumps), key=spread), count)


def _order(score: float) -> float:
    return 0.0 if score != score else score  # NaN, without a score, has no order


def question_of(row: Row) -> str:
    """What the user said last, of a prompt as verl dumps it: the chat template's text without its special tokens."""
    prompt = str(row.get("input", ""))
    return prompt.rstrip().rsplit("user\n", 1)[-1].removesuffix("assistant").strip()


def expected_of(row: Row) -> str:
    """The expected calls of a row: `tool_calls`, or of a stateful environment the trajectory; else the ground truth."""
    truth = row.get("gts")
    try:
        value = json.loads(truth) if isinstance(truth, str) else truth
    except (ValueError, RecursionError):
        value = None
    calls = value.get("tool_calls", value.get("trajectory")) if isinstance(value, dict) else None
    return str(truth) if calls is None else json.dumps(calls, ensure_ascii=False)
