"""Keys of the rewards: `algorithm.awpo.outcome`, `.rubric` and `.judge`."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from typing import Any

from awpo_verl.config.bounds import (
    SECTION,
    AWPOConfigError,
    check_at_least,
    check_choice,
    check_positive,
    check_unit,
    refuse,
)
from awpo_verl.config.packages import require_package

MATCH_KINDS = ("exact", "graded")
STRING_KINDS = ("strict", "normalized")
REASONING_SOURCES = ("rubric", "judge")
RUBRIC_PARTS = ("tools", "arguments", "sources", "steps", "follows", "arithmetic", "loops", "padding")
REPLY_KINDS = ("json_schema", "json_object", "text")
# Keys of reward_extra_info that have a meaning already (rewards/parts.py). The reasoning reward needs another one.
RESERVED_KEYS = frozenset(
    [
        *("acc", "score", "reward", "outcome", "reasoning_valid", "reasoning_nonfinite", "verl_rule"),
        *("format_ok", "n_calls"),
        *("checked", "exact", "graded", "name_score", "key_score", "value_score", "schema_ok", "refused", "needless"),
        *("state_ok", "results_ok"),
        *("rubric", *(f"rubric_{name}" for name in RUBRIC_PARTS)),
        *("judge_status", "judge_reason", "judge_seconds", "judge_requests", "judge_tokens_in", "judge_tokens_out"),
        *("judge_retries", "judge_neutralized"),
    ]
)


@dataclass
class OutcomeConfig:
    """The built-in outcome checker, for rows with expected calls (docs/rewards.md).

    format: how the model writes calls: `auto` (from the chat template, else from the text), the name of a format such
        as `hermes`, or `module:object`, a CallFormat of your own.
    match: `exact` (1 where every call is right, else 0) or `graded` (partial credit in [0, 1]).
    strings: `strict` (compared as they are) or `normalized` (case, blanks and punctuation outside of numbers ignored).
    """

    format: str = "auto"
    match: str = "exact"
    strings: str = "strict"


@dataclass
class RubricConfig:
    """The reasoning reward by rules, without a model (docs/rewards.md).

    The score is the mean of the credits by weight, times `fault ** weight` for each fault; both are in [0, 1]. All keys
    but the last are weights >= 0, and 0 switches the criterion off.

    tools: credit: the thinking names the tools that are called.
    arguments: credit: it names the values of the arguments.
    sources: credit: these values come from the prompt, or are derived in the thinking.
    follows: fault: the call differs from what the thinking concludes.
    arithmetic: fault: wrong sums.
    loops: fault: repeated sentences.
    padding: fault: sentences about nothing in the task.
    use_steps: where a row has expected steps, their share in the thinking is the only credit.
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
    """The reasoning reward by an LLM behind an OpenAI-compatible API (docs/judge.md). Times are in seconds.

    base_url: such as http://judge-host:8000/v1. Empty: verl's own reward model (reward.reward_model).
    model: its name there. Empty: reward.reward_model.model_path.
    api_key_env: the name of the environment variable that holds the API key, never the key. Empty: none is sent.
    template: a packaged prompt template by name, or the path of your own.
    show_answer: False hides the final call, so the judge cannot grade the call instead of the thinking.
    show_reference: False hides the expected calls.
    max_section_chars: longer sections of the prompt (conversation, thinking) are cut in the middle.
    explain: the judge writes a sentence before its score: better scores, more tokens, a reason in the dumps.
    reply: how the reply gets its form: `json_schema` (structured output), `json_object`, or `text` (asked for).
    temperature: of the judge. None: not sent.
    max_tokens: of one reply.
    samples: number of replies; their median counts.
    extra_body: further fields of the request, such as {chat_template_kwargs: {enable_thinking: false}}.
    deadline: for one rollout, queue and retries included. After it, the reasoning reward is missing.
    attempt_timeout: for one request.
    step_budget: for all pending judgements of one training step, in one reward worker.
    concurrency: requests in flight, of one reward worker (reward.num_workers).
    retries: after the first attempt.
    breaker_failures: after this many failed requests in a row, no request is sent for `breaker_pause`.
    breaker_after: the failures must span at least this time.
    breaker_pause: see `breaker_failures`.
    min_valid: a step with a smaller share of judged rollouts logs a warning.
    required: True stops the run instead of the warning.
    cache: a folder that all workers of a machine share. Empty: no cache.
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
    check_choice(MATCH_KINDS, "outcome.match", outcome.match)
    check_choice(STRING_KINDS, "outcome.strings", outcome.strings)


def check_rubric(rubric: RubricConfig) -> None:
    for name in dataclasses.asdict(rubric):
        if name != "use_steps":
            check_at_least(0.0, f"rubric.{name}", getattr(rubric, name))
    if rubric.tools + rubric.arguments + rubric.sources == 0.0:
        refuse("rubric", "tools=arguments=sources=0", "at least one credit with a weight > 0")


def check_judge(judge: JudgeConfig, source: str) -> None:
    """Check bounds and combinations. source: `reasoning_source`."""
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
    check_choice(REPLY_KINDS, "judge.reply", judge.reply)
    if judge.temperature is not None:
        check_at_least(0.0, "judge.temperature", judge.temperature)
    for name in ("max_tokens", "max_section_chars", "samples", "concurrency", "breaker_failures"):
        check_at_least(1, f"judge.{name}", getattr(judge, name))
    if judge.samples > 1 and judge.temperature == 0.0:
        raise AWPOConfigError(
            f"{SECTION}.judge.samples={judge.samples} with {SECTION}.judge.temperature=0 asks for the same reply "
            f"{judge.samples} times: set a temperature, e.g. {SECTION}.judge.temperature=0.7."
        )
    for name in ("deadline", "attempt_timeout", "step_budget", "breaker_pause", "cache_gb"):
        check_positive(f"judge.{name}", getattr(judge, name))
    check_at_least(0, "judge.retries", judge.retries)
    check_at_least(0.0, "judge.breaker_after", judge.breaker_after)
    if judge.attempt_timeout > judge.deadline:
        refuse("judge.attempt_timeout", judge.attempt_timeout, f"at most judge.deadline={judge.deadline}")
    check_unit("judge.min_valid", judge.min_valid)


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
            "cannot be one. If it is the key itself, revoke it (Hydra has written it into its output folder), put a "
            "new one into a variable, and give the variable's name."
        )
    reserved = {"model", "messages", "response_format", "temperature", "stream", "n", "seed"} & set(judge.extra_body)
    if reserved:
        refuse("judge.extra_body", f"{{{', '.join(sorted(reserved))}: ...}}", "fields that have no key of their own")
