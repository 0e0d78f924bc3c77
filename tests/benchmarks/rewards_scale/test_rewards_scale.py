"""Rewards at scale: the generated rollouts are what they are said to be, and what is measured is the product."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from awpo_verl.config import OutcomeConfig
from awpo_verl.workbench.score import score_row
from benchmarks.rewards_scale import data, measure
from examples.demo import shop, tiny_model


@pytest.mark.parametrize("format", data.FORMATS)
def test_right_answers_are_right_and_the_others_are_not(format: str) -> None:
    config = OutcomeConfig(format=format)
    outcomes = {
        kind: {score_row(row, config)[1]["outcome"] for row in measure.rows_of(kind, 0, format, 20)}
        for kind in data.KINDS
    }
    assert outcomes == {"right": {1.0}, "wrong": {0.0}, "malformed": {0.0}, "hostile": {1.0}}


def test_thinking_is_as_long_as_asked_and_the_seed_decides_all() -> None:
    rows = measure.rows_of("right", 8_000, "hermes", 3)
    assert all(8_000 <= len(row.response) < 10_000 for row in rows)
    assert rows == measure.rows_of("right", 8_000, "hermes", 3)
    assert rows != measure.rows_of("right", 8_000, "hermes", 3, seed=1)


def test_a_rate_of_answers_that_are_not_read_is_refused() -> None:
    rows = measure.rows_of("right", 0, "hermes", 2)
    assert measure.rate(rows, "hermes", rounds=1) > 0
    with pytest.raises(RuntimeError, match="has not the outcome 1 as pythonic"):
        measure.rate(rows, "pythonic", rounds=1)


def test_the_offline_command_scores_every_row(tmp_path: Path) -> None:
    took = measure.offline(tmp_path, 40)
    assert took["bytes_out"] > 0
    assert took["peak_bytes"] > 10e6  # of the command, not of nothing
    assert {file.name for file in tmp_path.iterdir()} == {"printed.txt"}


def test_the_reward_loop_is_timed_on_a_runs_own_rollouts(tmp_path: Path) -> None:
    example = shop.make_example(random.Random(0), "easy")
    reply = shop.reference_response(example)
    texts = [reply, *(message["content"] for message in shop.messages(example))]
    tokenizer = tiny_model.make_tokenizer(tiny_model.ModelSettings(), texts, shop.ITEMS)
    record = {"input": example.question, "output": reply, "gts": json.dumps({"tool_calls": example.tool_calls})}
    (tmp_path / "validation").mkdir()
    (tmp_path / "validation" / "0.jsonl").write_text(json.dumps(record) + "\n")
    steps = [{"step": i, "data": {"timing_s/step": seconds}} for i, seconds in enumerate((90.0, 4.0, 6.0))]
    (tmp_path / "metrics.jsonl").write_text("\n".join(map(json.dumps, steps)) + "\n")
    found = measure.reward_loop(tmp_path, tokenizer, rounds=1)
    assert (found["rollouts"], found["step_s"]) == (1, 5.0)
    assert found["ms_a_rollout"] > 0
