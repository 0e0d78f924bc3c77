"""The report as plain text, by hand."""

from __future__ import annotations

from pathlib import Path

from awpo_verl.workbench.report.runs import read_run, read_runs
from awpo_verl.workbench.report.text import render_text
from tests.workbench.report.logs import awpo_run, constant, write_jsonl


def test_alerts_come_with_their_figure_and_advice_and_metrics_with_their_range(tmp_path: Path) -> None:
    steps = [
        (n, {"response_length/clip_ratio": 0.3, "actor/grad_norm": 6.0 if n == 20 else 0.5, "actor/lr": 1e-6})
        for n in range(1, 61)
    ]
    text = render_text([read_run(write_jsonl(tmp_path / "mine" / "metrics.jsonl", steps))])
    assert text == (
        "mine: 60 steps\n"
        "\n"
        "1 critical alert.\n"
        "\n"
        "CRITICAL  Responses are cut off\n"
        "  response_length/clip_ratio: above 0.1 (healthy: below 0.1)\n"
        "  - mine, response_length/clip_ratio: 0.3, mean of the last 10 steps\n"
        "  A response that is cut off fails. Raise RESPONSE_TOKENS.\n"
        "\n"
        "RESOLVED  Updates are too large\n"
        "  actor/grad_norm: 10 times the usual, in one step (healthy: 0.05 to 1)\n"
        "  - mine, actor/grad_norm: 6 at step 20, 12 times the usual value before it\n"
        "\n"
        "mine\n"
        "  metric                      last 10 steps  healthy\n"
        "  actor/grad_norm                       0.5  0.05 to 1  resolved\n"
        "  response_length/clip_ratio            0.3  below 0.1  critical"
    )


def test_each_run_has_its_own_table_and_control_characters_are_escaped(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "b" / "metrics.jsonl", constant("awpo/outcome_reasoning_corr/\x1b[31m\u202eX", -0.3))
    text = render_text(read_runs([awpo_run(tmp_path / "a"), tmp_path / "b"], ["first\x1b[2J", "second"]))
    # training outcome: the mean share of steps 1 to 6 is 3.5 / 12, of 7 to 12 it is 9.5 / 12
    assert (
        "first\\x1b[2J: 12 steps, held-out success 0.20 → 0.80, training outcome 0.32 → 0.52, 4.0 min, 20 s a step"
        in text
    )
    assert "No critical alert, 1 warning." in text
    assert text.count("last 10 steps  healthy") == 2
    assert "\\x1b[31m\\u202eX" in text
    assert "first\\x1b[2J\n  metric" in text
    assert not set(text) & {"\x1b", "\u202e"}
