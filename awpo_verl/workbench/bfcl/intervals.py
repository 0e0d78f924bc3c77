"""95 % intervals of accuracies, of their weighted means, and of paired differences.

All have a closed form, without random draws. They stay valid near 0 and 1 and with few entries, where a bootstrap of
ten failures would report an interval of width 0.

- One accuracy: the score interval of Wilson (1927).
- A weighted mean of independent accuracies: MOVER, the square-and-add rule over the parts' own intervals (Zou, Huang
  and Zhang 2009, Comput. Stat. Data Anal. 53, 1080): for the estimate e = sum w p with weights w >= 0,
  low = e - sqrt(sum w^2 (p - low_p)^2) and high alike.
- The difference of two models over the same entries: Newcombe (1998), Stat. Med. 17, 2635, method 10: the same rule
  with the correlation of the two; p-value by the exact McNemar test (binomial over the entries where they differ).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from scipy.stats import binomtest

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Paired:
    """Counts of entries that two models answered: right by both, by the first only, by the second only, by neither."""

    both: int
    first: int
    second: int
    neither: int

    @property
    def n(self) -> int:
        return self.both + self.first + self.second + self.neither


def estimate_accuracy(correct: int, n: int) -> Estimate:
    """correct / n with Wilson's interval. For n = 0: NaN, from 0 to 1."""
    if n == 0:
        return Estimate(float("nan"), 0.0, 1.0)
    interval = binomtest(correct, n).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(correct / n, float(interval.low), float(interval.high))


def weighted_mean(parts: Sequence[Estimate], weights: Sequence[float]) -> Estimate:
    """The weighted mean of independent estimates. The weights are scaled to the sum 1."""
    total = sum(weights)
    shares = [weight / total for weight in weights]
    value = sum(share * part.value for share, part in zip(shares, parts, strict=True))
    below = sqrt(sum((share * (part.value - part.low)) ** 2 for share, part in zip(shares, parts, strict=True)))
    above = sqrt(sum((share * (part.high - part.value)) ** 2 for share, part in zip(shares, parts, strict=True)))
    return Estimate(value, value - below, value + above)


def accuracy_difference(table: Paired) -> Estimate:
    """The first model's accuracy minus the second's, over the same entries."""
    first = estimate_accuracy(table.both + table.first, table.n)
    second = estimate_accuracy(table.both + table.second, table.n)
    if table.n == 0:
        return Estimate(float("nan"), -1.0, 1.0)
    value, phi = first.value - second.value, _correlation(table)

    def reach(a: float, b: float) -> float:
        return sqrt(max(a * a - 2 * phi * a * b + b * b, 0.0))

    below = reach(first.value - first.low, second.high - second.value)
    above = reach(first.high - first.value, second.value - second.low)
    return Estimate(value, max(value - below, -1.0), min(value + above, 1.0))


def mcnemar_p_value(table: Paired) -> float:
    """The exact two-sided p-value for equally good models; 1 if they never differ."""
    differ = table.first + table.second
    return float(binomtest(table.first, differ).pvalue) if differ else 1.0


def _correlation(table: Paired) -> float:
    """Newcombe's phi: the correlation of the two models' results, with his correction towards 0 if it is positive."""
    margins = (
        (table.both + table.first)
        * (table.second + table.neither)
        * (table.both + table.second)
        * (table.first + table.neither)
    )
    if margins == 0:
        return 0.0
    product = table.both * table.neither - table.first * table.second
    if product > 0:
        product = max(product - table.n / 2, 0.0)
    return product / sqrt(margins)
