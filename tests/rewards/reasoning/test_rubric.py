"""The rubric by hand: each criterion, how they are put together, and texts that try to earn it without reasoning."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.config import RubricConfig
from awpo_verl.config.rewards import RUBRIC_PARTS
from awpo_verl.rewards.outcome import Response, ToolCall
from awpo_verl.rewards.reasoning import Task, rubric_score
from examples.demo import desk, shop
from tests.rewards.reasoning.rubric_hacks import HACKS, HONEST, HONEST_LONG, UNBEATEN, score

PROMPT = "Please pay Ann Lee the 1,200 euros for the garden, and 3 more for each of the two trees."
TOOLS = ("pay", "refund", "get_balance", "list_users", "add_user", "drop_user", "send_mail")


def parts(
    thinking: str, *calls: tuple[str, dict], prompt: str = PROMPT, tools: tuple[str, ...] = TOOLS
) -> dict[str, float]:
    made = tuple(ToolCall(name, arguments) for name, arguments in calls)
    found = rubric_score(Response(thinking, "", made), Task(prompt=prompt, tools=tools)).parts
    return {name.removeprefix("rubric_"): value for name, value in found.items()}


PAY = ("pay", {"amount": 1200, "to": "Ann Lee"})


@pytest.mark.parametrize(
    ("thinking", "share"),
    [
        ("I pay, then get_balance.", 1.0),
        ("First PAY her.", 1 / 2),
        ("The payment, repaying", 0.0),  # whole words only
        ("pay, get_balance, not refund, not add_user", 1.0),  # two beside the called ones are free
        ("pay get_balance refund add_user drop_user", 2 / 3),  # the third costs a third
        ("pay get_balance refund add_user drop_user send_mail list_users", 0.0),  # all seven: five beside
    ],
)
def test_tools_is_the_share_of_called_tools_that_are_named(thinking: str, share: float) -> None:
    assert parts(thinking, PAY, ("get_balance", {}))["tools"] == pytest.approx(share)


@pytest.mark.parametrize(
    ("thinking", "share"),
    [
        ("It is 1200 to ann lee", 1.0),
        ("It is 1,200.00", 1 / 2),  # by value
        ("It is 12000 to Anna Lee", 0.0),
        ("Ann (Lee) gets 1200", 1.0),  # the words in sequence, whatever is between them
        # a run of 8 words or more of the prompt is no word of its own: both values stand in it
        ("So: Please pay Ann Lee the 1,200 euros for the garden", 0.0),
        ("So: Ann Lee the 1,200 euros for that", 1.0),  # 7 words of the prompt (1 and 200 are two), then another
        # numbers from nowhere, 5000 to 5031: 32 of them, 16 are free, so half of the credit is left
        (f"1200 to Ann Lee {' '.join(map(str, range(5000, 5032)))}", 1 / 2),
    ],
)
def test_arguments_is_the_share_of_values_that_are_named_in_its_own_words(thinking: str, share: float) -> None:
    assert parts(thinking, PAY)["arguments"] == pytest.approx(share)


def test_a_list_of_values_may_be_quoted_as_the_prompt_has_it() -> None:
    numbers = [170, 175, 180, 172, 178, 181, 169, 190]
    prompt = f"What is the mean of the list {numbers}?"
    assert parts(f"The mean of the list {numbers}.", ("mean", {"of": numbers}), prompt=prompt)["arguments"] == 1.0


@pytest.mark.parametrize(
    "arguments", [{}, {"a": True, "b": None, "c": ""}, {"text": "one two three four five six 7 8"}]
)
def test_arguments_that_name_nothing_or_are_long_texts_are_not_looked_for(arguments: dict) -> None:
    # only tools applies, or tools and sources: the thinking that names the tool gets the credit of tools
    found = rubric_score(Response("I pay her now", "", (ToolCall("pay", arguments),)), Task())
    assert found.parts["rubric_arguments"] == 0.0
    assert found.value == 1.0


@pytest.mark.parametrize(
    ("thinking", "arguments", "share"),
    [
        ("", {"amount": 1200, "to": "Ann Lee"}, 1.0),
        ("", {"amount": 1200, "to": "Bob"}, 1 / 2),
        ("", {"to": "Ann Lee, London"}, 1.0),  # 2 of 3 words are in the prompt
        ("", {"to": "Ann from London"}, 0.0),  # 1 of 3
        ("", {"count": 2}, 1.0),  # "two trees"
        ("3 * 2 = 6", {"amount": 6}, 1.0),  # derived: 3 and 2 are in the prompt
        ("3 * 2 = 6, 1200 + 6 = 1206", {"amount": 1206}, 1.0),  # from what was derived before
        ("1200 * 12 = 14400", {"amount": 14400}, 1.0),  # 12 is a common constant
        ("3 * 2 = 7", {"amount": 7}, 0.0),  # false
        ("4 + 5 = 9", {"amount": 9}, 0.0),  # true, from numbers of nowhere
        ("7 * 60 = 420", {"amount": 420}, 0.0),  # from constants alone
        ("", {"amount": 6}, 0.0),
    ],
)
def test_sources_is_the_share_of_values_from_the_prompt_or_derived(
    thinking: str, arguments: dict, share: float
) -> None:
    assert parts(f"I pay. {thinking}", ("pay", arguments))["sources"] == pytest.approx(share)


def test_sources_does_not_apply_without_a_prompt() -> None:
    found = rubric_score(Response("pay 7", "", (ToolCall("pay", {"amount": 7}),)), Task())
    assert found.value == 1.0  # (tools 1 + arguments 1) / 2


@pytest.mark.parametrize(
    ("thinking", "share"),
    [
        ("refund or pay? I pay.", 1.0),
        ("pay or refund? I refund.", 0.5),
        ("I pay. There is no need to refund or for other tools.", 1.0),  # what it rejects does not count
        ("Something else.", 1.0),
    ],
)
def test_follows_halves_a_call_that_is_not_the_last_tool_named(thinking: str, share: float) -> None:
    assert parts(thinking, PAY)["follows"] == share


@pytest.mark.parametrize(
    ("thinking", "share"),
    [
        ("no sums", 1.0),
        ("3*2=6, 3+2=5", 1.0),
        ("3*2=6, 3+2=6", 1 / 2),
        # one false among 17: as if among 8, 1 - 1/8
        ("; ".join(f"3*{i}={3 * i}" for i in range(16)) + "; 3+2=6", 7 / 8),
    ],
)
def test_arithmetic_is_the_share_of_true_equations(thinking: str, share: float) -> None:
    assert parts(thinking, PAY)["arithmetic"] == pytest.approx(share)


def test_loops_is_the_share_of_distinct_runs_of_five_words() -> None:
    assert parts("pay her now " * 6, PAY)["loops"] == 1.0  # 18 words: too short to tell
    # 30 words make 26 runs of 5, of which 3 are distinct; 3/26 of the 0.8 that are enough
    assert parts("pay her now " * 10, PAY)["loops"] == pytest.approx(3 / 26 / 0.8)
    assert parts(" ".join(f"word{i}" for i in range(40)), PAY)["loops"] == 1.0


@pytest.mark.parametrize(
    ("thinking", "share"),
    [
        ("Ann gets 1200.\nThe garden was nice.", 1.0),
        ("The garden was nice.\nLet me think step by step.", 1.0),  # 1 of 2 is enough
        ("The garden was nice.\nLet me think.\nI see.\nGood.", 1 / 2),  # 1 of 4, over 0.5
        ("Let me think step by step.", 0.0),
        ('{"name": "pay", "arguments": {"amount": 1200, "to": "Ann Lee"}}', 0.5),  # nothing beside the call
        ("pay(1200, Ann Lee)", 0.5),
        ("pay 1200 to Ann Lee for the garden", 1.0),
        ("garden " + "and so on " * 40, 1 / 2),  # a text without full stops: 121 words are 4 sentences, 1 on topic
    ],
)
def test_padding_is_the_share_of_sentences_about_the_task(thinking: str, share: float) -> None:
    assert parts(thinking, PAY)["padding"] == pytest.approx(share)


def test_the_score_is_the_mean_of_the_credits_times_the_faults() -> None:
    made = (ToolCall("pay", {"amount": 1200, "to": "Bob"}),)
    thinking = "The garden: 3*2=6, 3+2=6, so I pay 1200."
    # tools 1, arguments 1/2 (no Bob), sources 1/2; arithmetic 1/2 (3+2=6 is false)
    found = rubric_score(Response(thinking, "", made), Task(PROMPT, TOOLS))
    assert found.value == pytest.approx((1 + 1 / 2 + 1 / 2) / 3 * 1 / 2)
    assert found.parts["rubric"] == found.value
    # tools counts thrice, sources not at all, and the fault is squared
    config = RubricConfig(tools=3.0, sources=0.0, arithmetic=2.0)
    weighted = rubric_score(Response(thinking, "", made), Task(PROMPT, TOOLS), config)
    assert weighted.value == pytest.approx((3 * 1 + 1 / 2) / 4 * (1 / 2) ** 2)


def test_a_credit_that_does_not_apply_leaves_the_others_to_decide() -> None:
    config = RubricConfig(tools=0.0)
    assert rubric_score(Response("x", "", (ToolCall("pay", {}),)), Task(), config).value is None


def test_expected_steps_are_the_only_credit_and_faults_still_count() -> None:
    task = Task(PROMPT, TOOLS, ("1200+6=1206", "3*2=6"), True)
    response = Response("3*2 = 6\n1200+6=1206", "", (ToolCall("pay", {"amount": 1206}),))
    assert rubric_score(response, task).value == pytest.approx(1 / 2)  # of the two, one is in order
    assert rubric_score(Response("3 * 2 = 6\n3+2=6", ""), task).value == pytest.approx(1 / 2 * 1 / 2)
    # switched off: no word names pay (0), arguments 1, sources 1
    assert rubric_score(response, task, RubricConfig(use_steps=False)).value == pytest.approx(2 / 3)


@pytest.mark.parametrize("seed", range(30))
def test_on_the_demos_no_fault_touches_right_steps(seed: int) -> None:
    rng, level = random.Random(seed), ("easy", "medium", "hard")[seed % 3]
    order, case = shop.make_example(rng, level), desk.make_example(rng, level)
    rows = [(order.question, order.steps, order.tool_calls), (case.question, case.plan, case.calls)]
    for question, steps, calls in rows:
        made = tuple(ToolCall(call["name"], call["arguments"]) for call in calls)
        for written in range(len(steps) + 1):
            response = Response("\n".join([*steps[:written], "and so on, roughly"]), "", made)
            found = rubric_score(response, Task(question, expected_steps=tuple(steps)))
            assert found.value == pytest.approx(written / len(steps))


@pytest.mark.parametrize(
    ("response", "expected", "value"),
    [
        (Response(None, "x"), True, 0.0),
        (Response("  \n", "x"), False, 0.0),
        (Response("pay", "", problems=("broken",)), False, 0.0),
        (Response("I refuse.", "x"), True, 0.0),
        (Response("A greeting.", "Hello."), False, None),
    ],
)
def test_responses_without_thinking_or_calls(response: Response, expected: bool, value: float | None) -> None:
    found = rubric_score(response, Task(PROMPT, TOOLS, calls_expected=expected))
    assert found.value == value
    assert set(found.parts.values()) == {0.0}


KEYS = {"rubric", *(f"rubric_{name}" for name in RUBRIC_PARTS)}
texts = st.text(max_size=60) | st.lists(
    st.sampled_from(["pay", "Ann Lee", "1,200", "3*2=6", "=", ".", "\n", " ", "not", "支付", "\ud800", "garden"]),
    max_size=30,
).map(" ".join)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(
    thinking=st.none() | texts,
    prompt=texts,
    tools=st.lists(texts, max_size=4),
    calls=st.lists(st.builds(ToolCall, texts, st.dictionaries(texts, values, max_size=3)), max_size=3),
    steps=st.lists(texts, max_size=2),
)
def test_any_response_scores_within_range(
    thinking: str | None, prompt: str, tools: list[str], calls: list[ToolCall], steps: list[str]
) -> None:
    task = Task(prompt, tuple(tools), tuple(steps))
    found = rubric_score(Response(thinking, "", tuple(calls)), task)
    assert found.value is None or 0.0 <= found.value <= 1.0
    assert found.parts.keys() == KEYS
    assert all(math.isfinite(part) and 0.0 <= part <= 1.0 for part in found.parts.values())
    assert rubric_score(Response(thinking, "", tuple(calls)), task) == found


def test_honest_thinking_scores_1_short_or_long() -> None:
    assert score(HONEST).value == score(HONEST_LONG).value == 1.0


@pytest.mark.parametrize("cut", ["book_room", "Hotel Aurora", "2026-05-15"])
def test_more_words_do_not_make_up_for_what_is_missing(cut: str) -> None:
    short, long = score(HONEST.replace(cut, "it")).value, score(HONEST_LONG.replace(cut, "it")).value
    assert short is not None
    assert short == long
    assert short < 1.0


@pytest.mark.parametrize("name", HACKS)
def test_honest_thinking_beats_each_hack_by_0_3(name: str) -> None:
    honest, hack = score(HONEST).value, score(HACKS[name]).value
    assert honest is not None
    assert hack is not None
    assert honest >= hack + 0.3


@pytest.mark.parametrize("name", UNBEATEN)
def test_a_terse_mention_of_tool_and_values_earns_most_of_it(name: str) -> None:
    """What the rubric cannot tell from thinking: texts that do name the tool, the values, and a word of the request.

    They fall short of honest thinking only where something has to be derived (the budget, 3 * 140). Should one of them
    be beaten one day, move it to HACKS.
    """
    unbeaten = score(UNBEATEN[name]).value
    assert unbeaten is not None
    assert 0.7 < unbeaten < 1.0


@given(st.lists(st.sampled_from(sorted(" ".join(HACKS.values()).split())), max_size=40).map(" ".join))
def test_words_put_after_complete_thinking_never_raise_its_score(more: str) -> None:
    complete, longer = score(HONEST), score(f"{HONEST}\n{more}")
    assert complete.value is not None
    assert longer.value is not None
    assert longer.value <= complete.value
