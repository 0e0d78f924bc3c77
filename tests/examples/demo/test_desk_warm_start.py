"""What the desk's model is taught is, token for token, what verl's tool agent loop will show it."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("verl")

from verl.utils.tokenizer.continuous_token_wiring import create_continuous_token_builder

from awpo_verl.rewards.outcome import parse_response
from awpo_verl.rewards.outcome.execution import tool_schemas
from examples.demo import desk, desk_warm_start, supervised, tiny_model

EXAMPLES = [desk.draw(random.Random(i), level, "heldout") for i in range(10) for level in desk.DIFFICULTIES]
TOOLS = tool_schemas(desk.Desk)


@pytest.fixture(scope="module")
def tokenizer():
    return desk_warm_start.make_tokenizer(tiny_model.ModelSettings(max_length=512), random.Random(0))


def test_the_conversation_is_what_verl_s_loop_builds(tokenizer):
    builder = create_continuous_token_builder(tokenizer, hf_model_type="qwen3")
    for example in EXAMPLES:
        texts = desk_warm_start.conversation(example, len(example.calls))
        messages = desk.messages(example)
        tokens = builder.build_initial_tokens(messages, tools=TOOLS)
        prompt = tokenizer.apply_chat_template(messages, tools=TOOLS, add_generation_prompt=True, tokenize=False)
        for reply, given in zip(texts[::2], [*texts[1::2], None], strict=True):
            tokens = builder.merge_assistant_tokens(tokens, tokenizer(reply)["input_ids"]).token_ids
            if given is not None:
                said = given.removeprefix("\n<|im_start|>tool\n").partition("<|im_end|>")[0]
                before = [*messages, {"role": "assistant", "content": reply}]
                messages = [*before, {"role": "tool", "content": said}]
                tokens = builder.merge_context_tokens(before, messages, tokens, tools=TOOLS).token_ids
        taught = [tokenizer(piece)["input_ids"] for piece in (prompt, *texts)]  # piece by piece, as it is trained
        assert tokens == [token for piece in taught for token in piece]


def test_the_prompt_lists_the_tools_of_verl_s_schemas(tokenizer):
    prompt = tokenizer.apply_chat_template(desk.messages(EXAMPLES[0]), tools=TOOLS, tokenize=False)
    assert "\nfind_order(customer)\nget_order(order)\n" in prompt
    assert "\nreserve(customer, item, count)\n" in prompt
    without = tokenizer.apply_chat_template(desk.messages(EXAMPLES[0]), tokenize=False)
    assert "find_order" not in without


def test_prompts_and_rollouts_are_short(tokenizer):
    for example in EXAMPLES:
        prompt = tokenizer.apply_chat_template(
            desk.messages(example), tools=TOOLS, add_generation_prompt=True, tokenize=True, return_dict=False
        )
        rollout = tokenizer("".join(desk_warm_start.conversation(example, len(example.calls))))["input_ids"]
        assert len(prompt) <= 96  # the recipe's data.max_prompt_length
        assert len(rollout) <= 128  # well below its data.max_response_length


def test_a_demonstration_plans_as_many_calls_as_it_makes():
    for example in EXAMPLES:
        for planned in range(len(example.calls) + 1):
            replies = desk_warm_start.conversation(example, planned)[::2]
            assert len(replies) == planned + 1
            calls = [call for reply in replies for call in parse_response(reply.removesuffix("<|im_end|>")).calls]
            assert [call.name for call in calls] == example.plan[:planned]
            plan = replies[0].split("\n</think>")[0].removeprefix("<think>\n").split("\n")
            ending = [] if planned == len(example.calls) else [desk_warm_start.GIVE_UP]
            assert plan == [*example.plan[:planned], *ending]
            assert replies[-1].endswith("Done.<|im_end|>")


def test_only_what_the_model_writes_is_taught():
    # prompt 5 6, reply 7 8, observation 9, reply 3: the label at a place is the next token
    ids, labels = supervised.collate([([5, 6], [7, 8], [9], [3]), ([5], [4])], pad=0)
    assert ids.tolist() == [[5, 6, 7, 8, 9, 3], [5, 4, 0, 0, 0, 0]]
    assert labels.tolist() == [[-100, 7, 8, -100, 3, -100], [4, -100, -100, -100, -100, -100]]
