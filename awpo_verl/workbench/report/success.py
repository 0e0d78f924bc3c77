"""Held-out success, as verl's validation logs it: `val-core/<data source>/<variable>/mean@<samples>`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from awpo_verl.workbench.report.curves import Curve, mean_curve

_NAME = re.compile(r"val-core/(?P<source>.+)/[^/]+/mean@\d+")  # a data source may have slashes: Team-ACE/ToolACE


def source_of(metric: str) -> str | None:
    """The data source of a metric of held-out success, None for any other metric (best@4, maj@4)."""
    found = _NAME.fullmatch(metric)
    return found["source"] if found else None


def heldout(curves: Mapping[str, Curve]) -> dict[str, Curve]:
    """Data source -> held-out success, in the order of their names; [0, 1] where the outcome is."""
    found = {source: curve for metric, curve in sorted(curves.items()) if (source := source_of(metric)) is not None}
    return {source: curve for source, curve in found.items() if len(curve)}


def overall(curves: Mapping[str, Curve]) -> Curve | None:
    """The plain mean over the data sources, at the steps that all of them have; None without validation."""
    return mean_curve(heldout(curves).values())
