"""Rollouts of several turns: what the model wrote is told from what came in between."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from awpo_verl.rewards.outcome import parse_response
from awpo_verl.rewards.outcome.calls import MAX_CALLS
from awpo_verl.rewards.outcome.formats import FORMATS
from awpo_verl.rewards.turns import OWN_TOKENS, find_response
from tests.rewards.managing import RIGHT, manager, score
from tests.rewards.outcome.calls import BOTH, TOOLS, F, G, call, hermes


@pytest.mark.parametrize("format", FORMATS)
def test_turns_are_read_each_on_its_own(format: str) -> None:
    first, second = f"I look.\n{BOTH[format]}", "Done."
    if format in ("pythonic", "xlam", "granite"):  # a list is all of the text
        first = BOTH[format]
    if format == "gpt_oss":  # harmony's answers have a header
        first, second = BOTH[format], "<|channel|>final<|message|>Done."
    response = parse_response([first, second], format, TOOLS)
    assert (response.calls, response.problems) == ((F, G), ())
    assert response.content.splitlines()[-1] == "Done."


@pytest.mark.parametrize("format", sorted(set(FORMATS) - {"toolrl"}))
@pytest.mark.parametrize("last", ["Done.", "{not a call}"])
def test_auto_is_told_by_the_turn_that_calls(format: str, last: str) -> None:
    marks = FORMATS[format].thinking
    think = f"{marks.opening}a{marks.closing}" if marks is not None else ""
    response = parse_response([think + BOTH[format], f"{think}{last}"], "auto", TOOLS)
    assert (response.calls, response.problems) == ((F, G), ())


def test_each_turn_may_have_been_opened_by_the_chat_template() -> None:
    turns = ["I add.</think>" + BOTH["hermes"], "It is 3.</think>It is 3."]
    response = parse_response(turns)
    assert (response.thinking, response.content, response.calls) == ("I add.\nIt is 3.", "It is 3.", (F, G))


def test_a_turn_of_which_the_thinking_is_never_closed_swallows_those_after_it() -> None:
    response = parse_response(["<think>a</think>", "<think>b", hermes(call("f", a=1))])
    assert (response.thinking, response.calls, response.unclosed) == ("a", (), True)


def test_the_bound_on_calls_is_one_for_all_turns() -> None:
    response = parse_response([hermes(call("f", a=1))] * (MAX_CALLS + 2))
    assert (len(response.calls), response.problems) == (MAX_CALLS, (f"more than {MAX_CALLS} calls",))


def turns(tokenizer: Any, *pieces: tuple[int, str]) -> dict[str, Any]:
    """A response in pieces, each the model's own (1) or not (0): the text, and the row's mask (padded, as verl may)."""
    tokens = [(own, token) for own, text in pieces for token in tokenizer(text)["input_ids"]]
    assert tokenizer("".join(text for _, text in pieces))["input_ids"] == [token for _, token in tokens]
    return {"text": "".join(text for _, text in pieces), OWN_TOKENS: np.array([own for own, _ in tokens] + [0])}


def test_what_a_tool_answers_is_not_taken_for_the_models_words(tokenizer: Any) -> None:
    answer = '\n<tool_call>\n{"name": "pay", "arguments": {"amount": 7}}\n</tool_call>\n<tool_call>broken</tool_call>\n'
    given = turns(tokenizer, (1, RIGHT), (0, answer), (1, "Done."))
    seen: list[str] = []

    reward, info = score(manager(tokenizer), given["text"], **{OWN_TOKENS: given[OWN_TOKENS]})
    assert (reward, info["n_calls"], info["format_ok"]) == (1.0, 1.0, 1.0)
    # without the mask it cannot be told: two calls, and one that does not parse
    reward, info = score(manager(tokenizer), given["text"])
    assert (reward, info["n_calls"], info["format_ok"]) == (0.0, 2.0, 0.0)

    def own(solution_str: str, **_: Any) -> float:
        seen.append(solution_str)
        return 0.5

    score(manager(tokenizer, own), given["text"], **{OWN_TOKENS: given[OWN_TOKENS]})
    assert seen == [given["text"]]  # a user's function is given what verl's naive manager gives it


def test_saying_nothing_is_no_answer_where_a_tool_said_something(tokenizer: Any) -> None:
    none = json.dumps({"tool_calls": []})
    given = turns(tokenizer, (1, "<think>\n2*3=6\n</think>"), (0, "Anything else?"), (1, "."))
    assert score(manager(tokenizer), given["text"], none, **{OWN_TOKENS: given[OWN_TOKENS]})[0] == 0.0


def test_a_value_from_a_tools_answer_is_known(tokenizer: Any) -> None:
    """Of any tool of verl's, not only of our environments."""
    plan = "<think>\nThe order is 7, so I pay 7.\n</think>"
    pay = '<tool_call>\n{"name": "pay", "arguments": {"amount": 7}}\n</tool_call>'
    truth = json.dumps({"tool_calls": [{"name": "pay", "arguments": {"amount": 7}}]})
    given = turns(tokenizer, (1, "\n"), (0, "order 7"), (1, plan + pay))
    row = {"raw_prompt": [{"role": "user", "content": "Pay my last order."}], OWN_TOKENS: given[OWN_TOKENS]}
    assert score(manager(tokenizer), given["text"], truth, **row)[1]["rubric_sources"] == 1.0
    given = turns(tokenizer, (1, "\n"), (0, "order"), (1, plan + pay))
    row[OWN_TOKENS] = given[OWN_TOKENS]
    assert score(manager(tokenizer), given["text"], truth, **row)[1]["rubric_sources"] == 0.0


def test_a_mask_that_does_not_fit_is_an_error(tokenizer: Any) -> None:
    with pytest.raises(ValueError, match="15 tokens, and its response mask 1"):
        score(manager(tokenizer), RIGHT, **{OWN_TOKENS: np.array([1])})


def test_a_response_that_a_loop_takes_out_of_the_loss_is_the_models_all_the_same(tokenizer: Any) -> None:
    assert score(manager(tokenizer), RIGHT, **{OWN_TOKENS: np.zeros(99)})[0] == 1.0


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
