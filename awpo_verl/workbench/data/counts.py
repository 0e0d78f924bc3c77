"""What `awpo-verl prepare` kept and dropped: counts with examples, for the table and for report.json."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from awpo_verl.workbench.data.sample import Dropped
from awpo_verl.workbench.data.splits import SPLITS

QUANTILES = (0.0, 0.5, 0.9, 0.99, 1.0)


@dataclass
class PrepareCounts:
    """Counts of one run.

    Attributes:
        rows: rows of the source.
        samples: samples in these rows, before any is dropped for its content.
        broken: rows that are not in the set's form.
        kept: samples written, by (split, difficulty).
        sources, calls, changes: samples written, by data source, by number of expected calls, and by kind of change.
        fixed: samples written that accept more than one value of an argument.
        dropped: rows and samples, by reason. examples: the first of each reason.
        lengths: lengths of the written prompts, in `unit`.
        eval_rows: rows of the evaluation sets.
    """

    rows: int = 0
    samples: int = 0
    broken: int = 0
    kept: Counter[tuple[str, str]] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    calls: Counter[int] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    fixed: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Dropped] = field(default_factory=dict)
    lengths: list[int] = field(default_factory=list)
    unit: str = "words"
    eval_rows: int = 0

    def count_dropped(self, dropped: Dropped) -> None:
        self.dropped[dropped.reason] += 1
        self.examples.setdefault(dropped.reason, dropped)

    def count_kept(self, row: dict[str, Any], length: int) -> None:
        info = row["extra_info"]
        self.kept[info["split"], info["difficulty"]] += 1
        self.sources[row["data_source"]] += 1
        self.calls[info["calls"]] += 1
        self.changes.update(change for change in info["changes"].split(",") if change)
        self.fixed += '{"$any": [' in row["reward_model"]["ground_truth"]
        self.lengths.append(length)

    @property
    def total(self) -> int:
        return self.kept.total()

    @property
    def empty_splits(self) -> list[str]:
        """Splits without a row. verl reads with `datasets`, which fails on such a file."""
        return [split for split in SPLITS if not any(rows for (s, _), rows in self.kept.items() if s == split)]

    def share(self, rows: int) -> float:
        """`rows` divided by all rows written; 0 if none is."""
        return rows / self.total if self.total else 0.0

    @property
    def no_call(self) -> float:
        """Share of rows that expect no call."""
        return self.share(self.calls[0])

    @property
    def several_calls(self) -> float:
        """Share of rows that expect more than one call."""
        return self.share(sum(rows for calls, rows in self.calls.items() if calls > 1))

    def length_quantiles(self) -> dict[str, int]:
        """Quantiles of the prompts' lengths; empty without prompts."""
        lengths = sorted(self.lengths)
        return {f"{q:g}": lengths[round(q * (len(lengths) - 1))] for q in QUANTILES} if lengths else {}

    def as_json(self, options: dict[str, Any]) -> dict[str, Any]:
        """The contents of report.json. They do not depend on the time or the machine."""
        kept = {split: {d: n for (s, d), n in sorted(self.kept.items()) if s == split} for split in SPLITS}
        return {
            "options": options,
            "rows_read": self.rows,
            "rows_broken": self.broken,
            "samples": self.samples,
            "kept": self.total,
            "kept_by_split_and_difficulty": kept,
            "kept_by_data_source": dict(sorted(self.sources.items())),
            "kept_by_calls": {str(calls): rows for calls, rows in sorted(self.calls.items())},
            "share_no_call": round(self.no_call, 6),
            "share_several_calls": round(self.several_calls, 6),
            "changed": dict(sorted(self.changes.items())),
            "several_values_accepted": self.fixed,
            "eval_rows": self.eval_rows,
            "dropped": {
                reason: {"rows": rows, "where": self.examples[reason].where, "detail": self.examples[reason].detail}
                for reason, rows in sorted(self.dropped.items(), key=lambda item: (-item[1], item[0]))
            },
            "prompt_length": {"unit": self.unit, "quantiles": self.length_quantiles()},
        }
