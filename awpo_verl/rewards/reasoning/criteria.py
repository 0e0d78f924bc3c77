"""The criteria of the rubric: each looks at the Evidence and returns a number in [0, 1].

Credits (`tools`, `arguments`, `sources`) return None where they do not apply. Faults (`follows`, `arithmetic`, `loops`,
`padding`) return 1 where there is nothing to find fault with.
"""

from __future__ import annotations

from awpo_verl.rewards.reasoning.evidence import Evidence
from awpo_verl.rewards.reasoning.stock_words import COMMON
from awpo_verl.rewards.reasoning.words import COPIED_WORDS, Text, is_pair, number_of, words

SPARE_TOOLS, LISTED_TOOLS = 2, 5  # tools beside the called ones: named for free; a mere list
SPARE_NUMBERS = 16  # numbers from nowhere that are named for free
COUNTED_EQUATIONS = 8
RUN = 5  # words in a run that repetition is measured by
ENOUGH_DISTINCT = 0.8
SHORT = 20  # words below which nothing counts as repetition
ENOUGH_ON_TOPIC = 0.5
CONTENT_LETTERS = 4
REJECTING = frozenset(
    ["not", "no", "nor", "neither", "never", "none", "other", "others", "unlike", "don", "doesn", "isn", "aren", "won"]
)


def tools(evidence: Evidence) -> float | None:
    """Share of the called tools that the thinking names in its own words. None where none is called.

    Naming every tool must not pay: from two tools beside the called ones on, each costs a third, so with five it is 0.
    Of the thinking of real traces, 2% name more than two.
    """
    if not evidence.called:
        return None
    named = sum(evidence.own.names(name) for name in evidence.called)
    beside = sum(evidence.said.place(name) >= 0 for name in {*evidence.offered} - {*evidence.called})
    too_many = max(0, beside - SPARE_TOOLS) / (LISTED_TOOLS - SPARE_TOOLS)
    return named / len(evidence.called) * max(0.0, 1.0 - too_many)


def arguments(evidence: Evidence) -> float | None:
    """Share of the calls' argument values that the thinking names in its own words. None where there are none.

    Values of COPIED_WORDS words or more are not looked for: spelling out a long text again is no reasoning. Numbers
    that are neither in the task nor derived from it are free up to SPARE_NUMBERS; n of them cost a factor of
    SPARE_NUMBERS / n, so that counting to 500 does not name every number.
    """
    looked_for = [value for value in evidence.values if len(words(value)) < COPIED_WORDS]
    if not looked_for:
        return None
    named = sum(evidence.own.names(value) for value in looked_for)
    known = evidence.topic.numbers | evidence.derived
    if evidence.prompt is not None:
        known |= evidence.prompt.numbers
    strange = len(evidence.own.numbers - known)
    return named / len(looked_for) * min(1.0, SPARE_NUMBERS / max(1, strange))


def sources(evidence: Evidence) -> float | None:
    """Share of the argument values that come from the prompt, or are derived in the thinking (see Evidence.derived).

    A text comes from the prompt if half of its words do: "New York, NY" from "in New York". None where the prompt is
    unknown, or there are no values.
    """
    if evidence.prompt is None or not evidence.values:
        return None
    found = sum(evidence.prompt.holds_half(v) or number_of(v) in evidence.derived for v in evidence.values)
    return found / len(evidence.values)


def follows(evidence: Evidence) -> float:
    """1, or 0.5 where the offered tool that the thinking names last is not called.

    Sentences with a word such as "not" or "other" are passed over: real thinking often ends with the tools that it does
    not need.
    """
    if not evidence.called:
        return 1.0
    names = [name for name in {*evidence.offered, *evidence.called} if evidence.said.place(name) >= 0]
    for sentence in reversed(evidence.sentences):
        if not REJECTING.isdisjoint(sentence.vocabulary):
            continue
        places = {name: place for name in names if (place := sentence.place(name)) >= 0}
        if places:
            last = max(places.values())
            return 1.0 if any(places.get(name) == last for name in evidence.called) else 0.5
    return 1.0


def arithmetic(evidence: Evidence) -> float:
    """Share of the equations in the thinking that are true; 1 where there are none.

    Of more than COUNTED_EQUATIONS, each false one costs what it would among COUNTED_EQUATIONS: true ones about nothing,
    written beside it, do not hide it.
    """
    counted = min(len(evidence.equations), COUNTED_EQUATIONS)
    false = sum(not equation.true for equation in evidence.equations)
    return max(0.0, 1.0 - false / counted) if counted else 1.0


def loops(evidence: Evidence) -> float:
    """Distinct runs of 5 words over all of them; 1 from a ratio of ENOUGH_DISTINCT on, and below SHORT words."""
    said = evidence.said.words
    if len(said) < SHORT:
        return 1.0
    runs = list(zip(*(said[i:] for i in range(RUN)), strict=False))
    return min(1.0, len(set(runs)) / len(runs) / ENOUGH_DISTINCT)


def padding(evidence: Evidence) -> float:
    """Share of the sentences and lines that are about the task; 1 from ENOUGH_ON_TOPIC on, and for an unknown prompt.

    One is about the task if it shares a number with it, or with what is derived from it, or a word of 4 letters that is
    not one of any thinking about anything (ceremony.py). Half of the share where the thinking has no word or number of
    the task but those of the call (expected steps aside): it is the call, written out before it is made.
    """
    if evidence.prompt is None or not evidence.sentences:
        return 1.0
    numbers = evidence.prompt.numbers | evidence.topic.numbers | evidence.derived
    vocabulary = evidence.prompt.vocabulary | evidence.topic.vocabulary
    on_topic = sum(
        not (sentence.numbers.isdisjoint(numbers) and _content(sentence).isdisjoint(vocabulary))
        for sentence in evidence.sentences
    )
    share = min(1.0, on_topic / len(evidence.sentences) / ENOUGH_ON_TOPIC)
    call, steps = evidence.call, evidence.steps
    words_beside = (_content(evidence.said) & vocabulary) - (call.vocabulary - steps.vocabulary)
    numbers_beside = (evidence.said.numbers & numbers) - (call.numbers - steps.numbers)
    return share if words_beside or numbers_beside else share / 2


def _content(sentence: Text) -> frozenset[str]:
    """Words of 4 letters, and of two characters of a script that runs words together."""
    return frozenset(w for w in sentence.vocabulary if len(w) >= CONTENT_LETTERS or is_pair(w)) - COMMON
