"""verl's real loop with a judge that fails in every way there is. Minutes; `-s` prints the table of docs/judge.md."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.integration.seeded_runs import agent_loop
from tests.integration.verl_loop import Workspace
from tests.rewards.reasoning.judge.judge_server import JudgeServer, is_hit

pytestmark = pytest.mark.loop

AT = "algorithm.awpo.judge"
DEADLINE = 12.0
ROLLOUTS = 16  # 8 prompts x 2. Which of them are hit depends on the prompt; `expect` counts them.
HALF = {"share": 0.5}
# What the judge does in each step: fault, and which rollouts it costs: none, hit (by their prompt), all
STEPS: list[tuple[dict[str, Any], str]] = [
    ({"mode": "ok"}, "none"),
    ({"mode": "ok"}, "none"),
    ({"mode": "error_500", "first_attempts_only": True}, "none"),
    ({"mode": "rate_limited", "first_attempts_only": True, "retry_after": 0.5}, "none"),
    ({"mode": "error_500", **HALF}, "hit"),
    ({"mode": "rate_limited", "retry_after": 300, **HALF}, "hit"),
    ({"mode": "unauthorized", **HALF}, "hit"),
    ({"mode": "hang", "seconds": 600, **HALF}, "hit"),
    ({"mode": "drip", "seconds": 600, **HALF}, "hit"),
    ({"mode": "cut", **HALF}, "hit"),
    ({"mode": "malformed", **HALF}, "hit"),
    ({"mode": "out_of_range", **HALF}, "hit"),
    ({"mode": "nan", **HALF}, "hit"),
    ({"mode": "hang", "seconds": 600}, "all"),
    ({"mode": "down"}, "all"),
    ({"mode": "down"}, "all"),
    ({"mode": "down"}, "all"),
]
KINDS = {
    "error_500": "server_error",
    "rate_limited": "rate_limited",
    "unauthorized": "unauthorized",
    "hang": "timeout",
    "drip": "timeout",
    "cut": "connection",
    "malformed": "malformed",
    "out_of_range": "out_of_range",
    "nan": "malformed",
}
KEY = "a-secret-that-must-not-be-anywhere-4711"


def judged(folder: Path, base_url: str, *overrides: str) -> tuple[str, ...]:
    """AWPO with a judge, on the command line of verl's user.

    The model is shipped with the project, and prompts and samples are seeded (seeded_loop.py; the file is in the
    folder). So the number of rollouts that think is the same each time, and not left to chance.
    """
    return (
        *(*agent_loop(folder, "seeded_loop.SeededLoop"), "data.seed=1"),
        "algorithm.adv_estimator=awpo",
        "reward.custom_reward_function.path=null",  # the built-in manager
        *("data.max_response_length=64", "trainer.val_before_train=False", "trainer.test_freq=-1"),
        "actor_rollout_ref.actor.optim.lr=1e-5",  # the tiny model should go on thinking
        *("data.train_batch_size=8", "actor_rollout_ref.rollout.n=2", "actor_rollout_ref.actor.ppo_mini_batch_size=8"),
        *("algorithm.awpo.reasoning_source=judge", f"{AT}.base_url={base_url}", f"{AT}.model=judge"),
        *(f"{AT}.deadline={DEADLINE}", f"{AT}.attempt_timeout=5", f"{AT}.retries=1"),
        *overrides,
    )


def rollouts_of(folder: Path, step: int) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{step}.jsonl").read_text(encoding="utf-8").splitlines()]


def question(rollout: dict[str, Any]) -> str:
    found = re.search(r"user\n(.*)\nassistant\n", rollout["input"])
    assert found, rollout["input"]
    return found.group(1)


def expect(rollouts: list[dict[str, Any]], lost: str, share: float) -> tuple[int, int]:
    """How many rollouts the judge is asked about, and how many of these have a reasoning reward, by hand."""
    thinking = [rollout["output"].partition("</think>") for rollout in rollouts]
    asked = [
        r for r, (text, end, _) in zip(rollouts, thinking, strict=True) if end and text.replace("<think>", "").strip()
    ]
    if lost == "all":
        return len(asked), 0
    hit = [rollout for rollout in asked if lost == "hit" and is_hit(question(rollout), share)]
    return len(asked), len(asked) - len(hit)


def holders_of(secret: str, folder: Path) -> list[Path]:
    files = (Path(root) / name for root, _, names in os.walk(folder) for name in names)
    return [file for file in files if file.is_file() and secret.encode() in file.read_bytes()]


def test_training_goes_through_every_fault_and_accounts_for_every_rollout(
    thinking_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_KEY", KEY)
    dumps = tmp_path / "rollouts"
    with JudgeServer(
        schedule=[script for script, _ in STEPS],
        schedule_file=tmp_path / "metrics.jsonl",  # a line for each finished step
        key_pattern=r"\| \[user\]\n\| (.*)",
    ) as server:
        metrics, output = thinking_workspace.run(
            tmp_path,
            *judged(tmp_path, server.base_url, f"{AT}.api_key_env=JUDGE_KEY"),
            *(f"{AT}.breaker_failures=90", f"{AT}.breaker_pause=1000"),  # not before everything is down
            *(f"trainer.total_training_steps={len(STEPS)}", f"trainer.rollout_data_dir={dumps}"),
            f"trainer.save_freq={len(STEPS)}",
        )
    assert sorted(metrics) == list(range(1, len(STEPS) + 1))
    print(f"\n{'fault':34} {'asked':>5} {'valid':>5} {'requests':>8} {'retries':>7} {'p99 s':>6} {'step s':>6}")
    for step, (script, lost) in enumerate(STEPS, 1):
        m = metrics[step]
        rollouts = rollouts_of(dumps, step)
        asked, valid = expect(rollouts, lost, script.get("share", 1.0))
        name = script["mode"] + ", first attempts" * ("first_attempts_only" in script) + ", half" * ("share" in script)
        print(
            f"{name:34} {asked:5} {valid:5} {m['awpo/judge/requests_total']:8.0f} {m['awpo/judge/retries_total']:7.0f} "
            f"{m.get('awpo/judge/latency_p99', 0.0):6.2f} {m['timing_s/step']:6.2f}"
        )
        assert len(rollouts) == ROLLOUTS
        assert asked > ROLLOUTS // 2, "the tiny model hardly thinks; the test would show nothing"
        assert m["awpo/judge/valid_frac"] == pytest.approx(valid / asked), name
        # what the judge is not asked about has no thinking: a 0 that is valid
        assert m["awpo/reasoning_valid_frac"] == pytest.approx((ROLLOUTS - asked + valid) / ROLLOUTS), name
        failed = {key.rpartition("/")[2]: n for key, n in m.items() if key.startswith("awpo/judge/failed_total/") and n}
        assert sum(failed.values()) == asked - valid, (name, failed)
        # and each rollout's own record says what became of it
        statuses = Counter(rollout["judge_status"] for rollout in rollouts)
        assert {kind: statuses[kind] for kind in failed} == failed
        assert statuses["ok"] == valid
        assert statuses["no_thinking"] == ROLLOUTS - asked
        if lost == "hit":
            assert set(failed) <= {KINDS[script["mode"]]}, name
        assert m["actor/grad_norm"] >= 0.0

    healthy = metrics[2]["timing_s/step"]
    for step in range(3, len(STEPS) + 1):  # faults last 600 s: a minute's noise cannot hide one that is waited for
        assert metrics[step]["timing_s/step"] <= healthy + DEADLINE + 60, STEPS[step - 1]
    last = metrics[len(STEPS)]
    assert last["awpo/judge/failed_total/breaker_open"] > 0
    assert last["awpo/judge/requests_total"] < metrics[len(STEPS) - 2]["awpo/judge/requests_total"]
    assert {record["step"] for record in server.log()} >= set(range(len(STEPS) - 3))
    assert output.count("[awpo] warning: the judge answered for") >= 1

    assert all(record["authorization_present"] for record in server.log())
    assert KEY not in output
    assert holders_of(KEY, tmp_path) == []
    assert holders_of("JUDGE_KEY", tmp_path) != []  # the name is in the config's dump: the search does find things
