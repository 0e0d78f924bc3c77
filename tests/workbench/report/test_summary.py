"""The row of a run, by hand."""

from __future__ import annotations

import os
from pathlib import Path

from awpo_verl.workbench.report.runs import read_run
from awpo_verl.workbench.report.summary import NONE, summarize_run
from tests.workbench.report.logs import rollout, write_dump, write_jsonl


def test_a_row_says_how_far_a_run_is_what_it_reached_and_what_it_spent(tmp_path: Path) -> None:
    steps = [
        (
            n,
            {
                "critic/score/mean": 0.0 if n <= 20 else 0.5,
                "timing_s/step": 90.0 if n <= 30 else 270.0,
                "perf/total_num_tokens": 500_000,
                "awpo/gate/mean": 0.5,
            },
        )
        for n in range(1, 41)
    ]
    held = ((0, 0.1, 0.3), (20, 0.7, 0.9), (40, 0.5, 0.7))
    steps += [(n, {"val-core/a/acc/mean@1": a, "val-core/b/acc/mean@1": b}) for n, a, b in held]
    path = write_jsonl(tmp_path / "metrics.jsonl", steps)
    write_dump(tmp_path / "rollouts", 39, [rollout()])
    write_dump(tmp_path / "rollouts", 40, [rollout()] * 64)
    os.utime(path, (0, 86_400 * 365))
    row = summarize_run(read_run(tmp_path, "x"))
    assert (row.run, row.estimator, row.steps) == ("x", "awpo", "40")
    assert row.heldout == "0.20 → 0.60"  # the plain mean of both data sources
    assert row.best == "0.80 at step 20"
    assert row.outcome == "0.00 → 0.50"  # over 10 steps each
    assert row.spent == "2560 rollouts (64 a step), 20M tokens"  # 64 * 40, 500,000 * 40
    assert row.time == "1.5 h, 90 s a step"  # 30 * 90 + 10 * 270 = 5400 s; the median
    assert row.written.startswith("1971-01-01") or row.written.startswith("1970-12-31")


def test_what_a_log_does_not_say_is_a_dash(tmp_path: Path) -> None:
    row = summarize_run(read_run(write_jsonl(tmp_path / "metrics.jsonl", [(3, {"critic/score/mean": 0.25})])))
    assert (row.estimator, row.outcome, row.steps) == ("another", "0.25", "3")
    assert {row.heldout, row.best, row.spent, row.time} == {NONE}
    parts = [(1, {"awpo/outcome/mean": 0.5})]
    row = summarize_run(read_run(write_jsonl(tmp_path / "metrics.jsonl", parts)))
    assert row.estimator == "another, with reward parts"
