"""Keys of the rewards: `algorithm.awpo.outcome`, `.rubric` and `.judge`."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from typing import Any

from awpo_verl.config.bounds import SECTION, AWPOConfigError, at_least, one_of, positive, refuse, within_unit
from awpo_verl.config.packages import require_package

MATCH_KINDS = ("exact", "graded")
STRING_KINDS = ("strict", "normalized")
REASONING_SOURCES = ("rubric", "judge")
RUBRIC_PARTS = ("tools", "arguments", "sources", "steps", "follows", "arithmetic", "loops", "padding")
REPLY_KINDS = ("json_schema", "json_object", "text")


@dataclass
class OutcomeConfig:
    """Built-in outcome checkers (rewards/outcome), for rows with expected calls.

    format: how the model writes calls: auto (told by the tokenizer's chat template, else by each text's marks) | a
        format's name, such as hermes (docs/rewards.md has them all) | module:object, a CallFormat of your own.
    match: exact (1 where every call is right, else 0) | graded (partial credit in [0, 1]).
    strings: strict (as they are) | normalized (case, blanks and punctuation outside of numbers do not count).
    """

    format: str = "auto"
    match: str = "exact"
    strings: str = "strict"


@dataclass
class RubricConfig:
    """The reasoning score without a model (rewards/reasoning/rubric.py): credits, times faults.

    Each is a weight >= 0, and 0 switches the criterion off. Credits are averaged by their weights; each fault, a
    number in [0, 1], multiplies the score by `fault ** weight`.

    tools: credit: the thinking names the tools that are called.
    arguments: credit: it names the values of their arguments.
    sources: credit: these values come from the prompt, or are derived in the thinking.
    follows: fault: another tool is called than the one concluded on.
    arithmetic: fault: sums that are wrong.
    loops: fault: sentences over and over.
    padding: fault: sentences about nothing in the task.
    use_steps: where a row states its expected steps, the share of them that the thinking writes is the only credit.
    """

    tools: float = 1.0
    arguments: float = 1.0
    sources: float = 1.0
    follows: float = 1.0
    arithmetic: float = 1.0
    loops: float = 1.0
    padding: float = 1.0
    use_steps: bool = True


@dataclass
class JudgeConfig:
    """The reasoning score of an LLM behind an OpenAI-compatible API (rewards/reasoning/judge).

    Times are in seconds. The first keys say which model and what it is asked, those from `deadline` on how long it may
    take, those from `concurrency` on what happens when it fails.

    base_url: e.g. http://judge-host:8000/v1. Empty: verl's own reward model (reward.reward_model).
    model: its name there. Empty: reward.reward_model.model_path.
    api_key_env: name of the environment variable that holds the API key; empty: none is sent. Never the key.
    template: a packaged prompt template by name, or the path of one of your own (docs/judge.md).
    show_answer: False: the judge sees the thinking without the final call, so it cannot grade the call instead.
    show_reference: False: the judge does not see the row's expected calls.
    max_section_chars: of the conversation, the thinking, and so on; longer ones are cut in the middle.
    explain: the judge writes a sentence before its score: better scores, more tokens, a reason in the dumps.
    reply: how the form of the reply is enforced: json_schema (structured output) | json_object | text (asked for).
    temperature: of the judge; None: not sent.
    max_tokens: of one reply.
    samples: that many replies, of which the median counts.
    extra_body: further fields of the request, e.g. {chat_template_kwargs: {enable_thinking: false}}.
    deadline: for one rollout, from when it is finished, queue and retries included. After it, the reasoning reward is
        missing.
    attempt_timeout: for one request.
    step_budget: for which judgements may be pending in one training step, in one reward worker.
    concurrency: requests at a time, of one reward worker (reward.num_workers).
    retries: after the first attempt.
    breaker_failures: so many failed requests in a row, over breaker_after seconds, and none is sent for breaker_pause.
    breaker_after: see breaker_failures.
    breaker_pause: see breaker_failures.
    min_valid: a step with a smaller share of judged rollouts is warned about; with required=True it stops the run.
    required: see min_valid.
    cache: a folder that all workers of a machine can share; empty: none.
    cache_gb: its size limit.
    """

    base_url: str = ""
    model: str = ""
    api_key_env: str = ""
    template: str = "tool_use"
    show_answer: bool = True
    show_reference: bool = True
    max_section_chars: int = 16_000
    explain: bool = True
    reply: str = "json_schema"
    temperature: float | None = 0.0
    max_tokens: int = 512
    samples: int = 1
    extra_body: dict[str, Any] = field(default_factory=dict[str, Any])
    deadline: float = 60.0
    attempt_timeout: float = 30.0
    step_budget: float = 600.0
    concurrency: int = 64
    retries: int = 3
    breaker_failures: int = 16
    breaker_after: float = 5.0
    breaker_pause: float = 30.0
    min_valid: float = 0.8
    required: bool = False
    cache: str = ""
    cache_gb: float = 4.0


def check_outcome(outcome: OutcomeConfig) -> None:
    if not re.fullmatch(r"[A-Za-z_][\w.]*(:[A-Za-z_]\w*)?", outcome.format):  # names: where they are looked up
        refuse("outcome.format", outcome.format, "auto, the name of a call format, or module:object of your own")
    one_of(MATCH_KINDS, "outcome.match", outcome.match)
    one_of(STRING_KINDS, "outcome.strings", outcome.strings)


def check_rubric(rubric: RubricConfig) -> None:
    for name in dataclasses.asdict(rubric):
        if name != "use_steps":
            at_least(0.0, f"rubric.{name}", getattr(rubric, name))
    if rubric.tools + rubric.arguments + rubric.sources == 0.0:
        refuse(
            "rubric", "tools=arguments=sources=0", "a credit with a weight > 0; with none, no thinking earns anything"
        )


def check_judge(judge: JudgeConfig, source: str) -> None:
    """Bounds and combinations. source: `reasoning_source`."""
    if source != "judge" and judge != JudgeConfig():
        changed = next(
            f.name for f in dataclasses.fields(judge) if getattr(judge, f.name) != getattr(JudgeConfig(), f.name)
        )
        raise AWPOConfigError(
            f"{SECTION}.judge.{changed} has no effect with {SECTION}.reasoning_source={source}: "
            f"set {SECTION}.reasoning_source=judge too, or leave it at its default."
        )
    if source == "judge":
        require_package("openai", "judge", "reasoning_source=judge")
    _check_endpoint(judge)
    one_of(REPLY_KINDS, "judge.reply", judge.reply)
    if judge.temperature is not None:
        at_least(0.0, "judge.temperature", judge.temperature)
    for name in ("max_tokens", "max_section_chars", "samples", "concurrency", "breaker_failures"):
        at_least(1, f"judge.{name}", getattr(judge, name))
    if judge.samples > 1 and judge.temperature == 0.0:
        raise AWPOConfigError(
            f"{SECTION}.judge.samples={judge.samples} with {SECTION}.judge.temperature=0 asks for the same reply "
            f"{judge.samples} times: set a temperature, e.g. {SECTION}.judge.temperature=0.7."
        )
    for name in ("deadline", "attempt_timeout", "step_budget", "breaker_pause", "cache_gb"):
        positive(f"judge.{name}", getattr(judge, name))
    at_least(0, "judge.retries", judge.retries)
    at_least(0.0, "judge.breaker_after", judge.breaker_after)
    if judge.attempt_timeout > judge.deadline:
        refuse("judge.attempt_timeout", judge.attempt_timeout, f"at most judge.deadline={judge.deadline}")
    within_unit("judge.min_valid", judge.min_valid)


def _check_endpoint(judge: JudgeConfig) -> None:
    url = judge.base_url
    if url and not re.fullmatch(r"https?://[^\s@?#]+", url):
        wanted = "an address like http://host:8000/v1, without user, password or query"
        refuse("judge.base_url", "(not shown: it may hold a secret)", wanted)
    if url and not judge.model:
        refuse("judge.model", "''", "the name of the model at judge.base_url")
    if judge.api_key_env and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", judge.api_key_env):
        raise AWPOConfigError(
            f"{SECTION}.judge.api_key_env must be the name of an environment variable, and what was given (not shown) "
            "is none. If it is the key itself: Hydra has written the command line into its output folder by now, so "
            "revoke the key; then put a new one into a variable, and its name here."
        )
    reserved = {"model", "messages", "response_format", "temperature", "stream", "n", "seed"} & set(judge.extra_body)
    if reserved:
        refuse("judge.extra_body", f"{{{', '.join(sorted(reserved))}: ...}}", "fields that have no key of their own")
