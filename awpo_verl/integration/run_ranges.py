"""The ranges of both rewards in a run: who scored each row, what the process has seen, the check of the first batch.

The seen ranges are lost when the process ends. After a resume a range starts at what is known, and widens at the first
outcome outside of it, before that batch is weighed. The first batch after a resume is checked like the first of a run.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from awpo_verl.algorithm.groups import factorize, to_rows
from awpo_verl.algorithm.ranges import UNIT, Range, RowRanges, SeenRanges, fixed_ranges, unit_reasoning
from awpo_verl.config import SECTION, AWPOConfig, AWPOConfigError
from awpo_verl.integration.verl_outcome_ranges import find_rule_range
from awpo_verl.rewards.parts import PartsColumns


class Scorer(NamedTuple):
    """What scored a row's outcome: its data source, and the range that is known for it."""

    source: str
    known: Range


class RunRanges:
    """The ranges of the rewards that one process has seen."""

    def __init__(self) -> None:
        self._outcomes = SeenRanges(_print_widening, self._print_outlier)
        self._sources_with_outliers: set[str] = set()
        self._reasoning_is_checked = False

    def find_outcome_ranges(
        self, outcome: Tensor, parts: PartsColumns, rejected: Tensor, config: AWPOConfig
    ) -> RowRanges:
        """The range of each row's outcome: from the config, or by data source.

        Args:
            outcome: float64 [B], finite where not rejected.
            parts: of which the data sources are read, and where verl's rule gave the outcome.
            rejected: bool [B], True for a row that does not widen a range.
        """
        fixed = config.fixed_outcome_range()
        if fixed is not None:
            return fixed_ranges(outcome, fixed)
        ids, scorers = find_scorers(parts.data_source, parts.by_verl_rule)
        known, counted = [scorer.known for scorer in scorers], ~rejected & torch.isfinite(outcome)
        return self._outcomes.observe_ids(outcome, ids, scorers, known, counted)

    def _print_outlier(self, scorer: Hashable, outcome: float, in_force: Range) -> None:
        """Print it once for each data source."""
        source = _source(scorer)
        if source in self._sources_with_outliers:
            return
        self._sources_with_outliers.add(source)
        print(
            f"[awpo] data source {source!r} has the outcome {outcome:g}, far outside of its range "
            f"[{in_force[0]:g}, {in_force[1]:g}] and in few rows of the batch. It does not widen the range. If this "
            f"outcome is part of your scale, set {SECTION}.outcome_range=[low, high]. Later outliers of this source "
            "are counted in awpo/outcome_out_of_range_frac.",
            flush=True,
        )

    def check_reasoning(self, reasoning: Tensor, valid: Tensor, config: AWPOConfig) -> None:
        """Stop the run if the first train batch with reasoning rewards has one outside of `reasoning_range`.

        Args:
            reasoning: float64 [B]. valid: bool [B].

        Raises:
            AWPOConfigError: gives the key, the values seen, and what to set.
        """
        finite = reasoning.masked_select(valid & torch.isfinite(reasoning))
        if self._reasoning_is_checked or not len(finite):
            return
        low, high = config.reasoning_range
        _, outside = unit_reasoning(finite, torch.ones_like(finite, dtype=torch.bool), (low, high))
        if outside.any():
            lowest, highest = float(finite.min()), float(finite.max())
            raise AWPOConfigError(
                f"{SECTION}.reasoning_range=[{low:g}, {high:g}] does not hold the reasoning rewards of the first train "
                f"batch: {int(outside.sum())} of {len(finite)} are outside, and all go from {lowest:g} to {highest:g}. "
                f"Set {SECTION}.reasoning_range to both ends of your scorer's scale, for example "
                f"{_scale_around(lowest, highest)}; it is then mapped to [0, 1]."
            )
        self._reasoning_is_checked = True


def find_scorers(sources: Sequence[str] | None, by_verl_rule: Tensor) -> tuple[Tensor, list[Scorer]]:
    """What scored each of B rows: verl's rule for the data source, or anything else.

    A user's function may have the data source of one of verl's rules. The rule does not run then, and its range is not
    the function's.

    Args:
        sources: B data sources. None: all rows have one source.
        by_verl_rule: bool [B], True where verl's rule gave the outcome.

    Returns:
        ids: int64 [B], the number of each row's scorer; and the scorers by number, each once. A scorer may have no row.
    """
    of_row, names = factorize([""] * len(by_verl_rule) if sources is None else sources)
    pairs = [Scorer(str(name), known) for name in names for known in (UNIT, find_rule_range(str(name)) or UNIT)]
    number = {scorer: i for i, scorer in enumerate(dict.fromkeys(pairs))}
    return to_rows(torch.tensor([number[scorer] for scorer in pairs]), 2 * of_row + by_verl_rule.long()), list(number)


def _source(scorer: Hashable) -> str:
    return str(scorer.source if isinstance(scorer, Scorer) else scorer)[:80]


def _print_widening(scorer: Hashable, before: Range, now: Range) -> None:
    print(
        f"[awpo] outcome range of data source {_source(scorer)!r}: [{now[0]:g}, {now[1]:g}], from what was seen "
        f"(before: [{before[0]:g}, {before[1]:g}]). {SECTION}.outcome_range=[low, high] sets it for all sources.",
        flush=True,
    )


def _scale_around(lowest: float, highest: float) -> str:
    """A likely scale that holds both numbers. Its ends are 0, 1 or a power of ten."""
    low = -_power_of_ten(-lowest) if lowest < 0 else 0.0
    high = _power_of_ten(highest) if highest > 0 else 0.0
    return f"[{low:g},{high:g}]"


def _power_of_ten(number: float) -> float:
    """The smallest of 1, 10, 100, ... that is at least the number."""
    return 1.0 if number <= 1.0 else 10.0 ** math.ceil(math.log10(number) - 1e-9)
