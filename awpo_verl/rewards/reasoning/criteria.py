"""The criteria of the rubric: each maps the Evidence to a number in [0, 1].

The credits (`tools`, `arguments`, `sources`) return None if they do not apply. The faults (`follows`, `arithmetic`,
`loops`, `padding`) return 1 if the thinking has no such fault.
"""

from __future__ import annotations

from awpo_verl.rewards.reasoning.evidence import Evidence
from awpo_verl.rewards.reasoning.stock_words import STOCK_WORDS
from awpo_verl.rewards.reasoning.words import COPIED_WORDS, WordIndex, is_cjk_pair, number_of, split_words

SPARE_TOOLS, LISTED_TOOLS = 2, 5  # other tools than the called ones: free to mention; a mere list
SPARE_NUMBERS = 16  # numbers from nowhere that are free to mention
COUNTED_EQUATIONS = 8
RUN = 5  # words in a run, the unit of repetition
ENOUGH_DISTINCT = 0.8
SHORT = 20  # thinking with fewer words has no repetition
ENOUGH_ON_TOPIC = 0.5
CONTENT_LETTERS = 4
REJECTING = frozenset(
    ["not", "no", "nor", "neither", "never", "none", "other", "others", "unlike", "don", "doesn", "isn", "aren", "won"]
)


def tools(evidence: Evidence) -> float | None:
    """Share of the called tools that the thinking mentions in its own words. None if no tool is called.

    Mentioning every tool must not pay: two other tools are free, each further one costs a third, and with five the
    share is 0. In real traces, 2% of the thinking mentions more than two others.
    """
    called = evidence.called_tools
    if not called:
        return None
    mentioned = sum(evidence.own.mentions(name) for name in called)
    others = sum(evidence.thinking.last_mention(name) >= 0 for name in {*evidence.offered_tools} - {*called})
    too_many = max(0, others - SPARE_TOOLS) / (LISTED_TOOLS - SPARE_TOOLS)
    return mentioned / len(called) * max(0.0, 1.0 - too_many)


def arguments(evidence: Evidence) -> float | None:
    """Share of the calls' argument values that the thinking mentions in its own words. None if there are no values.

    Values of COPIED_WORDS words or more are ignored, because to repeat a long text is not reasoning. Up to
    SPARE_NUMBERS numbers that are neither in the task nor derived from it are free; n of them cost a factor of
    SPARE_NUMBERS / n, so that counting to 500 does not mention every number.
    """
    values = [value for value in evidence.values if len(split_words(value)) < COPIED_WORDS]
    if not values:
        return None
    mentioned = sum(evidence.own.mentions(value) for value in values)
    known = evidence.task.numbers | evidence.derived
    if evidence.prompt is not None:
        known |= evidence.prompt.numbers
    strange = len(evidence.own.numbers - known)
    return mentioned / len(values) * min(1.0, SPARE_NUMBERS / max(1, strange))


def sources(evidence: Evidence) -> float | None:
    """Share of the argument values that the prompt contains, or that the thinking derives (Evidence.derived).

    The prompt contains a text if it has half of its words: "in New York" contains "New York, NY". None if the prompt is
    unknown, or there are no values.
    """
    if evidence.prompt is None or not evidence.values:
        return None
    found = sum(evidence.prompt.mentions_half(v) or number_of(v) in evidence.derived for v in evidence.values)
    return found / len(evidence.values)


def follows(evidence: Evidence) -> float:
    """1, or 0.5 if the last tool that the thinking mentions is not called.

    Sentences with a word such as "not" or "other" are skipped: real thinking often ends with the tools that it does not
    need.
    """
    called = evidence.called_tools
    if not called:
        return 1.0
    names = [name for name in {*evidence.offered_tools, *called} if evidence.thinking.last_mention(name) >= 0]
    for sentence in reversed(evidence.sentences):
        if not REJECTING.isdisjoint(sentence.vocabulary):
            continue
        places = {name: place for name in names if (place := sentence.last_mention(name)) >= 0}
        if places:
            last = max(places.values())
            return 1.0 if any(places.get(name) == last for name in called) else 0.5
    return 1.0


def arithmetic(evidence: Evidence) -> float:
    """Share of the equations in the thinking that are true; 1 if there are none.

    If there are more than COUNTED_EQUATIONS, a false one costs as much as among COUNTED_EQUATIONS, so that many
    irrelevant true ones do not hide it.
    """
    counted = min(len(evidence.equations), COUNTED_EQUATIONS)
    false = sum(not equation.true for equation in evidence.equations)
    return max(0.0, 1.0 - false / counted) if counted else 1.0


def loops(evidence: Evidence) -> float:
    """Distinct runs of RUN words over all runs; 1 from a ratio of ENOUGH_DISTINCT on, and below SHORT words."""
    words = evidence.thinking.words
    if len(words) < SHORT:
        return 1.0
    runs = list(zip(*(words[i:] for i in range(RUN)), strict=False))
    return min(1.0, len(set(runs)) / len(runs) / ENOUGH_DISTINCT)


def padding(evidence: Evidence) -> float:
    """Share of the sentences and lines that are about the task; 1 from ENOUGH_ON_TOPIC on, and for an unknown prompt.

    A sentence is about the task if it shares a number with it, a number derived from it, or a word of 4 letters that is
    not in stock_words.py. The share is halved if the only words and numbers of the task in the thinking are those of
    the calls (expected steps aside): such thinking only writes out the call before it is made.
    """
    if evidence.prompt is None or not evidence.sentences:
        return 1.0
    numbers = evidence.prompt.numbers | evidence.task.numbers | evidence.derived
    vocabulary = evidence.prompt.vocabulary | evidence.task.vocabulary
    on_topic = sum(
        not (sentence.numbers.isdisjoint(numbers) and _content(sentence).isdisjoint(vocabulary))
        for sentence in evidence.sentences
    )
    share = min(1.0, on_topic / len(evidence.sentences) / ENOUGH_ON_TOPIC)
    calls, steps = evidence.calls, evidence.steps
    other_words = (_content(evidence.thinking) & vocabulary) - (calls.vocabulary - steps.vocabulary)
    other_numbers = (evidence.thinking.numbers & numbers) - (calls.numbers - steps.numbers)
    return share if other_words or other_numbers else share / 2


def _content(sentence: WordIndex) -> frozenset[str]:
    """The words of at least 4 letters and the CJK pairs, without stock words."""
    return frozenset(w for w in sentence.vocabulary if len(w) >= CONTENT_LETTERS or is_cjk_pair(w)) - STOCK_WORDS
