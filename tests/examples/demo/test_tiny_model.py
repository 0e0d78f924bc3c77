"""The demo's tokenizer and model, made on the spot."""

import random

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from examples.demo import shop, shop_warm_start, tiny_model

SMALL = shop_warm_start.Settings(
    model=tiny_model.ModelSettings(hidden_size=32, intermediate_size=32, layers=1, heads=1, kv_heads=1, head_dim=32),
    batch=4,
    skill=shop_warm_start.Phase(steps=3, lr=1e-3, muon=True, pool=2),
    habit=shop_warm_start.Phase(steps=2, lr=1e-3),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return shop_warm_start.warm_start(tmp_path_factory.mktemp("cache"), seed=0, progress=lambda _: None, settings=SMALL)


@pytest.fixture(scope="module")
def tokenizer(folder):
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def examples():
    return [shop.draw(random.Random(i), level, "heldout") for i in range(200) for level in shop.DIFFICULTIES]


def test_decoding_a_reply_without_special_tokens_keeps_every_tag_and_drops_the_end(tokenizer, examples):
    for example in examples:
        reply = shop.reference_response(example)
        ids = tokenizer(reply + tiny_model.END, add_special_tokens=False)["input_ids"]
        assert tokenizer.decode(ids, skip_special_tokens=True) == reply


def test_tags_and_digits_are_single_tokens_and_digits_never_merge(tokenizer):
    for mark in (*tiny_model.TAGS, tiny_model.START, tiny_model.END, tiny_model.PAD, *"0123456789"):
        assert len(tokenizer(mark)["input_ids"]) == 1, mark
    digits = [i for piece, i in tokenizer.get_vocab().items() if set(piece) & set("0123456789")]
    assert len(digits) == 10


def test_the_name_of_goods_is_the_same_token_in_the_question_and_in_the_call(tokenizer):
    for item in shop.ITEMS:
        (name,) = tokenizer(item)["input_ids"]
        assert name in tokenizer(f"Buy 3 {item} at 4.")["input_ids"]
        assert name in tokenizer(f'{{"item": "{item}", "count": 3}}')["input_ids"]


def test_prompts_and_replies_are_short(tokenizer, examples):
    for example in examples:
        prompt = tokenizer.apply_chat_template(
            shop.messages(example), add_generation_prompt=True, tokenize=True, return_dict=False
        )
        assert len(prompt) <= 40
        assert len(tokenizer(shop.reference_response(example))["input_ids"]) + 1 <= 64


def test_text_that_the_tokenizer_has_never_seen_round_trips(tokenizer):
    text = "Größe 42? {'x': [1.5]} 数据\n\t🙂"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_the_training_prompt_is_the_chat_template_s(tokenizer, examples):
    example = examples[0]
    rendered = tokenizer.apply_chat_template(shop.messages(example), add_generation_prompt=True, tokenize=False)
    assert rendered == shop_warm_start.prompt_text(example)
    assert rendered.endswith(f"{example.question}<|im_end|>\n<|im_start|>assistant\n")


def test_the_folder_loads_as_a_model_that_ends_at_the_end_of_turn(folder, tokenizer):
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.config.model_type == "qwen3"
    assert model.dtype == torch.float32
    assert model.config.vocab_size >= len(tokenizer)
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id == model.config.eos_token_id
    assert model.generation_config.pad_token_id == tokenizer.pad_token_id
    assert tokenizer.decode([tokenizer.eos_token_id]) == tiny_model.END


def test_the_default_model_has_one_and_a_half_million_parameters(tokenizer):
    model = tiny_model.make_model(tiny_model.ModelSettings(), tokenizer, seed=0)
    assert 1.3e6 < sum(p.numel() for p in model.parameters()) < 3e6


def test_making_a_model_leaves_the_global_random_state_alone(tokenizer):
    before = torch.get_rng_state()
    tiny_model.make_model(SMALL.model, tokenizer, seed=1)
    assert torch.equal(before, torch.get_rng_state())


def test_the_loss_is_on_the_reply_alone():
    # prompt 5 6, reply 7 8: the label at a place is the next token, so 7 is predicted at 6 and 8 at 7.
    ids, labels = shop_warm_start.collate([([5, 6], [7, 8]), ([5], [9])], pad=0)
    assert ids.tolist() == [[5, 6, 7, 8], [5, 9, 0, 0]]
    assert labels.tolist() == [[-100, 7, 8, -100], [9, -100, -100, -100]]


def test_a_habitual_reply_that_skips_steps_gets_every_amount_wrong(examples):
    rng = random.Random(0)
    none = ((1.0, 0.0), (1.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0, 0.0))
    for example in examples:
        reply = shop_warm_start.habitual_response(rng, example, none)
        assert reply.startswith(f"<think>\n{shop_warm_start.GUESS}\n</think>\n\n")
        for call in example.tool_calls:
            if "amount" in call["arguments"]:
                assert f'"{call["name"]}", "arguments": {{"amount": {call["arguments"]["amount"]}}}' not in reply


def test_a_habitual_reply_writes_the_first_steps_in_order(examples):
    one = ((0.0, 1.0), (0.0, 1.0, 0.0), (0.0, 1.0, 0.0, 0.0, 0.0))
    for example in examples:
        reply = shop_warm_start.habitual_response(random.Random(0), example, one)
        if example.difficulty == "easy":
            assert reply == shop.reference_response(example)
        else:
            assert reply.startswith(f"<think>\n{example.steps[0]}\n{shop_warm_start.GUESS}\n</think>\n\n")
