"""What the criteria look at: the thinking, read once, beside the task and the calls."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from awpo_verl.rewards.outcome import Response
from awpo_verl.rewards.reasoning.equations import Equation, equations
from awpo_verl.rewards.reasoning.words import Text, number_of, read, read_prompt, without_copies, words

MAX_THINKING_CHARS = 65_536
MAX_VALUES = 128  # distinct argument values that are looked for
MAX_TOOLS = 256  # offered tools that are looked for
MAX_LEAVES = 1024  # scalars and keys of all calls that are looked at for them
MAX_FACT_CHARS = 1024  # of a value or a name; more of it is not read
MAX_SENTENCES = 1024  # of longer thinking the first and the last half of so many
SENTENCE_WORDS = 40  # a longer one counts as several, for a text without full stops is no sentence
CONSTANTS = frozenset(["2", "7", "10", "12", "24", "30", "52", "60", "100", "365", "1000", "3600"])

_SENTENCE_END = re.compile(r"[.!?](?=\s)|[\n;\u3002\uff01\uff1f]")  # the last three: . ! ? of CJK


@dataclass(frozen=True, slots=True)
class Task:
    """What is known of the row beside the response.

    Attributes:
        prompt: what the model was told, joined by line ends: the prompt's messages, the tools' schemas, what tools
            answered during the rollout; "" where unknown.
        tools: names of the tools on offer; () where unknown.
        expected_steps: the steps that the row states (see `Row`).
        calls_expected: the row is known to expect a call.
    """

    prompt: str = ""
    tools: tuple[str, ...] = ()
    expected_steps: tuple[str, ...] = ()
    calls_expected: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thinking, and all that it is held against.

    Attributes:
        said: the thinking's words.
        own: its own words: without the runs of words that are copied from the prompt.
        sentences: its sentences and lines that hold a word, the long ones in pieces, each read.
        equations: the sums that it writes out.
        prompt: the prompt's words; None where the prompt is unknown.
        called: distinct names of the called tools.
        offered: names of the tools on offer.
        values: distinct scalars in the arguments of the calls, as texts.
        call: the calls' words: of their names, arguments' names and values.
        steps: the expected steps' words.
        topic: words and numbers of the task beside its prompt: of its calls, tools and expected steps.
        derived: numbers that true equations make from numbers of the prompt.
    """

    said: Text
    own: Text
    sentences: tuple[Text, ...]
    equations: tuple[Equation, ...]
    prompt: Text | None
    called: tuple[str, ...]
    offered: tuple[str, ...]
    values: tuple[str, ...]
    call: Text
    steps: Text
    topic: Text
    derived: frozenset[str]


def gather(response: Response, task: Task) -> Evidence:
    """Read a response whose thinking is not None. Never raises on any response."""
    thinking = (response.thinking or "")[:MAX_THINKING_CHARS]
    prompt, runs = read_prompt(task.prompt)
    sums = equations(thinking)
    called = _distinct(call.name for call in response.calls)
    offered = task.tools[:MAX_TOOLS]
    values = _distinct(leaf for call in response.calls for leaf in _leaves(call.arguments))[:MAX_VALUES]
    keys = _distinct(key for call in response.calls for key in call.arguments)[:MAX_VALUES]
    written = [*called, *keys, *values]
    said = read(thinking)
    own = without_copies(thinking, runs, frozenset(words("\n".join(values)))) if runs else thinking
    return Evidence(
        said=said,
        own=said if own == thinking else read(own),
        sentences=_sentences(thinking),
        equations=sums,
        prompt=prompt if prompt.words else None,
        called=called,
        offered=offered,
        values=values,
        call=read("\n".join(written)),
        steps=read("\n".join(task.expected_steps)),
        topic=read("\n".join([*written, *offered, *task.expected_steps])),
        derived=_derived(sums, prompt.numbers),
    )


def _derived(sums: tuple[Equation, ...], known: frozenset[str]) -> frozenset[str]:
    """Results of the true sums over known numbers, results of such sums before them, and CONSTANTS beside them.

    Were any true sum enough, a multiplication table would derive every number.
    """
    results: set[str] = set()
    for equation in sums:
        operands = {_text(operand) for operand in equation.operands}
        if not equation.true or equation.result is None or operands.isdisjoint(known | results):
            continue
        if operands <= known | results | CONSTANTS:
            results.add(_text(equation.result))
    return frozenset(results)


def _text(number: Fraction) -> str:
    """As `number_of` writes it."""
    if number.denominator == 1:
        return str(abs(number.numerator))
    return number_of(f"{float(abs(number)):.12f}") or ""


def _sentences(thinking: str) -> tuple[Text, ...]:
    found: list[str] = []
    for sentence in _SENTENCE_END.split(thinking):
        parts = sentence.split()
        found += [" ".join(parts[i : i + SENTENCE_WORDS]) for i in range(0, len(parts), SENTENCE_WORDS)]
    if len(found) > MAX_SENTENCES:
        found = found[: MAX_SENTENCES // 2] + found[-MAX_SENTENCES // 2 :]
    return tuple(sentence for sentence in map(read, found) if sentence.words)


def _distinct(facts: Iterator[str]) -> tuple[str, ...]:
    """Those that hold a word, in order."""
    distinct = dict.fromkeys(fact[:MAX_FACT_CHARS] for fact in itertools.islice(facts, MAX_LEAVES))
    return tuple(fact for fact in distinct if words(fact))


def _leaves(value: Any) -> Iterator[str]:
    """The texts of the scalars in a JSON value (its nesting is bounded by the parser)."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)
