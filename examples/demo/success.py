"""Measure how often a model solves held-out prompts, with transformers alone, before any reinforcement learning."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from awpo_verl.rewards.outcome import check_outcome, parse_response
from awpo_verl.rewards.outcome.execution import LOG_KEY, Session, tool_schemas
from awpo_verl.rewards.outcome.target import read_target
from examples.demo import desk, desk_warm_start, shop

REPLY_TOKENS = 96
DESK_TURNS = 6  # replies of a rollout, as in recipes/run_awpo_tiny_multiturn_cpu.sh


def success_by_level(task: str, folder: Path, prompts: int, seed: int = 0) -> dict[str, float]:
    """The share of held-out prompts that one reply or rollout at temperature 1 solves, for each level.

    Args:
        task: "shop" or "desk".
        folder: the model's Hugging Face folder.
        prompts: number of prompts of each level. The standard error of a share p is sqrt(p * (1 - p) / prompts).
        seed: draws the prompts and the samples.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    solve = _solve_desk if task == "desk" else _solve_shop
    found = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for level in (desk if task == "desk" else shop).DIFFICULTIES:
            found[level] = sum(solve(model, tokenizer, random.Random(f"{level}-{seed}"), level, prompts)) / prompts
    return found


def _solve_shop(
    model: Any, tokenizer: PreTrainedTokenizerFast, rng: random.Random, level: str, prompts: int
) -> list[float]:
    examples = [shop.draw(rng, level, "heldout") for _ in range(prompts)]
    replies = _sample(model, tokenizer, [_prompt_tokens(tokenizer, shop.messages(example)) for example in examples])
    truths = [shop.to_row(example, 0)["reward_model"]["ground_truth"] for example in examples]
    return [
        check_outcome(tokenizer.decode(reply, skip_special_tokens=True), read_target(truth)).exact
        for reply, truth in zip(replies, truths, strict=True)
    ]


def _solve_desk(
    model: Any, tokenizer: PreTrainedTokenizerFast, rng: random.Random, level: str, prompts: int
) -> list[float]:
    """Roll out as verl's tool agent loop does: one call of each reply runs, and its observation precedes the next."""
    examples = [desk.draw(rng, level, "heldout") for _ in range(prompts)]
    tools = tool_schemas(desk.Desk)
    tokens = [_prompt_tokens(tokenizer, desk.messages(example), tools) for example in examples]
    sessions = [Session.open(desk.Desk, example.initial) for example in examples]
    replies: list[list[str]] = [[] for _ in examples]
    active = list(range(prompts))
    for _ in range(DESK_TURNS):
        sampled = _sample(model, tokenizer, [tokens[i] for i in active])
        calling = []
        for i, reply in zip(active, sampled, strict=True):
            replies[i].append(str(tokenizer.decode(reply, skip_special_tokens=True)))
            calls = parse_response(replies[i][-1]).calls
            if calls:
                text = sessions[i].call(calls[0]).text
                tokens[i] += reply + tokenizer(desk_warm_start.between_replies(text))["input_ids"]
                calling.append(i)
        active = calling
        if not active:
            break
    targets = [read_target(desk.to_row(example, 0)["reward_model"]["ground_truth"]) for example in examples]
    return [
        check_outcome(texts, target, tool_extra_fields={LOG_KEY: session.log()}).exact
        for texts, target, session in zip(replies, targets, sessions, strict=True)
    ]


def _prompt_tokens(tokenizer: PreTrainedTokenizerFast, messages: list[dict[str, str]], tools: Any = None) -> list[int]:
    tokens: Any = tokenizer.apply_chat_template(
        messages, tools=tools, add_generation_prompt=True, tokenize=True, return_dict=False
    )
    return list(tokens)


def _sample(model: Any, tokenizer: PreTrainedTokenizerFast, prompts: list[list[int]]) -> list[list[int]]:
    """One reply to each prompt at temperature 1, as token ids up to and with END."""
    batch = tokenizer.pad({"input_ids": prompts}, padding_side="left", return_tensors="pt")
    with torch.no_grad():
        output = model.generate(
            **batch, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=REPLY_TOKENS
        )
    end, width = tokenizer.eos_token_id, batch["input_ids"].shape[1]
    replies = [row[width:] for row in output.tolist()]
    return [reply[: reply.index(end) + 1] if end in reply else reply for reply in replies]
