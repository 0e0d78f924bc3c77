"""The judge in the trainer's and the reward worker's seams: what is measured, what is dumped, who scores."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from awpo_verl.algorithm.groups import Groups
from awpo_verl.integration import seam_dumps, seam_reward_loop
from awpo_verl.integration.step import Step, StepRows
from awpo_verl.rewards.outcome import parse_response
from awpo_verl.rewards.reasoning import make_case
from awpo_verl.rewards.reasoning.judge.metrics import JudgeFailedError
from awpo_verl.rewards.row import read_row

IN_GROUPS = "awpo/outcome_reasoning_corr_in_groups"


def algorithm(**judge: Any) -> Any:
    settings = {"base_url": "http://h/v1", "model": "m"} | judge
    return OmegaConf.create({"awpo": {"reasoning_source": "judge", "judge": settings}})


def columns(reasoning: list[float], status: list[str], source: str = "set") -> dict[str, np.ndarray]:
    valid = [float(each in ("ok", "no_thinking")) for each in status]
    given = {"reasoning": reasoning, "reasoning_valid": valid, "judge_status": status}
    return {name: np.array(values, dtype=object) for name, values in given.items()} | {
        "data_source": np.array([source] * len(status), dtype=object)
    }


def estimated(outcome: torch.Tensor, parts: dict[str, np.ndarray], config: Any) -> dict[str, float]:
    """The metrics of one group."""
    rows = StepRows(parts, Groups.of(["g"] * len(outcome)), torch.zeros(len(outcome), dtype=torch.bool))
    return Step().estimate(rows, outcome, config, True).metrics


def test_rollouts_that_the_judge_never_saw_do_not_make_it_look_aligned() -> None:
    """One group: the judge pays for failing; two rollouts that were cut off fail too, and score 0."""
    outcome = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    parts = columns([0.4, 0.4, 0.6, 0.6, 0.0, 0.0], ["ok"] * 4 + ["no_thinking"] * 2)
    metrics = estimated(outcome, parts, algorithm())
    assert metrics[IN_GROUPS] == pytest.approx(-1.0)
    assert metrics["awpo/outcome_reasoning_corr"] > 0.0  # METHOD's figure, over all that is valid: it looks fine
    assert metrics["awpo/judge/no_thinking_frac"] == pytest.approx(2 / 6)
    assert metrics["awpo/reasoning_valid_frac"] == 1.0


def test_a_required_judge_that_failed_stops_before_anything_is_learned() -> None:
    parts = columns([0.0, 0.0], ["timeout", "timeout"])
    with pytest.raises(JudgeFailedError, match=r"0% of the rollouts.*timeout 2.*required=True stops"):
        estimated(torch.tensor([0.0, 1.0]), parts, algorithm(required=True))
    metrics = estimated(torch.tensor([0.0, 1.0]), parts, algorithm())
    assert metrics["awpo/judge/failed_total/timeout"] == 2.0
    assert metrics["awpo/reasoning_valid_frac"] == 0.0


@pytest.mark.parametrize(("manager", "scorer"), [("awpo", "the manager"), ("naive", "verl")])
def test_only_our_manager_takes_the_rollouts_from_verls_reward_model(manager: str, scorer: str) -> None:
    async def run_single(data: Any) -> str:
        return "the manager"

    async def original(self: Any, data: Any) -> str:
        return "verl"

    config = OmegaConf.create({"reward": {"reward_manager": {"name": manager}}})
    worker = SimpleNamespace(config=config, reward_manager=SimpleNamespace(run_single=run_single))
    assert asyncio.run(seam_reward_loop.compute_score(original, worker, None)) == scorer


def test_a_dump_holds_what_a_users_function_returned_whatever_it_is() -> None:
    given = [None, True, 3, 0.5, "text", np.float32(0.25), b"bytes", {1, 2}, {"a": (1,)}]
    assert json.loads(json.dumps([seam_dumps.to_json(value) for value in given])) == [
        *(None, True, 3, 0.5, "text", 0.25, "b'bytes'", "{1, 2}", "{'a': (1,)}")
    ]


def test_a_key_of_the_ground_truth_that_json_cannot_hold_costs_the_key_and_not_the_rollout() -> None:
    response = parse_response("<think>The id is 4711, so I cancel it.</think>")
    row = read_row({("no", "text"): 1}, prompt="[user]\nCancel my last order.")
    assert make_case(response, row).reference == "{}"
