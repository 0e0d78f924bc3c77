"""A tokenizer and a language model made on the spot for the demo: nothing is downloaded.

The tokenizer is a byte-level BPE trained on the task's own text. Two choices keep sequences short, because on
a CPU time goes with tokens: merges run across spaces and punctuation, so that the constant system prompt with
its JSON schemas is a handful of tokens; and digits and the names of goods are split off first, so that each
is the same token anywhere, and arithmetic and copying can be learned. <think>, </think>, <tool_call> and
</tool_call> are single tokens but not "special": verl decodes replies with skip_special_tokens=True, and the
reward must still see them.

The model is a Qwen3 of 1.5 million parameters with random weights; its head size is 64, which vLLM's CPU
attention takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
TAGS = ("<think>", "</think>", "<tool_call>", "</tool_call>")
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class ModelSettings:
    """Sizes of the tokenizer and the model."""

    vocab_size: int = 1024  # at most; training stops earlier where nothing is left to merge
    max_length: int = 256  # tokens, prompt and reply together
    hidden_size: int = 192
    intermediate_size: int = 512
    layers: int = 3
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 64


def make_tokenizer(settings: ModelSettings, texts: Iterable[str], words: Iterable[str]) -> PreTrainedTokenizerFast:
    """Train a tokenizer on texts (chat markup and tags included) and give it a Qwen-like chat template.

    words: never merged with what stands around them.
    """
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.Split(Regex("|".join(map(re.escape, words))), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocab_size - len(TAGS),
        special_tokens=[PAD, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    marks = re.compile("|".join(map(re.escape, (PAD, START, END, *TAGS))))
    core.train_from_iterator((piece for text in texts for piece in marks.split(text) if piece), trainer)
    core.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in TAGS])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token=END,
        pad_token=PAD,
        model_max_length=settings.max_length,
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def make_model(settings: ModelSettings, tokenizer: PreTrainedTokenizerFast, seed: int) -> Qwen3ForCausalLM:
    """A Qwen3 in float32 with random weights drawn from seed (torch's global generator is left as it was)."""
    config = Qwen3Config(
        vocab_size=-(-len(tokenizer) // 64) * 64,
        hidden_size=settings.hidden_size,
        intermediate_size=settings.intermediate_size,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.kv_heads,
        head_dim=settings.head_dim,
        max_position_embeddings=settings.max_length,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=token_id(tokenizer, END),
        pad_token_id=token_id(tokenizer, PAD),
        dtype="float32",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(config)
    model.generation_config.do_sample = True
    return model


def token_id(tokenizer: PreTrainedTokenizerFast, token: str) -> int:
    """The id of a single token."""
    return int(tokenizer.get_vocab()[token])


def save(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a Hugging Face folder that AutoTokenizer and AutoModelForCausalLM load."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
