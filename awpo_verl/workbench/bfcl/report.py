"""The table of a BFCL run: by category and by BFCL's groups, with intervals, failures, and a paired comparison.

Groups and weights are BFCL v4's (eval_checker/eval_runner_helper.py, generate_leaderboard_csv). Non-live is the mean of
simple (itself a mean of the languages), multiple, parallel and parallel_multiple. Live is weighted by entries.
Multi-turn and irrelevance are plain means. Overall weighs these 10, 10, 30 and 10, and agentic 40. One difference: BFCL
counts a category that was not run as 0. Here a group covers the categories that were run, and says how many.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from awpo_verl.workbench.bfcl import intervals
from awpo_verl.workbench.bfcl.entries import BfclEntry, BfclRun, count_failures
from awpo_verl.workbench.bfcl.intervals import Estimate, Paired

Tree = str | tuple["Tree", ...]
SIMPLE = ("simple_python", "simple_java", "simple_javascript")
LIVE = ("live_simple", "live_multiple", "live_parallel", "live_parallel_multiple")
GROUPS: dict[str, Tree] = {
    "non-live": (SIMPLE, "multiple", "parallel", "parallel_multiple"),
    "live": LIVE,
    "multi-turn": ("multi_turn_base", "multi_turn_miss_func", "multi_turn_miss_param", "multi_turn_long_context"),
    "irrelevance detection": ("irrelevance", "live_irrelevance"),
    "agentic": (("web_search_base", "web_search_no_snippet"), ("memory_kv", "memory_vector", "memory_rec_sum")),
}
OVERALL = {"non-live": 10.0, "live": 10.0, "irrelevance detection": 10.0, "multi-turn": 30.0, "agentic": 40.0}
KINDS = ("decode", "context", "cut", "handler", "crash")
NO_ANSWER = ("server", "missing")
_EXPLANATION = (
    "Within n: decode (BFCL found no readable calls), context (the conversation outgrew the model's context), handler "
    "and crash (BFCL's handler or checker raised on the answer) count as wrong. cut (the answer reached the limit of "
    "new tokens) counts as BFCL says. Outside of n: no answer (the server failed, or the entry was not run)."
)


@dataclass(frozen=True)
class TableRow:
    """One line of the table.

    Attributes:
        name: a category or a group.
        n: entries with a result.
        failures: kind -> entries.
        parts, of: a group's categories that were run, and all of its categories.
        difference, p, common: against the baseline, over the `common` entries; p by the exact McNemar test.
    """

    name: str
    n: int
    accuracy: Estimate
    failures: dict[str, int]
    parts: int = 1
    of: int = 1
    difference: Estimate | None = None
    p: float | None = None
    common: int = 0


def build_rows(run: BfclRun, baseline: BfclRun | None = None) -> list[TableRow]:
    """Rows of the categories in BFCL's order, then of the groups, then overall."""
    single = {name: _category(name, run, baseline) for name in run.categories}
    sizes = {name: row.n for name, row in single.items() if row.n}
    lines = [single[name] for name in sorted(single, key=_order)]
    weights = {name: _weights(name, tree, sizes) for name, tree in GROUPS.items()}
    weights = {name: shares for name, shares in weights.items() if shares}
    lines += [_group(name, shares, single, len(_leaves(GROUPS[name]))) for name, shares in weights.items()]
    if weights:
        overall = {c: OVERALL[name] * share for name, shares in weights.items() for c, share in shares.items()}
        lines.append(_group("overall", overall, single, sum(len(_leaves(tree)) for tree in GROUPS.values())))
    return lines


def pair_entries(run: dict[str, BfclEntry], baseline: dict[str, BfclEntry]) -> Paired:
    """Count the entries with a result in both runs."""
    count: Counter[tuple[bool, bool]] = Counter()
    for id, entry in run.items():
        other = baseline.get(id)
        if other is not None and entry.correct is not None and other.correct is not None:
            count[entry.correct, other.correct] += 1
    return Paired(count[True, True], count[True, False], count[False, True], count[False, False])


