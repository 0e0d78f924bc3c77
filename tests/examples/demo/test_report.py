"""What a demo run says of itself, whatever its task."""

from __future__ import annotations

import json

import pytest

from awpo_verl.workbench.report.runs import TrainingRun, read_run
from examples.demo import report


@pytest.mark.parametrize("task", ["shop", "desk"])
def test_heldout_success_is_found_for_either_task(task):
    data = {f"val-core/{task}_hard/acc/mean@1": 0.25, f"val-aux/{task}_hard/reward/mean@1": 0.5}
    assert report.heldout_success(data, "hard") == 0.25
    assert report.heldout_success(data, "easy") is None
    assert report.step_line({"step": 0, "data": data}, 4) == "step   0/4  held-out: hard 0.25"


def test_sample_rollouts_pair_the_same_question_at_the_same_desk(tmp_path):
    def row(stock: int, score: float) -> dict:
        truth = json.dumps({"initial": {"stock": stock}, "trajectory": [[{"name": f"take_{stock}", "arguments": {}}]]})
        return {"input": "user\nTake all.\nassistant\n", "gts": truth, "output": f"take {stock}", "score": score}

    run = demo_run(tmp_path, {0: [row(1, 0.0), row(2, 1.0)], 5: [row(2, 1.0), row(1, 1.0)]})
    text = report.sample_rollouts(run, 2)
    first, second = text.split("--- Take all.")[1:]
    assert 'expected: [[{"name": "take_1", "arguments": {}}]]\nbefore (outcome 0)' in first
    assert first.count("take 1") == 2
    assert second.count("take 2") == 2


def test_the_table_has_each_levels_share_before_and_after_with_its_standard_error(tmp_path):
    rows = [{"input": f"{n}", "gts": "", "output": "", "score": 0.0} for n in range(3 * 16)]
    text = report.success_table(demo_run(tmp_path, {0: rows}))
    # sqrt(.5 * .5 / 16) = 0.125
    assert text.splitlines()[3].split() == ["difficulty", "before", "after", "prompts"]
    assert text.splitlines()[4].split() == ["easy", "0.50", "±", "0.12", "1.00", "±", "0.00", "16"]
    assert len(text.splitlines()) == 5  # a level that was validated once has no row


def demo_run(folder, dumps) -> TrainingRun:
    """A run of two validations of `easy` and one of `hard`."""
    lines = [(0, {"shop_easy": 0.5, "shop_hard": 0.0}), (5, {"shop_easy": 1.0})]
    records = [{"step": n, "data": {f"val-core/{s}/acc/mean@1": v for s, v in data.items()}} for n, data in lines]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (folder / "validation").mkdir()
    for step, rows in dumps.items():
        (folder / "validation" / f"{step}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_run(folder)
