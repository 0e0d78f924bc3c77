"""Held-out success, as verl's validation logs it: `val-core/<data source>/<variable>/mean@<samples>`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from awpo_verl.workbench.report.curves import Curve, mean_curve

_NAME = re.compile(r"val-core/(?P<source>.+)/[^/]+/mean@\d+")  # a data source may have slashes: Team-ACE/ToolACE


def data_source_of(metric: str) -> str | None:
    """The data source of a metric of held-out success; None for any other metric, such as best@4 or maj@4."""
    found = _NAME.fullmatch(metric)
    return found["source"] if found else None


def heldout_curves(curves: Mapping[str, Curve]) -> dict[str, Curve]:
    """Data source -> held-out success, sorted by name. Values have the range of the outcome, usually [0, 1]."""
    by_source = {data_source_of(metric): curve for metric, curve in sorted(curves.items())}
    return {source: curve for source, curve in by_source.items() if source is not None and len(curve)}


def mean_heldout_curve(curves: Mapping[str, Curve]) -> Curve | None:
    """The plain mean over data sources, at the steps that all of them have; None without validation."""
    return mean_curve(heldout_curves(curves).values())
