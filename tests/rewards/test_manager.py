"""The reward manager on single rollouts, with a real tokenizer: where outcome and reasoning come from."""

from __future__ import annotations

import asyncio
import copy
import json
import math
import random
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl import DataProto
from verl.utils.reward_score import default_compute_score

from awpo_verl.config import AWPOConfigError
from awpo_verl.config.rewards import RUBRIC_PARTS
from awpo_verl.rewards.manager import AWPORewardManager
from awpo_verl.rewards.outcome import ToolCall
from awpo_verl.rewards.outcome.execution import LOG_KEY, Session, TrajectoryError, ground_truth_text, tools_kwargs
from examples.demo import shop, tiny_model
from tests.rewards.outcome.execution.environments import Counter

KEYS = {"acc", "outcome", "reasoning", "reasoning_valid", "reasoning_nonfinite", "format_ok", "n_calls"} | {
    *("checked", "exact", "graded", "name_score", "key_score", "value_score", "schema_ok", "refused", "needless"),
    *("verl_rule", "state_ok", "results_ok", "rubric", *(f"rubric_{name}" for name in RUBRIC_PARTS)),
}
RIGHT = '<think>\n2*3=6\n</think>\n\n<tool_call>\n{"name": "pay", "arguments": {"amount": 6}}\n</tool_call>'
TRUTH = json.dumps({"tool_calls": [{"name": "pay", "arguments": {"amount": 6}}]})


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    example = shop.make_example(random.Random(0), "easy")
    texts = [RIGHT, *(message["content"] for message in shop.messages(example))]
    return tiny_model.make_tokenizer(tiny_model.ModelSettings(), texts, shop.ITEMS)


def manager(tokenizer: Any, function: Any = None, **awpo: Any) -> AWPORewardManager:
    config = OmegaConf.create(
        {
            "algorithm": {"awpo": awpo},
            "reward": {"custom_reward_function": {"path": "rewards.py" if function else None}},
        }
    )
    return AWPORewardManager(config, tokenizer, function or default_compute_score)


def score(
    m: AWPORewardManager, text: str, ground_truth: Any = TRUTH, prompt: str = "", **row: Any
) -> tuple[float, dict[str, float]]:
    response = m.tokenizer(text)["input_ids"]
    prompt_ids = [1, 2, 3, *m.tokenizer(prompt)["input_ids"]]
    batch = {
        "prompts": torch.tensor([prompt_ids]),
        "responses": torch.tensor([response]),
        "input_ids": torch.tensor([prompt_ids + response]),
        "attention_mask": torch.ones(1, len(prompt_ids) + len(response), dtype=torch.int64),
    }
    columns = {"data_source": "shop", "reward_model": {"ground_truth": ground_truth}, "extra_info": {}} | row
    arrays = {key: np.array([value], dtype=object) for key, value in columns.items()}
    result = m.loop.run_until_complete(m.run_single(DataProto(TensorDict(batch, batch_size=1), arrays)))
    return result["reward_score"], result["reward_extra_info"]


def test_built_in_checker_and_rubric(tokenizer: Any) -> None:
    reward, info = score(manager(tokenizer), RIGHT, extra_info={"reasoning_steps": ["2*3=6", "6+1=7"]})
    assert reward == 1.0
    assert info == {
        "acc": 1.0,
        "outcome": 1.0,
        "reasoning": 0.5,
        "reasoning_valid": 1.0,
        "reasoning_nonfinite": 0.0,
        "verl_rule": 0.0,
        "format_ok": 1.0,
        "n_calls": 1.0,
        "schema_ok": 1.0,
        "checked": 1.0,
        "exact": 1.0,
        "graded": 1.0,
        "name_score": 1.0,
        "key_score": 1.0,
        "value_score": 1.0,
        "refused": 0.0,
        "needless": 0.0,
        "state_ok": 0.0,
        "results_ok": 0.0,
        "rubric": 0.5,
        "rubric_steps": 0.5,
        **{f"rubric_{name}": 0.0 for name in ("tools", "arguments", "sources")},  # steps are stated: not looked at
        **{f"rubric_{name}": 1.0 for name in ("follows", "arithmetic", "loops", "padding")},
    }
    assert all(type(value) is float for value in info.values())


