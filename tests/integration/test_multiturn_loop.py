"""verl's real loop over several tool turns on the CPU, with the demo's model, which makes real calls.

The model is shipped with the project, and prompts and samples are seeded (seeded_loop.py). So the model does the same
each time, and the counts below are not left to chance.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from awpo_verl.rewards.outcome import parse_response, read_target
from awpo_verl.rewards.outcome.execution import match_rollout
from tests.integration.seeded_runs import agent_loop
from tests.integration.verl_loop import Workspace

pytestmark = pytest.mark.loop


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The demo's warm-started model, which uses the desk's tools, the desk's rows and tools."""
    from awpo_verl.integration.verl_environment_tool import write_tools_yaml
    from examples.demo import desk, desk_warm_start

    folder: Path = tmp_path_factory.mktemp("multiturn")
    shutil.copytree(desk_warm_start.warm_start(folder / "cache"), folder / "model")
    desk.write_parquet(folder / "prompts.parquet", "train", {"easy": 8, "medium": 4, "hard": 4})
    write_tools_yaml(folder / "tools.yaml", desk.Desk)
    return Workspace(folder)


def read(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_several_tool_turns_train_in_an_environment_of_each_rollout_s_own(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spied = tmp_path / "rollouts.jsonl"
    monkeypatch.setenv("SPY_FILE", str(spied))
    rollout = "actor_rollout_ref.rollout"
    metrics, _ = workspace.run(
        tmp_path,
        *("algorithm.adv_estimator=awpo", "data.max_response_length=192", "data.seed=1"),
        "reward.custom_reward_function.path=null",  # the built-in manager
        *("trainer.test_freq=1", f"trainer.validation_data_dir={tmp_path}/validation"),
        *(*agent_loop(tmp_path, "spy_loop.SpyLoop"), f"{rollout}.multi_turn.enable=True"),
        f"{rollout}.multi_turn.tool_config_path={workspace.folder}/tools.yaml",
        *(f"{rollout}.multi_turn.max_assistant_turns=6", f"{rollout}.multi_turn.max_tool_response_length=1024"),
    )
    everything = read(spied)
    records, validated = everything[:16], everything[16:]  # 4 prompts x 4 rollouts; then 4 of the validation
    assert (len(records), len(validated)) == (16, 4)
    with_calls = [record for record in records if record["log"]]
    assert len(with_calls) > 8

    for record in records:
        calls = record["log"]["calls"] if record["log"] else []
        given = [text for mask, text in record["pieces"] if not mask]
        # what is masked is what the loop put in, and nothing else: an observation a turn (the last may not fit)
        observations = [f"\n<|im_start|>tool\n{call['text']}<|im_end|>\n<|im_start|>assistant\n" for call in calls]
        assert [text for text in given if "Unknown function" not in text] == observations[: len(given)]
        assert len(given) >= len(observations) - 1
        # what is not masked is the model's own
        assert all("<|im_start|>tool" not in text for mask, text in record["pieces"] if mask)
        assert record["pieces"][0][0] == 1

    # The four rollouts of a prompt start from the same desk, and an order can be cancelled or shipped once: on a desk
    # that they shared, at most one of them could have done it.
    once = Counter(
        (record["uid"], call["arguments"]["order"])
        for record in with_calls
        for call in record["log"]["calls"]
        if call["text"] in ('{"status": "shipped"}', '{"status": "cancelled"}')
    )
    assert max(once.values()) >= 2

    matches = [
        match_rollout(read_target(record["ground_truth"]).expected, {"environment_log": record["log"]})
        for record in everything
    ]
    scores = [float(match.ok) for match in matches[:16]]
    # the log of each rollout reached the built-in manager: its outcomes are what the logs say
    assert metrics[1]["critic/score/mean"] == pytest.approx(sum(scores) / 16)
    assert metrics[1]["awpo/outcome/mean"] == pytest.approx(sum(scores) / 16)
    # and so are its parts, which verl writes down in the validation's dump
    dumped = read(tmp_path / "validation" / "1.jsonl")
    told = sorted((float(m.ok), m.state_ok, m.results_ok) for m in matches[16:])
    assert sorted((row["exact"], row["state_ok"], row["results_ok"]) for row in dumped) == told
    assert [row["checked"] for row in dumped] == [1.0] * 4
    # the checkers read the model's turns, and not what stands between and after them
    own = [[text.removesuffix("<|im_end|>") for mask, text in record["pieces"] if mask] for record in validated]
    read_alone = [parse_response(turns) for turns in own]
    assert any(record.get("hostile") and r.format_ok for record, r in zip(validated, read_alone, strict=True))
    assert sorted((row["format_ok"], row["n_calls"]) for row in dumped) == sorted(
        (float(r.format_ok), float(len(r.calls))) for r in read_alone
    )
    assert [row["score"] for row in dumped] == [row["exact"] for row in dumped]
    assert metrics[1]["actor/grad_norm"] > 0
    assert metrics[1]["num_turns/max"] >= 5  # a prompt, two calls with their observations, and more
