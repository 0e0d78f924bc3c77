"""The start of the shop demo: a tiny model that can do the task, but usually guesses.

Two phases of supervised learning on questions of the training split, from random weights:

1. Skill: careful demonstrations with every step. The model then solves most questions.
2. Habits: demonstrations that stop to think and guess. The longer the question, the fewer steps they write; on hard
   questions they never write all.

Sampled at temperature 1, the model then solves nearly all easy questions, a fifth of the medium ones and almost no hard
one. All outcomes of a group of hard rollouts are equal, and only the steps differ. The model lacks a habit, which a few
updates of reinforcement learning can change; it does not lack a skill, which they cannot teach.

Training takes minutes on two CPU cores because sequences are short (tiny_model.py), a batch has similar lengths, only
replies are taught, questions go from easy to hard, and Muon updates the weight matrices.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

from examples.demo import model_store, shop, supervised, tiny_model
from examples.demo.supervised import Phase, collate

GUESS = "and so on, roughly"  # the line that ends the thinking before a guess

Demonstrate = Callable[[random.Random, shop.Example], str]


@dataclass(frozen=True)
class Settings:
    """What decides the weights, with the seed and the code.

    habits: for each level, the share of demonstrations that write 0, 1, 2, ... steps; the last share is all steps.
    """

    model: tiny_model.ModelSettings = field(default_factory=tiny_model.ModelSettings)
    batch: int = 32  # sequences of an update
    skill: Phase = field(
        default_factory=lambda: Phase(
            steps=450, lr=6e-3, muon=True, pool=16, mix_start=(1.0, 1.0, 0.0), mix_end=(0.5, 1.0, 2.0)
        )
    )
    habit: Phase = field(
        default_factory=lambda: Phase(steps=600, lr=1e-3, mix_start=(1.0, 1.0, 4.0), mix_end=(1.0, 1.0, 4.0))
    )
    habits: tuple[tuple[float, ...], ...] = (
        (0.0, 1.0),
        (0.40, 0.36, 0.24),
        (0.50, 0.34, 0.16, 0.0, 0.0),
    )


def warm_start(
    cache_dir: str | Path,
    seed: int = 0,
    progress: Callable[[str], None] = print,
    settings: Settings | None = None,
) -> Path:
    """The Hugging Face folder of the model, which is trained where it is neither shipped nor in the cache.

    Training uses torch's number of threads. More threads than free cores make it many times slower.
    """
    settings = settings or Settings()
    recipe = make_recipe(settings, seed)
    return model_store.find_or_train(recipe, cache_dir, lambda: train(settings, seed, progress), progress)


def make_recipe(settings: Settings, seed: int) -> model_store.Recipe:
    """What decides the model's weights."""
    modules = [shop, tiny_model, supervised, sys.modules[__name__]]
    return model_store.make_recipe("shop", settings, seed, modules)


def train(
    settings: Settings, seed: int, progress: Callable[[str], None]
) -> tuple[Qwen3ForCausalLM, PreTrainedTokenizerFast]:
    """Train the model from random weights, in both phases."""
    rng = random.Random(seed)

    def careful(_: random.Random, example: shop.Example) -> str:
        return shop.reference_response(example)

    def habitual(rng: random.Random, example: shop.Example) -> str:
        return habitual_response(rng, example, settings.habits)

    texts = _tokenizer_texts(rng, habitual)
    tokenizer = tiny_model.make_tokenizer(settings.model, texts, shop.ITEMS)
    model = tiny_model.make_model(settings.model, tokenizer, seed)
    for name, phase, demonstrate in (
        ("skill", settings.skill, careful),
        ("habits", settings.habit, habitual),
    ):
        batches = _batches(rng, tokenizer, phase, settings.batch, demonstrate)
        supervised.train_phase(model, phase, batches, name, progress)
    return model.eval(), tokenizer


def habitual_response(rng: random.Random, example: shop.Example, habits: tuple[tuple[float, ...], ...]) -> str:
    """A reply that writes some of the steps, as often as `habits` says, and then guesses wrong."""
    shares = habits[shop.DIFFICULTIES.index(example.difficulty)]
    written = rng.choices(range(len(shares)), shares)[0]
    if written >= len(example.steps):
        return shop.reference_response(example)
    calls = []
    for call in example.tool_calls:
        arguments = dict(call["arguments"])
        if "amount" in arguments:
            arguments["amount"] = _wrong(rng, arguments["amount"])
        calls.append({"name": call["name"], "arguments": arguments})
    answer = "" if calls else f"That is {_wrong(rng, int(example.steps[-1].split('=')[1]))}."
    return shop.render_response([*example.steps[:written], GUESS], calls, answer)


def _wrong(rng: random.Random, right: int) -> int:
    """A round number above every right answer (at most 117), so that a guess is never right by luck."""
    return rng.choice([n for n in range(200, 1000, 100) if n != right])


def prompt_text(example: shop.Example) -> str:
    """The prompt as tiny_model's chat template renders it. This is faster, and needs no tokenizer."""
    turns = [f"{m['role']}\n{m['content']}" for m in shop.messages(example)]
    rendered = "".join(f"{tiny_model.START}{turn}{tiny_model.END}\n" for turn in turns)
    return f"{rendered}{tiny_model.START}assistant\n"


def _tokenizer_texts(rng: random.Random, demonstrate: Demonstrate) -> list[str]:
    examples = [shop.draw(rng, rng.choice(shop.DIFFICULTIES), "train") for _ in range(3000)]
    return [prompt_text(e) + r + tiny_model.END for e in examples for r in (demonstrate(rng, e),)]


def _batches(
    rng: random.Random, tokenizer: PreTrainedTokenizerFast, phase: Phase, size: int, demonstrate: Demonstrate
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield phase.steps batches of input_ids and labels, (size, T) each; see supervised.collate."""
    for start in range(0, phase.steps, phase.pool):
        done = min(1.0, start / (0.6 * phase.steps))
        mix = [a + done * (b - a) for a, b in zip(phase.mix_start, phase.mix_end, strict=True)]
        n = min(phase.pool, phase.steps - start)
        levels = rng.choices(shop.DIFFICULTIES, mix, k=n * size)
        examples = [shop.draw(rng, level, "train") for level in levels]
        prompts = tokenizer([prompt_text(e) for e in examples])["input_ids"]
        replies = tokenizer([demonstrate(rng, e) + tiny_model.END for e in examples])["input_ids"]
        rows = sorted(zip(prompts, replies, strict=True), key=lambda row: len(row[0]) + len(row[1]))
        order = list(range(n))
        rng.shuffle(order)
        for i in order:
            yield collate(rows[i * size : (i + 1) * size], tiny_model.token_id(tokenizer, tiny_model.PAD))
