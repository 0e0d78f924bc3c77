"""The reward manager finds the call format, and keeps its marks."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from omegaconf import OmegaConf
from verl.utils.reward_score import default_compute_score

from awpo_verl.config import AWPOConfigError
from awpo_verl.rewards.manager import AWPORewardManager
from tests.rewards.managing import RIGHT, TRUTH, manager, score


def test_tool_call_tags_survive_the_decoding(tokenizer: Any) -> None:
    reward, info = score(manager(tokenizer), RIGHT + tokenizer.eos_token)
    assert (reward, info["n_calls"]) == (1.0, 1.0)


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
