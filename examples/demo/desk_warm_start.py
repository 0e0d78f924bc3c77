"""The start of the desk demo: a tiny model that makes tool calls, and usually stops too early.

As in shop_warm_start.py, two phases of supervised learning on questions of the training split, from random weights:

1. Skill: the whole plan, then one call a turn, with what the observations said. The calls really run in the desk. Only
   what the model writes is taught.
2. Habits, a short phase: plans that end too early, and rollouts that stop where the plan stops. The longer the request,
   the fewer plans are complete.

The model lacks a habit, which a few updates of reinforcement learning can change.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

from awpo_verl.rewards.outcome import ToolCall
from awpo_verl.rewards.outcome.execution import Session, tool_schemas
from examples.demo import desk, model_store, supervised, tiny_model
from examples.demo.supervised import Phase, collate

# tiny_model's template, with the tools after the first message as `name(parameter, ...)`, which is short
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "{% if loop.first %}{% for tool in tools or [] %}"
    "{{ '\n' }}{{ tool['function']['name'] }}({{ tool['function']['parameters']['properties'] | join(', ') }})"
    "{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GIVE_UP = "and so on"  # the line that ends a plan too early


@dataclass(frozen=True)
class Settings:
    """What decides the weights, with the seed and the code.

    whole_plans: for each level, the share of demonstrations of the second phase with a complete plan.
    """

    model: tiny_model.ModelSettings = field(default_factory=lambda: tiny_model.ModelSettings(max_length=512))
    batch: int = 32  # conversations of an update
    skill: Phase = field(default_factory=lambda: Phase(steps=130, lr=6e-3, muon=True, pool=16))
    habit: Phase = field(default_factory=lambda: Phase(steps=40, lr=1e-3))
    whole_plans: tuple[float, float, float] = (0.9, 0.3, 0.1)


def warm_start(
    cache_dir: str | Path,
    seed: int = 0,
    progress: Callable[[str], None] = print,
    settings: Settings | None = None,
) -> Path:
    """The Hugging Face folder of the model, which is trained where it is neither shipped nor in the cache."""
    settings = settings or Settings()
    recipe = make_recipe(settings, seed)
    return model_store.find_or_train(recipe, cache_dir, lambda: train(settings, seed, progress), progress)


def make_recipe(settings: Settings, seed: int) -> model_store.Recipe:
    """What decides the model's weights."""
    modules = [desk, tiny_model, supervised, sys.modules[__name__]]
    return model_store.make_recipe("desk", settings, seed, modules)


def train(
    settings: Settings, seed: int, progress: Callable[[str], None]
) -> tuple[Qwen3ForCausalLM, PreTrainedTokenizerFast]:
    """Train the model from random weights, in both phases."""
    rng = random.Random(seed)
    tokenizer = make_tokenizer(settings.model, rng)
    model = tiny_model.make_model(settings.model, tokenizer, seed)
    for name, phase, whole in (
        ("skill", settings.skill, (1.0, 1.0, 1.0)),
        ("habits", settings.habit, settings.whole_plans),
    ):
        batches = _batches(rng, tokenizer, phase, settings.batch, whole)
        supervised.train_phase(model, phase, batches, name, progress)
    return model.eval(), tokenizer


def make_tokenizer(settings: tiny_model.ModelSettings, rng: random.Random) -> PreTrainedTokenizerFast:
    """A tokenizer of the task's conversations, with a chat template that lists the tools."""
    examples = [desk.draw(rng, rng.choice(desk.DIFFICULTIES), "train") for _ in range(2000)]
    functions = [tool["function"] for tool in tool_schemas(desk.Desk)]
    tools = (f"{function['name']}({', '.join(function['parameters']['properties'])})" for function in functions)
    texts = ["\n".join([f"system\n{desk.SYSTEM_PROMPT}", *tools])]
    planned = [rng.choice((len(e.calls), rng.randrange(len(e.calls)))) for e in examples]  # some whole, some cut short
    texts += ["".join([f"user\n{e.question}", *conversation(e, n)]) for e, n in zip(examples, planned, strict=True)]
    names = [function["name"] for function in functions]
    tokenizer = tiny_model.make_tokenizer(settings, texts, (*names, *desk.CUSTOMERS, *desk.ITEMS))
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def conversation(example: desk.Example, planned: int) -> list[str]:
    """The texts after the prompt: the model's reply, what the loop inserts, the next reply, and so on.

    Args:
        planned: number of calls that are planned and made, from 0 to all calls of the example.
    """
    whole = planned == len(example.calls)
    plan = example.plan[:planned] + ([] if whole else [GIVE_UP])
    thinking = "<think>\n" + "\n".join(plan) + "\n</think>\n\n"
    session = Session.open(desk.Desk, example.initial)
    texts = []
    for call in example.calls[:planned]:
        texts.append(f"{thinking}<tool_call>\n{json.dumps(call)}\n</tool_call>{tiny_model.END}")
        observation = session.call(ToolCall(call["name"], call["arguments"]))
        texts.append(between_replies(observation.text))
        thinking = ""
    return [*texts, f"{thinking}{desk.DONE}{tiny_model.END}"]


def between_replies(observation: str) -> str:
    """The text that verl's tool agent loop inserts between two replies: an observation, and the next reply's start."""
    return f"\n{tiny_model.START}tool\n{observation}{tiny_model.END}\n{tiny_model.START}assistant\n"


def _batches(
    rng: random.Random,
    tokenizer: PreTrainedTokenizerFast,
    phase: Phase,
    size: int,
    whole: tuple[float, float, float],
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield phase.steps batches of input_ids and labels, (size, T) each; see supervised.collate."""
    mark = "QUESTION"
    prompt = str(
        tokenizer.apply_chat_template(
            [{"role": "system", "content": desk.SYSTEM_PROMPT}, {"role": "user", "content": mark}],
            tools=tool_schemas(desk.Desk),  # pyright: ignore[reportArgumentType]
            add_generation_prompt=True,
            tokenize=False,
        )
    )
    pad = tiny_model.token_id(tokenizer, tiny_model.PAD)
    for start in range(0, phase.steps, phase.pool):
        n = min(phase.pool, phase.steps - start)
        rows = []
        for _ in range(n * size):
            level = rng.randrange(len(desk.DIFFICULTIES))
            example = desk.draw(rng, desk.DIFFICULTIES[level], "train")
            steps = len(example.calls)
            planned = steps if rng.random() < whole[level] else rng.randrange(steps)
            rows.append([prompt.replace(mark, example.question), *conversation(example, planned)])
        ids = iter(tokenizer([text for row in rows for text in row])["input_ids"])
        pieces = sorted(([next(ids) for _ in row] for row in rows), key=lambda row: sum(map(len, row)))
        order = list(range(n))
        rng.shuffle(order)
        for i in order:
            yield collate(pieces[i * size : (i + 1) * size], pad)