def test_the_users_function_stays_the_outcome_even_where_the_ground_truth_is_ours(tokenizer: Any) -> None:
    def half(data_source: str, solution_str: str, ground_truth: Any, extra_info: Any, **kwargs: Any) -> float:
        assert (data_source, solution_str, ground_truth) == ("shop", RIGHT, TRUTH)
        return 0.5

    reward, info = score(manager(tokenizer, half), RIGHT)
    assert (reward, info["outcome"]) == (0.5, 0.5)
    assert info["reasoning_valid"] == 1.0  # the rubric scored the reasoning
    assert set(info) == KEYS


def test_the_users_function_may_be_async_and_may_score_the_reasoning(tokenizer: Any) -> None:
    async def both(**kwargs: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"outcome": 1, "score": 7.5, "reasoning": np.float32(0.25), "speed": 3, "pred": "B", "n_calls": 9.0}

    reward, info = score(manager(tokenizer, both), "anything")
    assert (reward, info["outcome"], info["reasoning"]) == (1.0, 1.0, 0.25)  # outcome wins over score
    # what else it returns travels on as under verl's naive manager (`pred` is what verl votes on in validation)
    assert (info["score"], info["speed"], info["pred"], info["n_calls"]) == (7.5, 3, "B", 9.0)
    assert set(info) == KEYS | {"score", "speed", "pred"}


@pytest.mark.parametrize(("given", "nonfinite"), [(None, 0.0), (math.nan, 1.0), (-math.inf, 1.0)])
def test_no_answer_is_a_missing_reward_and_never_a_zero(tokenizer: Any, given: float | None, nonfinite: float) -> None:
    _, info = score(manager(tokenizer, lambda **kw: {"score": 1.0, "reasoning": given}), RIGHT)
    assert (info["reasoning"], info["reasoning_valid"], info["reasoning_nonfinite"]) == (0.0, 0.0, nonfinite)
    assert set(info) == KEYS | {"score"}


def test_the_reasoning_key_can_be_named(tokenizer: Any) -> None:
    _, info = score(manager(tokenizer, lambda **kw: {"score": 0.0, "cot": 0.75}, reasoning_key="cot"), RIGHT)
    assert info["cot"] == 0.75
    assert "reasoning" not in info


def test_verls_own_rule_serves_where_it_has_one(tokenizer: Any) -> None:
    reward, info = score(manager(tokenizer), "so it is #### 42", "42", data_source="openai/gsm8k")
    assert reward == 1.0
    assert (info["verl_rule"], info["checked"]) == (1.0, 0.0)
    # a function of the user's takes the rule's place, whatever it returns and whatever the data source
    function = manager(tokenizer, lambda **kw: {"score": 3.0, "verl_rule": 1.0})
    _, info = score(function, "so it is #### 42", "42", data_source="openai/gsm8k")
    assert info["verl_rule"] == 0.0


