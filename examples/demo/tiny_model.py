"""A tokenizer and a small Qwen3 that the demo makes itself, so that nothing is downloaded.

The tokenizer is a byte-level BPE, trained on the task's own text. On a CPU the time depends on the number of tokens, so
sequences are kept short:

- Merges go across spaces and punctuation. The constant system prompt with its JSON schemas becomes a few tokens.
- Digits and the names of goods are split off first. Each is the same token everywhere, so the model can learn to copy
  and to calculate.

<think>, </think>, <tool_call> and </tool_call> are single tokens, but they are not "special": verl decodes replies with
skip_special_tokens=True, and the rewards must see these marks.

The model has 1.5 million random weights and a head size of 64, which vLLM's attention on the CPU supports.
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

    vocab_size: int = 1024  # the upper limit; the tokenizer may find fewer pairs to merge
    max_length: int = 256  # tokens of prompt and reply together
    hidden_size: int = 192
    intermediate_size: int = 512
    layers: int = 3
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 64


def make_tokenizer(settings: ModelSettings, texts: Iterable[str], words: Iterable[str]) -> PreTrainedTokenizerFast:
    """Train a tokenizer on texts, which include chat markup and tags, and give it a chat template like Qwen's.

    words: each stays a token of its own.
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
    """A Qwen3 in float32 with random weights that depend on the seed. torch's global generator does not change."""
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
    """The id of a token. KeyError: the vocabulary does not have it."""
    return int(tokenizer.get_vocab()[token])


def save(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a Hugging Face folder that AutoTokenizer and AutoModelForCausalLM load.

    The file has the weights in float16, which halves its size. The config says float32, and so they are loaded.
    """
    weights = {name: weight.detach().half() for name, weight in model.named_parameters()}  # a tied weight once
    model.save_pretrained(folder, state_dict=weights)
    tokenizer.save_pretrained(folder)