def render_markdown(run: BfclRun, lines: list[TableRow], baseline: BfclRun | None = None) -> str:
    """The report as Markdown, for the terminal and bfcl.md."""
    against = [] if baseline is None else ["vs baseline", "95 % interval", "p", "common"]
    head = ["", "n", "accuracy", "95 % interval", *KINDS, "no answer", *against]
    table = [head, *[_cells(row, baseline is not None) for row in lines]]
    widths = [max(2, *(len(line[i]) for line in table)) for i in range(len(head))]
    text = [_line(head, widths), _line(["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]], widths)]
    text += [_line(line, widths) for line in table[1:]]
    shown = {key: value for key, value in run.settings.items() if value not in ("", None) and key != "label"}
    settings = ", ".join(f"{key} {value}" for key, value in shown.items())
    parts = [f"# BFCL: {run.settings.get('label', '')}", settings, "\n".join(text), _EXPLANATION]
    if baseline is not None:
        parts.append(f"Baseline: {baseline.settings.get('label', '')}. {_mismatch(run, baseline)}".strip())
    parts += _notes(run, lines)
    return "\n\n".join(parts) + "\n"


def write_report(run: BfclRun, baseline: BfclRun | None, folder: Path) -> str:
    """Write bfcl.json and bfcl.md to this folder, and return the text of bfcl.md."""
    lines = build_rows(run, baseline)
    report: dict[str, Any] = run.as_json() | {"rows": [_as_json(row) for row in lines]}
    if baseline is not None:
        report["baseline"] = baseline.settings
    text = render_markdown(run, lines, baseline)
    (folder / "bfcl.json").write_text(json.dumps(report, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    (folder / "bfcl.md").write_text(text, encoding="utf-8")
    return text


def count_unanswered(run: BfclRun) -> int:
    """Entries without a result."""
    return sum(entry.correct is None for entry in run.entries.values())


def _category(name: str, run: BfclRun, baseline: BfclRun | None) -> TableRow:
    entries = run.of(name)
    results = [entry.correct for entry in entries.values() if entry.correct is not None]
    row = TableRow(
        name, len(results), intervals.estimate_accuracy(sum(results), len(results)), dict(count_failures(entries))
    )
    if baseline is None:
        return row
    table = pair_entries(entries, baseline.entries)
    compared = (intervals.accuracy_difference(table), intervals.mcnemar_p_value(table)) if table.n else (None, None)
    return TableRow(row.name, row.n, row.accuracy, row.failures, difference=compared[0], p=compared[1], common=table.n)


def _group(name: str, shares: dict[str, float], single: dict[str, TableRow], of: int) -> TableRow:
    """The weighted mean of categories. A difference needs common entries in each of them."""
    members = [single[category] for category in shares]
    weights = list(shares.values())
    failures: Counter[str] = Counter()
    for row in members:
        failures.update(row.failures)
    changes = [row.difference for row in members if row.difference is not None]
    return TableRow(
        name,
        sum(row.n for row in members),
        intervals.weighted_mean([row.accuracy for row in members], weights),
        dict(failures),
        parts=len(members),
        of=of,
        difference=intervals.weighted_mean(changes, weights) if len(changes) == len(members) else None,
        common=sum(row.common for row in members),
    )


def _weights(name: str, tree: Tree, sizes: dict[str, int]) -> dict[str, float]:
    """Each category's share of a group, over the categories that were run; the shares sum to 1."""
    if name == "live":
        there = {category: sizes[category] for category in LIVE if category in sizes}
        return {category: size / sum(there.values()) for category, size in there.items()}
    if isinstance(tree, str):
        return {tree: 1.0} if tree in sizes else {}
    branches = [branch for item in tree if (branch := _weights("", item, sizes))]
    return {category: share / len(branches) for branch in branches for category, share in branch.items()}


def _leaves(tree: Tree) -> list[str]:
    return [tree] if isinstance(tree, str) else [leaf for item in tree for leaf in _leaves(item)]


def _order(category: str) -> tuple[int, str]:
    known = [leaf for tree in GROUPS.values() for leaf in _leaves(tree)]
    return (known.index(category) if category in known else len(known), category)


def _cells(row: TableRow, compared: bool) -> list[str]:
    name = row.name if row.of == 1 else f"**{row.name}** ({row.parts} of {row.of})"
    lost = sum(row.failures.get(kind, 0) for kind in NO_ANSWER)
    cells = [name, str(row.n), *_estimate(row.accuracy if row.n else None)]
    cells += [str(row.failures.get(kind) or "-") for kind in KINDS] + [str(lost or "-")]
    if compared:
        p = "" if row.p is None else f"{row.p:.2g}"
        cells += [*_estimate(row.difference, "+"), p, str(row.common)]
    return cells


def _estimate(estimate: Estimate | None, sign: str = "") -> tuple[str, str]:
    if estimate is None:
        return "", ""
    return f"{estimate.value * 100:{sign}.1f}", f"{estimate.low * 100:{sign}.1f} to {estimate.high * 100:{sign}.1f}"


def _line(cells: list[str], widths: list[int]) -> str:
    padded = [cell.ljust(widths[0]) if i == 0 else cell.rjust(widths[i]) for i, cell in enumerate(cells)]
    return f"| {' | '.join(padded)} |"


def _notes(run: BfclRun, lines: list[TableRow]) -> list[str]:
    notes = []
    for row in lines:
        official = run.bfcl.get(row.name)
        if official is not None and row.n and abs(official - row.accuracy.value) > 1e-9:
            notes.append(
                f"{row.name}: BFCL's score file says {official * 100:.1f}; it also scores failed requests and entries "
                "of an earlier selection."
            )
    notes += [f"Example of {kind}: {' '.join(message.split())[:300]}" for kind, message in run.messages.items()]
    if lost := count_unanswered(run):
        notes.append(f"{lost} entries have no answer. Run the same command again: it asks only for these.")
    return notes


def _mismatch(run: BfclRun, baseline: BfclRun) -> str:
    keys = ("bfcl_eval", "handler", "temperature", "max_new_tokens", "context")
    pairs = ((key, run.settings.get(key), baseline.settings.get(key)) for key in keys)
    other = [f"{key} {mine} here, {theirs} there" for key, mine, theirs in pairs if mine != theirs]
    return f"The settings differ: {'; '.join(other)}." if other else ""


def _as_json(row: TableRow) -> dict[str, Any]:
    return asdict(row) | {"accuracy": asdict(row.accuracy) if row.n else None}
