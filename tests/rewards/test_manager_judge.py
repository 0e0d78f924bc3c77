"""The reward manager with a judge: what is asked, what becomes of it, and that a judge never touches the outcome."""

from __future__ import annotations

import json
from typing import Any

import pytest

from awpo_verl.config import AWPOConfigError
from awpo_verl.rewards.manager import AWPORewardManager
from tests.rewards.managing import KEYS, RIGHT, TRUTH, manager, score
from tests.rewards.reasoning.judge.judge_server import JudgeServer, score_of, text_of

JUDGE_KEYS = {
    *("judge_status", "judge_reason", "judge_seconds", "judge_requests", "judge_retries"),
    *("judge_tokens_in", "judge_tokens_out", "judge_neutralized"),
}
TOOLS = [{"type": "function", "function": {"name": "pay", "description": "Pay an amount.", "parameters": {}}}]
PROMPT = [{"role": "system", "content": "You pay."}, {"role": "user", "content": "Pay 2 times 3."}]


def judging(tokenizer: Any, base_url: str, function: Any = None, **judge: Any) -> AWPORewardManager:
    settings = {"base_url": base_url, "model": "m", "retries": 0, "deadline": 120.0, "attempt_timeout": 60.0} | judge
    return manager(tokenizer, function, reasoning_source="judge", judge=settings)


def test_the_judge_sees_the_row_and_its_score_is_the_reasoning(tokenizer: Any) -> None:
    with JudgeServer(keep_bodies=True) as server:
        reward, info = score(
            judging(tokenizer, server.base_url), RIGHT, extra_info={"tools": TOOLS}, raw_prompt=PROMPT, global_steps=7
        )
    (record,) = server.log()
    shown = text_of(record["body"])
    assert reward == info["outcome"] == 1.0
    assert info["reasoning"] == pytest.approx(score_of(shown) / 10)
    assert (info["reasoning_valid"], info["judge_status"], info["judge_requests"]) == (1.0, "ok", 1.0)
    assert set(info) == KEYS | JUDGE_KEYS
    system, user = record["body"]["messages"]
    assert "grade the reasoning" in system["content"]
    for part in ("Pay 2 times 3.", "Pay an amount.", "| 2*3=6", '{"name": "pay", "arguments": {"amount": 6}}'):
        assert part in user["content"], part


def test_a_failed_judge_is_a_missing_reward_and_the_outcome_stands(tokenizer: Any) -> None:
    with JudgeServer(mode="error_500") as server:
        reward, info = score(judging(tokenizer, server.base_url), RIGHT)
    assert (reward, info["outcome"]) == (1.0, 1.0)
    assert (info["reasoning"], info["reasoning_valid"], info["judge_status"]) == (0.0, 0.0, "server_error")
    assert info["rubric"] > 0.0  # it does not stand in for the judge
    assert set(info) == KEYS | JUDGE_KEYS


def test_no_closed_thinking_is_a_zero_without_asking(tokenizer: Any) -> None:
    with JudgeServer() as server:
        _, info = score(judging(tokenizer, server.base_url), "<think>never closed")
    assert server.log() == []
    assert (info["reasoning"], info["reasoning_valid"], info["judge_status"]) == (0.0, 1.0, "no_thinking")
    assert set(info) == KEYS | JUDGE_KEYS


def test_the_users_own_reasoning_is_not_asked_about(tokenizer: Any) -> None:
    with JudgeServer() as server:
        given = {"score": 1.0, "reasoning": 0.25}
        _, info = score(judging(tokenizer, server.base_url, lambda **kw: given), RIGHT)
        _, asked = score(judging(tokenizer, server.base_url, lambda **kw: 0.5), RIGHT)
    assert (info["reasoning"], info["judge_status"]) == (0.25, "not_asked")
    assert (asked["outcome"], asked["judge_status"]) == (0.5, "ok")
    assert len(server.log()) == 1


def test_neither_the_answer_nor_the_reference_is_shown_where_the_config_says_so(tokenizer: Any) -> None:
    truth = json.dumps(json.loads(TRUTH) | {"tools": TOOLS})
    with JudgeServer(keep_bodies=True) as server:
        hidden = judging(tokenizer, server.base_url, show_answer=False, show_reference=False)
        score(hidden, RIGHT, truth, raw_prompt=PROMPT)
        score(judging(tokenizer, server.base_url), RIGHT, truth, raw_prompt=PROMPT)
    without, full = (text_of(record["body"]) for record in server.log())
    assert "2*3=6" in without
    assert "Pay an amount." in without  # the tools are part of the task
    assert '"amount": 6' not in without
    assert full.count('"amount": 6') == 2  # the answer and the reference


def test_without_an_endpoint_or_its_key_the_worker_does_not_start(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AWPOConfigError, match=r"without a judge.*base_url"):
        judging(tokenizer, "", model="")
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    with pytest.raises(AWPOConfigError, match=r"api_key_env=JUDGE_KEY: this process .*no such environment variable"):
        judging(tokenizer, "http://127.0.0.1:9/v1", api_key_env="JUDGE_KEY")
