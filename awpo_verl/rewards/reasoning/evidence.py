"""The evidence for the criteria: the words of the thinking, the task and the calls, computed once."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

from awpo_verl.rewards.outcome import Response
from awpo_verl.rewards.reasoning.equations import Equation, find_equations
from awpo_verl.rewards.reasoning.words import (
    WordIndex,
    index_prompt,
    index_words,
    number_of,
    remove_copies,
    split_words,
)

MAX_THINKING_CHARS = 65_536
MAX_VALUES = 128  # distinct argument values
MAX_TOOLS = 256  # offered tools
MAX_LEAVES = 1024  # scalars and keys of all calls
MAX_FACT_CHARS = 1024  # of a value or a name; the rest is ignored
MAX_SENTENCES = 1024  # of longer thinking, the first and the last half of this number
SENTENCE_WORDS = 40  # a longer sentence counts as several, because a text may have no full stops
CONSTANTS = frozenset(["2", "7", "10", "12", "24", "30", "52", "60", "100", "365", "1000", "3600"])

_SENTENCE_END = re.compile(r"[.!?](?=\s)|[\n;\u3002\uff01\uff1f]")  # the last three are . ! ? in CJK


@dataclass(frozen=True, slots=True)
class Task:
    """What the row says besides the response.

    Attributes:
        prompt: all that the model was given, joined by line ends: the prompt's messages, the tools' schemas, the tools'
            answers during the rollout; "" if unknown.
        tools: names of the tools on offer; () if unknown.
        expected_steps: the steps that the row states (see `Row`).
        calls_expected: the row expects a call.
    """

    prompt: str = ""
    tools: tuple[str, ...] = ()
    expected_steps: tuple[str, ...] = ()
    calls_expected: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """The words of one thinking, and of everything that it is compared with.

    Attributes:
        thinking: the words of the thinking.
        own: the same without runs of words that are copied from the prompt.
        sentences: its sentences and lines with at least one word; long ones in pieces.
        equations: the equations that it writes out.
        prompt: the words of the prompt; None if the prompt is unknown.
        called_tools: distinct names of the called tools.
        offered_tools: names of the tools on offer.
        values: distinct scalars in the arguments of the calls, as texts.
        calls: the words of the calls: tool names, argument names and values.
        steps: the words of the expected steps.
        task: the words of the calls, the tools on offer and the expected steps.
        derived: numbers that true equations derive from numbers of the prompt.
    """

    thinking: WordIndex
    own: WordIndex
    sentences: tuple[WordIndex, ...]
    equations: tuple[Equation, ...]
    prompt: WordIndex | None
    called_tools: tuple[str, ...]
    offered_tools: tuple[str, ...]
    values: tuple[str, ...]
    calls: WordIndex
    steps: WordIndex
    task: WordIndex
    derived: frozenset[str]


def gather_evidence(response: Response, task: Task) -> Evidence:
    """The evidence for a response whose thinking is not None. Never raises on any response."""
    thinking = (response.thinking or "")[:MAX_THINKING_CHARS]
    prompt, runs = index_prompt(task.prompt)
    equations = find_equations(thinking)
    called = _distinct(call.name for call in response.calls)
    offered = task.tools[:MAX_TOOLS]
    values = _distinct(leaf for call in response.calls for leaf in _leaves(call.arguments))[:MAX_VALUES]
    keys = _distinct(key for call in response.calls for key in call.arguments)[:MAX_VALUES]
    in_calls = [*called, *keys, *values]
    index = index_words(thinking)
    own = remove_copies(thinking, runs, frozenset(split_words("\n".join(values)))) if runs else thinking
    return Evidence(
        thinking=index,
        own=index if own == thinking else index_words(own),
        sentences=_sentences(thinking),
        equations=equations,
        prompt=prompt if prompt.words else None,
        called_tools=called,
        offered_tools=offered,
        values=values,
        calls=index_words("\n".join(in_calls)),
        steps=index_words("\n".join(task.expected_steps)),
        task=index_words("\n".join([*in_calls, *offered, *task.expected_steps])),
        derived=_derived(equations, prompt.numbers),
    )


def _derived(equations: tuple[Equation, ...], known: frozenset[str]) -> frozenset[str]:
    """The results of true equations over known numbers and earlier results, with CONSTANTS beside them.

    Other true equations do not count: a multiplication table would derive every number.
    """
    results: set[str] = set()
    for equation in equations:
        operands = {_text(operand) for operand in equation.operands}
        if not equation.true or equation.result is None or operands.isdisjoint(known | results):
            continue
        if operands <= known | results | CONSTANTS:
            results.add(_text(equation.result))
    return frozenset(results)


def _text(number: Fraction) -> str:
    """The number in the form of `number_of`."""
    if number.denominator == 1:
        return str(abs(number.numerator))
    return number_of(f"{float(abs(number)):.12f}") or ""


def _sentences(thinking: str) -> tuple[WordIndex, ...]:
    found: list[str] = []
    for sentence in _SENTENCE_END.split(thinking):
        parts = sentence.split()
        found += [" ".join(parts[i : i + SENTENCE_WORDS]) for i in range(0, len(parts), SENTENCE_WORDS)]
    if len(found) > MAX_SENTENCES:
        found = found[: MAX_SENTENCES // 2] + found[-MAX_SENTENCES // 2 :]
    return tuple(sentence for sentence in map(index_words, found) if sentence.words)


def _distinct(facts: Iterator[str]) -> tuple[str, ...]:
    """The distinct facts that contain a word, in order."""
    distinct = dict.fromkeys(fact[:MAX_FACT_CHARS] for fact in itertools.islice(facts, MAX_LEAVES))
    return tuple(fact for fact in distinct if split_words(fact))


def _leaves(value: Any) -> Iterator[str]:
    """Yield the texts of the scalars in a JSON value. The parser has bounded its nesting."""
    if isinstance(value, dict):
        for item in cast(dict[str, Any], value).values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in cast(list[Any], value):
            yield from _leaves(item)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)
