"""The table by hand: three seeds of two variants."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from awpo_verl.workbench.ablation.table import collect_results, mean_interval, render_table, results_as_json

METRIC = "val-core/shop_hard/acc/mean@1"


def write(path: Path, *steps: tuple[int, dict[str, float]], torn: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"step": step, "data": data}) + "\n" for step, data in steps) + torn)
    return path


def test_the_mean_of_three_seeds_with_students_interval() -> None:
    # mean 0.4, sd 0.1, t(0.975, 2) = 4.3027, half = 4.3027 * 0.1 / sqrt(3) = 0.24842
    assert mean_interval([0.3, 0.4, 0.5]) == pytest.approx((0.4, 0.4 - 0.248414, 0.4 + 0.248414), abs=1e-6)
    mean, low, high = mean_interval([0.7])
    assert (mean, math.isnan(low), math.isnan(high)) == (0.7, True, True)


def test_variants_are_compared_seed_by_seed(tmp_path: Path) -> None:
    runs = []
    for variant, gain in (("awpo", 0.0), ("grpo", -0.2)):
        for seed, base in enumerate((0.3, 0.4, 0.5)):
            path = write(
                tmp_path / f"{variant}-{seed}" / "metrics.jsonl",
                (0, {METRIC: 0.1}),
                (8, {METRIC: base + gain, "x": 1.0}),
            )
            runs.append((variant, seed, path))
    lines = render_table(collect_results(runs), ["val-core/*"], "awpo").splitlines()
    assert lines[0] == "| metric | variant | seeds | at the end | 95 % interval | against awpo | 95 % interval |"
    assert lines[2] == f"| {METRIC} | awpo | 3 | 0.400 | 0.152 to 0.648 |  |  |"
    assert lines[3] == f"| {METRIC} | grpo | 3 | 0.200 | -0.048 to 0.448 | -0.200 | -0.200 to -0.200 |"  # paired
    assert len(lines) == 4  # x is not asked for
    assert results_as_json(collect_results(runs))["grpo"]["1"][METRIC] == [(0, 0.1), (8, pytest.approx(0.2))]


def test_the_reference_is_the_requested_variant_and_not_the_first_to_finish(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.jsonl", (8, {METRIC: value})) for n, value in enumerate((0.3, 0.4, 0.5))]
    # awpo's seed 0 has failed
    found = collect_results([("no_gate", 0, paths[0]), ("awpo", 1, paths[1]), ("no_gate", 1, paths[2])])
    text = render_table(found, ["val-core/*"], "awpo")
    assert "against awpo" in text
    assert f"| {METRIC} | no_gate | 2 | 0.400 |" in text
    assert "| 0.100 |  |\n" in text.replace("+", "")  # of seed 1 alone
    assert "No run of grpo has finished" in render_table(found, ["val-core/*"], "grpo")


def test_a_resumed_run_is_one_curve_and_a_torn_line_costs_itself(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(tmp_path / "metrics.1.jsonl", (1, {METRIC: 0.1}), (2, {METRIC: 0.2}), torn='{"step": 3, "da')
    write(path, (2, {METRIC: 0.25}), (3, {METRIC: 0.3}))
    found = collect_results([("awpo", 0, path)])
    assert found.runs["awpo"][0][METRIC] == [(1, 0.1), (2, 0.25), (3, 0.3)]


def test_a_metric_that_no_run_logged_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "metrics.jsonl", (1, {"a": 1.0, "b": math.nan}))
    found = collect_results([("awpo", 0, path)])
    assert render_table(found, ["val-core/*"], "awpo") == "No finished run has logged a metric like val-core/*.\n"
    assert "b" not in found.runs["awpo"][0]
