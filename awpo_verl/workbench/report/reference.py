"""The part of docs/metrics.md that is derived from health.py and problems.py; a test compares them.

python -m awpo_verl.workbench.report.reference     prints it
"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from awpo_verl.workbench.report.health import HEALTHY_RANGES
from awpo_verl.workbench.report.problems import Problem

TITLE = "## Alerts, by problem"
WIDTH = 110


def alert_reference() -> str:
    """The alerts in Markdown, by problem: which metrics raise them, and what to do."""
    problems = dict.fromkeys(rule.problem for known in HEALTHY_RANGES for rule in known.rules)
    return "\n\n".join([TITLE, *("\n".join(_describe_problem(problem)) for problem in problems)]) + "\n"


def _describe_problem(problem: Problem) -> Iterator[str]:
    yield f"### {problem.title}\n"
    for known in HEALTHY_RANGES:
        conditions = [
            rule.condition + (" (warning)" if rule.severity == "warning" else "")
            for rule in known.rules
            if rule.problem is problem
        ]
        if conditions:
            yield _wrap(f"- {known.label}: {'; '.join(conditions)}. Healthy: {known.healthy}.", "  ")
    yield ""
    yield _wrap(problem.advice.replace("docs/judge.md", "[judge.md](judge.md)"))


def _wrap(text: str, indent: str = "") -> str:
    return "\n".join(wrap(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False))


if __name__ == "__main__":
    print(alert_reference(), end="")