def test_no_checker_for_a_row_says_what_to_set(tokenizer: Any) -> None:
    with pytest.raises(ValueError, match=r"data_source='my_set'.*custom_reward_function is not set"):
        score(manager(tokenizer), RIGHT, "42", data_source="my_set")


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        ({"reward": 1.0}, KeyError, "without 'outcome' or 'score'.*reward"),
        ("1.0", TypeError, "'1.0' .str.; AWPO needs a number"),
        ({"score": None}, TypeError, "score = 'None'"),
        ({"score": 1.0, "reasoning": "good"}, TypeError, "reasoning = 'good'"),
    ],
)
def test_a_result_that_is_no_reward_is_an_error(tokenizer: Any, result: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        score(manager(tokenizer, lambda **kw: result), RIGHT)


def test_an_async_callable_object_is_awaited(tokenizer: Any) -> None:
    class Scorer:
        async def __call__(self, **kwargs: Any) -> dict[str, float]:
            return {"score": 0.25, "reasoning": 0.75}

    reward, info = score(manager(tokenizer, Scorer()), RIGHT)
    assert (reward, info["reasoning"]) == (0.25, 0.75)
    # verl binds reward_kwargs in a partial of a plain function, which returns the coroutine
    reward, info = score(manager(tokenizer, partial(lambda call, **kwargs: call(**kwargs), Scorer())), RIGHT)
    assert (reward, info["reasoning"]) == (0.25, 0.75)


def test_an_error_of_the_users_function_is_not_swallowed(tokenizer: Any) -> None:
    def broken(**kwargs: Any) -> float:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        score(manager(tokenizer, broken), RIGHT)


def test_the_response_is_found_under_any_padding() -> None:
    # two outputs of one session, prompts of 5 and 2 tokens, responses of 1 and 3: verl pads each part on the right
    ids = torch.tensor([21, 22, 31, 32, 33, 0])
    mask = torch.tensor([1, 1, 1, 1, 1, 0])
    assert find_response(ids, mask, torch.tensor([31, 32, 33])).tolist() == [31, 32, 33]
    # a short response beside a long one: the naive sum over the mask's last places would give no token at all
    ids, mask = torch.tensor([21, 31, 0, 0, 0, 0]), torch.tensor([1, 1, 0, 0, 0, 0])
    assert find_response(ids, mask, torch.tensor([31, 0, 0])).tolist() == [31]
    # the legacy trainer: prompt padded on the left, response on the right
    ids, mask = torch.tensor([0, 0, 21, 31, 32, 0]), torch.tensor([0, 0, 1, 1, 1, 0])
    assert find_response(ids, mask, torch.tensor([31, 32, 0])).tolist() == [31, 32]


def test_expected_steps_must_be_a_list_of_strings(tokenizer: Any) -> None:
    with pytest.raises(TypeError, match=r"reasoning_steps.*'2\*3=6'"):
        score(manager(tokenizer), RIGHT, extra_info={"reasoning_steps": "2*3=6"})
    _, info = score(manager(tokenizer), RIGHT, extra_info={"reasoning_steps": np.array(["2*3=6"], dtype=object)})
    assert info["reasoning"] == 1.0


def test_tool_call_tags_survive_the_decoding(tokenizer: Any) -> None:
    reward, info = score(manager(tokenizer), RIGHT + tokenizer.eos_token)
    assert (reward, info["n_calls"]) == (1.0, 1.0)


TOOLS = json.dumps([{"name": "pay", "parameters": {"properties": {"amount": {"type": "integer", "maximum": 5}}}}])


def test_the_format_is_told_by_the_chat_template_or_set(tokenizer: Any, capsys: Any) -> None:
    assert manager(tokenizer).outcome_config.format == "auto"  # the demo's template says nothing of calls
    assert "format=auto: any, by each response's own marks" in capsys.readouterr().out
    qwen = copy.deepcopy(tokenizer)
    qwen.chat_template += "{# <tool_call> #}"
    assert manager(qwen).outcome_config.format == "hermes"
    assert "format=auto: hermes, told by the tokenizer's chat template" in capsys.readouterr().out
    pythonic = "<think>\n2*3=6\n</think>\n\n[pay(amount=6)]"
    assert score(manager(qwen), pythonic)[0] == 0.0
    assert score(manager(tokenizer, outcome={"format": "pythonic"}), pythonic)[0] == 1.0


def test_a_template_of_a_format_that_is_not_read_stops_the_run(tokenizer: Any, capsys: Any) -> None:
    lfm = copy.deepcopy(tokenizer)
    lfm.chat_template += "{# <|tool_call_start|> #}"
    with pytest.raises(AWPOConfigError, match=r"outcome\.format=auto: .* the calls of LFM2, which are not read here"):
        manager(lfm)
    assert manager(lfm, outcome={"format": "pythonic"}).outcome_config.format == "pythonic"
    manager(lfm, lambda **kw: 0.25)  # a function of one's own decides: a warning is enough
    assert "[awpo] warning: algorithm.awpo.outcome.format=auto" in capsys.readouterr().out


@pytest.mark.parametrize(
    "call",
    ['<|python_tag|>{"name": "pay", "parameters": {}}', '[TOOL_CALLS]pay[ARGS]{"amount": 6}', "<|tool_call_start|>pay"],
)
def test_a_call_in_another_format_is_seen_where_its_mark_is_a_special_token(tokenizer: Any, call: str) -> None:
    """As in fine-tuned models that keep the special tokens of their base model."""
    special = copy.deepcopy(tokenizer)
    marks = ["<|python_tag|>", "[TOOL_CALLS]", "[ARGS]", "<|tool_call_start|>"]
    special.add_special_tokens({"additional_special_tokens": marks})
    hermes = manager(special, outcome={"format": "hermes"})
    assert score(hermes, call, json.dumps({"tool_calls": []}), prompt="Hello")[0] == 0.0


def test_a_custom_chat_template_is_the_one_that_tells(tokenizer: Any) -> None:
    """verl sets it on the rollouts' tokenizers, and not on the reward workers'."""
    llama = copy.deepcopy(tokenizer)
    llama.chat_template = "<|python_tag|>"
    given = OmegaConf.create(
        {
            "algorithm": {"awpo": {}},
            "reward": {"custom_reward_function": {"path": None}},
            "actor_rollout_ref": {"model": {"custom_chat_template": "<tool_call>"}},
        }
    )
    assert AWPORewardManager(given, llama, default_compute_score).outcome_config.format == "hermes"


def test_the_rubric_scores_on_the_scale_of_the_users_function(tokenizer: Any) -> None:
    steps = {"reasoning_steps": ["2*3=6", "6+1=7"]}  # one of two: 0.5
    given = manager(tokenizer, reasoning_range=[0.0, 10.0])
    assert score(given, RIGHT, extra_info=steps)[1]["reasoning"] == 5.0
    own = manager(tokenizer, lambda **kw: {"score": 1.0, "reasoning": 7.0}, reasoning_range=[0.0, 10.0])
    assert score(own, RIGHT, extra_info=steps)[1]["reasoning"] == 7.0
    silent = manager(tokenizer, lambda **kw: 1.0, reasoning_range=[-1.0, 1.0])
    assert score(silent, RIGHT, extra_info=steps)[1]["reasoning"] == 0.0


def test_whether_the_prompt_has_opened_the_thinking_decides(tokenizer: Any) -> None:
    text, truth = RIGHT.partition("<think>\n")[2], json.dumps({"tool_calls": []})
    call_only = '<tool_call>\n{"name": "pay", "arguments": {"amount": "a </think> b"}}\n</tool_call>'
    for prompt, response, expected in [
        ("<think>", text, 1.0),  # opened, closed, called
        ("<think>", "2*3=6", 0.0),  # opened and never closed: no answer
        ("Hello", "2*3=6", 1.0),
        ("Hello", call_only, 0.0),
    ]:
        given = TRUTH if response == text else truth
        assert score(manager(tokenizer), response, given, prompt=prompt)[0] == expected, (prompt, response)


def test_schemas_come_with_the_row_and_a_users_function_decides_alone(tokenizer: Any) -> None:
    truth = json.dumps({**json.loads(TRUTH), "tools": json.loads(TOOLS)})
    for info in (
        score(manager(tokenizer), RIGHT, truth)[1],
        score(manager(tokenizer), RIGHT, extra_info={"tools": TOOLS})[1],
    ):
        assert (info["outcome"], info["schema_ok"], info["checked"]) == (1.0, 0.0, 1.0)
    own = manager(tokenizer, lambda **kw: 0.25)
    info = score(own, RIGHT, '{"tool_calls": 3}', extra_info={"tools": "mine"})[1]
    assert (info["outcome"], info["schema_ok"], info["checked"]) == (0.25, 1.0, 0.0)


def test_graded_credit_is_the_outcome_by_choice(tokenizer: Any) -> None:
    half = RIGHT.replace('"amount": 6', '"amount": 7')
    assert score(manager(tokenizer), half)[0] == 0.0
    reward, info = score(manager(tokenizer, outcome={"match": "graded"}), half)
    assert (reward, info["acc"], info["exact"]) == (pytest.approx(0.5), pytest.approx(0.5), 0.0)


def test_marks_that_are_special_tokens_are_read_and_not_shown_to_a_users_function(tokenizer: Any) -> None:
    special = copy.deepcopy(tokenizer)
    special.add_special_tokens({"additional_special_tokens": ["[TOOL_CALLS]", "[ARGS]"]})
    special.chat_template = "[TOOL_CALLS]"
    reward, info = score(manager(special), '[TOOL_CALLS]pay[ARGS]{"amount": 6}' + special.eos_token)
    assert (reward, info["n_calls"]) == (1.0, 1.0)

    def own(solution_str: str, **kwargs: Any) -> float:
        assert "[TOOL_CALLS]" not in solution_str
        return 0.5

    assert score(manager(special, own), '[TOOL_CALLS]pay[ARGS]{"amount": 6}')[0] == 0.5


COUNT = ground_truth_text(Counter, {"count": 1}, [[{"name": "add", "arguments": {"amount": 2}}]])
READ = ground_truth_text(Counter, {"count": 1}, [[{"name": "read", "arguments": {}}]])


@pytest.mark.parametrize(
    ("truth", "amount", "right"),
    [(COUNT, 2, 1.0), (COUNT, 3, 0.0), (COUNT, None, 0.0), (READ, 0, 1.0), (READ, None, 0.0)],
)
def test_a_trajectory_is_checked_by_what_the_rollouts_tools_did(
    tokenizer: Any, truth: str, amount: int | None, right: float
) -> None:
    fields: dict[str, Any] = {}
    if amount is not None:
        session = Session.open(Counter, {"count": 1})
        session.call(ToolCall("add", {"amount": amount}))
        fields = {LOG_KEY: session.log()}
    # the text says something else: the log counts
    given = {"tools_kwargs": tools_kwargs(Counter, {"count": 1})}
    reward, info = score(manager(tokenizer), RIGHT, truth, tool_extra_fields=fields, extra_info=given)
    assert (reward, info["exact"], info["graded"], info["checked"]) == (right, right, right, 1.0)
    assert info["n_calls"] == 1.0


def test_a_users_function_is_given_the_log_of_the_rollout_s_tools(tokenizer: Any) -> None:
    given: list[Any] = []

    def own(extra_info: dict[str, Any], **_: Any) -> float:
        given.append(extra_info[LOG_KEY])
        return 0.5

    assert score(manager(tokenizer, own), RIGHT, COUNT, tool_extra_fields={LOG_KEY: {"calls": []}})[0] == 0.5
    assert given == [{"calls": []}]


def test_a_trajectory_row_without_an_environment_is_an_error_and_not_the_models_zero(tokenizer: Any) -> None:
    with pytest.raises(TrajectoryError, match=r"extra_info\.tools_kwargs has no '__environment__'"):
        score(manager(tokenizer), RIGHT, COUNT, extra_info={"tools_kwargs": None})


def test_the_mark_that_ends_a_turn_is_no_content(tokenizer: Any) -> None:
    """Some tokenizers have one beside eos: saying nothing must not be right where no call is expected."""
    special = copy.deepcopy(tokenizer)
    special.add_special_tokens({"additional_special_tokens": ["<end_of_turn>"]})
    none = json.dumps({"tool_calls": []})
    for end in ("<end_of_turn>", "<end_of_turn>" + special.eos_token, special.eos_token):
        assert score(manager(special), end, ground_truth=none)[0] == 0.0
        assert score(manager(special), "Hello." + end, ground_truth=none)[0] == 1.0


def test_where_the_text_tells_the_format_its_marks_may_be_special_tokens(tokenizer: Any) -> None:
    special = copy.deepcopy(tokenizer)
    special.chat_template = None
    special.add_special_tokens({"additional_special_tokens": ["<tool_call>", "</tool_call>"]})
    reply = RIGHT.replace("<tool_call>", "I pay.\n<tool_call>")
    assert score(manager(special), reply + special.eos_token)[0] == 1.0
