"""Compare the outcome check with BFCL's own checker, on every Python single-turn entry that BFCL checks by AST.

    pip install --no-deps --target .cache/bfcl bfcl-eval==2026.3.23
    python -m benchmarks.bfcl.agreement [--bfcl .cache/bfcl]

mutations.py makes right and wrong responses from each entry's possible answers, in hermes and in pythonic text. Both
sides read and check the same text, ours with `strings=normalized`. Prints how often the verdicts agree, by category and
by mutation, and what explains the disagreements (differences.py). Writes benchmarks/bfcl/agreement.json. The exit code
is 1 if fewer than 99.5 % of the unexplained verdicts agree. Takes about 2 minutes in one process.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from awpo_verl.rewards.outcome import match_calls, parse_response, parse_tools, read_expected_calls
from awpo_verl.workbench.bfcl.ground_truth import ground_truth_text
from benchmarks.bfcl import differences, mutations, official
from benchmarks.bfcl.causes import Case
from benchmarks.bfcl.explain import explain

WANTED = 0.995
VERDICTS = ((True, True), (False, False), (True, False), (False, True))  # ours, BFCL's
EXAMPLE_CHARS = 300


@dataclass
class Tally:
    """Counts of verdict pairs (ours, BFCL's) and of differences, with one example of each difference."""

    verdicts: defaultdict[tuple[str, str, str], Counter[tuple[bool, bool]]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    explained: Counter[str] = field(default_factory=Counter)
    explained_by_row: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    examples: dict[str, dict[str, Any]] = field(default_factory=dict)
    unexplained: list[dict[str, Any]] = field(default_factory=list)
    unsatisfiable: dict[str, str] = field(default_factory=dict)
    accepted_unsatisfiable: int = 0
    raised: int = 0


def main() -> int:
    parser = official.options(__doc__ or "")
    parser.add_argument("--json", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    if not official.load(options.bfcl):
        return 0
    tally = Tally()
    for entry in official.entries(options.bfcl):
        judge(entry, tally)
    result = summary(tally)
    show(tally, result)
    options.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    return 0 if result["agreement_where_unexplained"] >= WANTED else 1


def judge(entry: official.Entry, tally: Tally) -> None:
    """Count both verdicts on every response to one entry."""
    try:
        truth = ground_truth_text(entry.answer, entry.functions)
    except ValueError as error:
        tally.unsatisfiable[entry.id] = str(error)
        responses = mutations.responses(entry)
        tally.accepted_unsatisfiable += sum(official.verdict(entry, text, format)[0] for _, format, text in responses)
        return
    tools = parse_tools(entry.functions_text)
    expected = read_expected_calls(truth)
    if tools is None or expected is None:
        raise AssertionError(entry.id)
    for mutation, format, text in mutations.responses(entry):
        response = parse_response(text, format, tools)
        ours = match_calls(response, expected, tools, "normalized").exact
        theirs, raised = official.verdict(entry, text, format)
        row = (entry.category, mutation, format)
        tally.verdicts[row][ours, theirs] += 1
        tally.raised += raised == "checking"
        if ours == theirs:
            continue
        calls = None if raised == "decoding" else official.decode(text, format)
        case = Case(entry, expected, tools, format, text, response, calls, ours)
        example = {"id": entry.id, "mutation": mutation, "accepted_by": "ours" if ours else "BFCL", "text": text}
        names = explain(case)
        if not names:
            tally.unexplained.append(example)
            continue
        tally.explained_by_row[row] += 1
        tally.explained.update(names)
        for name in names:
            kept = tally.examples.get(name)
            if kept is None or len(kept["text"]) > len(text):
                tally.examples[name] = {**example, "answer": entry.answer}


def summary(tally: Tally) -> dict[str, Any]:
    """The figures that agreement.json keeps."""
    total: Counter[tuple[bool, bool]] = sum(tally.verdicts.values(), Counter())
    agreed = total[True, True] + total[False, False]
    responses = total.total()
    explained = tally.explained_by_row.total()
    return {
        "bfcl_eval": official.VERSION,
        "responses": responses,
        "both_right": total[True, True],
        "both_wrong": total[False, False],
        "explained": explained,
        "unexplained": len(tally.unexplained),
        "agreement": agreed / responses,
        "agreement_where_unexplained": agreed / (responses - explained),
        "bfcl_raised_while_checking": tally.raised,
        "by_category": _by(tally, 0),
        "by_mutation": _by(tally, 1),
        "by_format": _by(tally, 2),
        "differences": [_difference(item, tally) for item in differences.ALL],
        "unexplained_examples": [_short(item) for item in tally.unexplained[:10]],
        "unsatisfiable": tally.unsatisfiable,
        "responses_to_unsatisfiable_that_bfcl_accepts": tally.accepted_unsatisfiable,
    }


def _by(tally: Tally, column: int) -> dict[str, dict[str, int]]:
    """Counts by category, mutation or format."""
    table: dict[str, dict[str, int]] = {}
    for row, counts in tally.verdicts.items():
        cell = table.setdefault(row[column], dict.fromkeys(("responses", *map(_label, VERDICTS), "explained"), 0))
        for verdict, count in counts.items():
            cell[_label(verdict)] += count
        cell["responses"] += counts.total()
        cell["explained"] += tally.explained_by_row[row]
    return table


def _label(verdict: tuple[bool, bool]) -> str:
    names = {
        (True, True): "both_right",
        (False, False): "both_wrong",
        (True, False): "only_ours",
        (False, True): "only_bfcl",
    }
    return names[verdict]


def _difference(item: differences.Difference, tally: Tally) -> dict[str, Any]:
    example = tally.examples.get(item.name)
    return {
        "name": item.name,
        "accepted_by": item.accepted_by,
        "right": item.right,
        "why": item.why,
        "count": tally.explained[item.name],
        "example": _short(example) if example else None,
    }


def _short(example: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value if len(str(value)) <= EXAMPLE_CHARS else str(value)[:EXAMPLE_CHARS] + "..."
        for key, value in example.items()
    }


def show(tally: Tally, result: dict[str, Any]) -> None:
    console = Console(width=160)
    for title, rows in (("category", result["by_category"]), ("mutation", _merged(result["by_mutation"]))):
        table = Table(title=f"Verdicts by {title}")
        for name in (title, "responses", "both right", "both wrong", "only ours", "only BFCL", "explained"):
            table.add_column(name, justify="left" if name == title else "right")
        for name, cell in rows.items():
            table.add_row(name, *(f"{count:,}" for count in cell.values()))
        console.print(table)
    table = Table(title="Differences")
    for name in ("difference", "accepts", "right", "count", "why"):
        table.add_column(name, justify="right" if name == "count" else "left")
    for item in result["differences"]:
        table.add_row(item["name"], item["accepted_by"], item["right"], f"{item['count']:,}", item["why"])
    console.print(table)
    for name, reason in tally.unsatisfiable.items():
        console.print(f"{name}: {reason}", markup=False)
    console.print(f"BFCL accepts {tally.accepted_unsatisfiable} of the responses to these entries.")
    for item in result["unexplained_examples"]:
        console.print(f"unexplained: {item}", markup=False)
    console.print(
        f"{result['responses']:,} responses: the verdicts agree on {result['agreement']:.2%}. {result['explained']:,} "
        f"disagreements are explained, {result['unexplained']} are not. Without the explained ones "
        f"{result['agreement_where_unexplained']:.3%} agree."
    )


def _merged(rows: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Put the mutations of an argument and of the values inside it into one row."""
    merged: dict[str, dict[str, int]] = {}
    for name, cell in rows.items():
        kept = merged.setdefault(name.removesuffix(", inside").removesuffix(", inside"), dict.fromkeys(cell, 0))
        for column, count in cell.items():
            kept[column] += count
    return merged


if __name__ == "__main__":
    sys.exit(main())
