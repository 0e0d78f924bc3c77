"""Findings about the seams, from their check in the probe's process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from awpo_verl.integration.check_seams import SeamStatus
from awpo_verl.workbench.preflight.findings import Finding, error, ok, warning

SUBJECT = "seams"


def check_seams(stage: dict[str, Any]) -> list[Finding]:
    """Every seam is as AWPO knows it (integration/seams.py).

    Args:
        stage: the probe's result: "seams", a list of SeamStatus as JSON, or "error".
    """
    if "seams" not in stage:
        return [error(SUBJECT, f"not checked: {stage.get('error', 'the checking process ended before this check')}")]
    seams = [SeamStatus(**seam) for seam in stage["seams"]]
    causes = dict.fromkeys(seam.import_error for seam in seams if seam.import_error)
    findings = [_report_import_error(cause, seams) for cause in causes]
    findings += [_report_problem(seam) for seam in seams if seam.state != "ok" and not seam.import_error]
    return findings or [ok(SUBJECT, f"{len(seams)}, all as AWPO knows them")]


def _report_problem(seam: SeamStatus) -> Finding:
    level = error if seam.state == "broken" else warning
    return level(SUBJECT, f"{seam.seam}: {seam.problem} It carries: {seam.feature}.")


def _report_import_error(cause: str, seams: Sequence[SeamStatus]) -> Finding:
    """One finding for a package that cannot be imported, with all seams that need it."""
    affected = [seam for seam in seams if seam.import_error == cause]
    features = dict.fromkeys(seam.feature for seam in affected)
    return error(
        SUBJECT,
        f"{cause}. Install or repair it. The seams that need it: {', '.join(seam.seam for seam in affected)}. They "
        f"carry: {'; '.join(features)}.",
    )
