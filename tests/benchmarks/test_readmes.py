"""The tables in benchmarks/*/README.md are those of the results files, and the pages in docs/ repeat their figures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.call_formats.servers import VERL, VLLM
from benchmarks.cost import report, sweep
from benchmarks.learning import results, tables
from benchmarks.simulator import pictures
from benchmarks.simulator.sweeps import METHODS
from tests.paths import ROOT

FOLDER = ROOT / "benchmarks"
READMES = sorted(FOLDER.glob("*/README.md"))
MULTITURN = ("replays", "end state differs", "none", "auto", "all", "BFCL")
TOOLRL = ("ours_graded", "ours_exact", "toolrl_accuracy", "toolrl_format")
FIGURE = re.compile(r"\d[\d,]*(?:\.\d+)?")


def kept(name: str) -> Any:
    return json.loads((FOLDER / name).read_text())


def learning() -> Iterator[str]:
    runs = results.with_start(results.load(FOLDER / "learning" / "results.json"))
    yield tables.all_tables(runs)


def simulator() -> Iterator[str]:
    records = kept("simulator/results.json")
    yield pictures.tables(records)
    for method in METHODS:
        means = [r["result"]["mean"] for r in records if r["point"]["sweep"] == f"start, {method}"]
        yield f"| {method} | {' | '.join(f'{mean:.3f}' for mean in means)} |"


def cost() -> Iterator[str]:
    yield report.markdown(sweep.load(FOLDER / "cost" / "results.json"))


def rewards_scale() -> Iterator[str]:
    found = kept("rewards_scale/results.json")
    for format, rates in found["rates"].items():
        yield f"| {format} | {' | '.join(f'{rate:,}' for rate in rates.values())} |"
    for rollouts, took in found["offline"].items():
        size, rate, memory = took["bytes_in"] / 1e9, int(rollouts) / took["seconds"], took["peak_bytes"] / 1e9
        yield f"| {int(rollouts):,} | {size:.3g} | {took['seconds']:.1f} | {rate:,.0f} | {memory:.2f} |"


def outcome() -> Iterator[str]:
    for format, row in kept("outcome/speed.json").items():
        exact, graded, bfcl = row["exact_per_s"], row["graded_per_s"], row["bfcl_per_s"]
        yield f"| {format} | {exact:,}/s ({exact / bfcl:.2f}) | {graded:,}/s ({graded / bfcl:.2f}) | {bfcl:,}/s |"
    for name, row in kept("outcome/toolrl.json").items():
        yield f"| {name} | {row['n']} | {' | '.join(f'{row[key]:.2f}' for key in TOOLRL)} |"


def bfcl() -> Iterator[str]:
    found = kept("bfcl/agreement.json")
    for key in ("both_right", "both_wrong", "explained", "unexplained"):
        yield f" | {found[key]:,} |"
    for item in found["differences"]:
        yield f"| {item['name']} | {item['accepted_by']} | {item['count']:,} | {item['right']} |"
    for replay, row in kept("bfcl/multiturn.json")["replays"].items():
        yield f"| {replay} | {' | '.join(str(row[key]) for key in MULTITURN)} |"


def call_formats() -> Iterator[str]:
    found = kept("call_formats/results.json")
    for format, cases in found["cases"].items():
        cells = [f"`{format}`", str(cases)]
        for server, parsers in (("vllm", VLLM), ("verl", VERL)):
            different = sum((d["format"], d["server"]) == (format, server) for d in found["differences"])
            cells += [str(cases - different), str(different)] if format in parsers else ["-", "-"]
        yield f"| {' | '.join(cells)} |"


def judge() -> Iterator[str]:
    for row in kept("judge/throughput.json")["rows"]:
        rates = f"{row['judgements_per_second']:.1f} | {row['ratio']:.2f} | {row['cpu_ms_per_judgement']:.2f}"
        yield f"| {row['concurrency']} | {rates} | {row['latency_p50']:.3f} | {row['latency_p99']:.3f} |"


TABLES = (learning, simulator, cost, rewards_scale, outcome, bfcl, call_formats, judge)


@pytest.mark.parametrize("made", TABLES, ids=lambda made: made.__name__)
def test_a_readme_has_the_tables_of_its_results_file(made: Any) -> None:
    text = (FOLDER / made.__name__ / "README.md").read_text()
    missing = [line for part in made() for line in part.splitlines() if line not in text]
    assert missing == []


def test_every_benchmark_has_a_readme() -> None:
    assert [made.__name__ for made in sorted(TABLES, key=lambda made: made.__name__)] == [
        p.parent.name for p in READMES
    ]


@pytest.mark.parametrize("page", ["results", "simulator", "cost"])
def test_every_figure_in_a_table_of_the_pages_is_in_a_readme(page: str) -> None:
    known = {figure for readme in READMES for figure in FIGURE.findall(readme.read_text())}
    rows = [line for line in Path(ROOT, "docs", f"{page}.md").read_text().splitlines() if line.startswith("|")]
    assert rows
    assert {figure for row in rows for figure in FIGURE.findall(row)} - known == set()
