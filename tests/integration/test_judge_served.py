"""verl's real loop with an LLM as the judge: a tiny model in a vLLM beside the run, and in verl's resource pool.

The model is shipped with the project, and prompts and samples are seeded (seeded_loop.py). The judge has random weights
and may give any score; a grammar makes each of its replies a score. So nothing is left to chance.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from awpo_verl.rewards.reasoning.judge.prompt import load_template
from examples.demo import tiny_model
from tests.integration.test_judge_loop import AT, ROLLOUTS, judged
from tests.integration.verl_loop import EXECUTOR, Metrics, Workspace
from tests.integration.vllm_server import serve
from tests.rewards.reasoning.judge.judge_server import JudgeServer

pytestmark = pytest.mark.loop


@pytest.fixture(scope="module")
def judge_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random tiny Qwen3 whose tokenizer knows the judge's prompt, with room for it."""
    folder: Path = tmp_path_factory.mktemp("judge") / "model"
    settings = tiny_model.ModelSettings(max_length=4096, layers=2, hidden_size=128, intermediate_size=256)
    template = load_template("tool_use")
    tokenizer = tiny_model.make_tokenizer(settings, [template.system, template.user] * 20, ["score"])
    tiny_model.save(tiny_model.make_model(settings, tokenizer, seed=0), tokenizer, folder)
    return folder


STRUCTURED_OUTPUTS = "{backend: xgrammar, disable_any_whitespace: true}"  # as the tests' own server has it
PATIENT = (f"{AT}.deadline=120", f"{AT}.attempt_timeout=120", f"{AT}.explain=False", f"{AT}.max_tokens=32")


def failures(output: str) -> list[str]:
    """The lines that tell of a judge that did not answer."""
    return [line for line in output.splitlines() if "[awpo] judge" in line or "[awpo] warning" in line]


def expect_judged(metrics: Metrics, dumps: Path) -> None:
    assert sorted(metrics) == [1, 2]
    for step in (1, 2):
        m = metrics[step]
        assert m["awpo/reasoning_valid_frac"] == 1.0
        assert m["awpo/judge/valid_frac"] == 1.0
        assert m["awpo/judge/requests_total"] > ROLLOUTS / 2
        assert m["awpo/judge/retries_total"] == 0
        assert m["awpo/judge/tokens_in_total"] > 500 * m["awpo/judge/requests_total"]  # the whole prompt arrived
        assert 0.0 <= m["awpo/reasoning/mean"] <= 1.0
    validated = [json.loads(line) for line in (dumps / "2.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["judge_status"] for row in validated} <= {"ok", "no_thinking"}
    tenths = [row["reasoning"] * 10 for row in validated if row["judge_status"] == "ok"]
    assert tenths
    assert tenths == pytest.approx([round(score) for score in tenths])


@dataclass(frozen=True)
class Served:
    """The run whose judge is a vLLM beside it, reached through a server that goes down after the second step."""

    folder: Path
    base_url: str
    metrics: Metrics
    output: str


@pytest.fixture(scope="module")
def beside(thinking_workspace: Workspace, judge_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder: Path = tmp_path_factory.mktemp("beside")
    metrics_file = folder / "metrics.jsonl"  # a line for each finished step
    with serve(judge_model, "judge", folder / "vllm.log") as upstream:
        answers = {"mode": "forward", "upstream": upstream, "seconds": 120.0}
        with JudgeServer(schedule=[answers, answers, {"mode": "down"}], schedule_file=metrics_file) as server:
            metrics, output = thinking_workspace.run(
                folder,
                *judged(folder, server.base_url, *PATIENT, f"{AT}.required=True", "trainer.total_training_steps=4"),
                *("trainer.test_freq=2", f"trainer.validation_data_dir={folder}/validation"),
                expect_failure=True,
            )
            return Served(folder, server.base_url, metrics, output)


def test_two_steps_with_a_judge_in_a_vllm_beside_the_run(beside: Served) -> None:
    assert f"[awpo]   reasoning       judge judge at {beside.base_url}" in beside.output
    # it tells of the third step, when the judge is down, and of nothing else
    assert [line for line in failures(beside.output) if "connection" not in line] == []
    expect_judged(beside.metrics, beside.folder / "validation")


def test_a_required_judge_that_goes_down_stops_the_run_and_says_why(beside: Served) -> None:
    assert list(beside.metrics) == [1, 2]
    assert beside.metrics[2]["awpo/judge/valid_frac"] == 1.0
    said = r"JudgeFailedError: the judge answered for 0% of the rollouts.*connection \d+"
    assert re.search(said, beside.output)


def test_two_steps_with_a_judge_in_verls_own_resource_pool(
    thinking_workspace: Workspace, judge_model: Path, tmp_path: Path
) -> None:
    metrics, output = thinking_workspace.run(
        tmp_path,
        *judged(tmp_path, "", *PATIENT, f"{AT}.model=''", "trainer.total_training_steps=2"),
        *("reward.reward_model.enable=True", "reward.reward_model.enable_resource_pool=True"),
        *(f"reward.reward_model.model_path={judge_model}", "reward.reward_model.rollout.name=vllm"),
        *("reward.reward_model.rollout.dtype=float32", "reward.reward_model.rollout.max_model_len=4096"),
        # or a random model writes white space until the end
        f"+reward.reward_model.rollout.engine_kwargs.vllm.structured_outputs_config={STRUCTURED_OUTPUTS}",
        f"+reward.reward_model.rollout.engine_kwargs.vllm.distributed_executor_backend={EXECUTOR}",
        *("trainer.test_freq=2", f"trainer.validation_data_dir={tmp_path}/validation"),
    )
    assert f"judge {judge_model} at http://the-router-of-reward.reward_model/v1" in output
    assert failures(output) == []
    expect_judged(metrics, tmp_path / "validation")
