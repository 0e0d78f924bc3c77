"""What a demo run says of itself, whatever its task."""

from __future__ import annotations

import json

import pytest

from awpo_verl.tasks import report


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

    run = report.Run(tmp_path, [], {0: [row(1, 0.0), row(2, 1.0)], 5: [row(2, 1.0), row(1, 1.0)]})
    text = report.sample_rollouts(run, 2)
    first, second = text.split("--- Take all.")[1:]
    assert 'expected: [[{"name": "take_1", "arguments": {}}]]\nbefore (outcome 0)' in first
    assert first.count("take 1") == 2
    assert second.count("take 2") == 2
