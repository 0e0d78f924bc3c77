r"""Words and numbers of a text, and whether it names something: how the rubric reads thinking, prompts and values.

A word is a run of letters, digits and `_`, without case; of Chinese, Japanese and Korean, which run words together, it
is a single character. Something is named where its words stand there in sequence, whatever stands between them, so
`New York, NY` is named by "new york (NY)" and `1` is not named by `17`. A number is named by its value, without its
sign: 1000 by "1,000" and "1000.0", 3 by "three". Everything is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

COPIED_WORDS = 8  # a run of so many words that stands in the prompt too is copied
MAX_PROMPT_CHARS = 262_144
CACHED_PROMPTS = 16  # the rollouts of one prompt arrive together

_CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[0-9]+\.[0-9]+(?![\w.])|[{_CJK}]|[^\W{_CJK}]+")
_CJK_RUN = re.compile(rf"[{_CJK}]{{2,}}")
_NUMBER = re.compile(r"(?<![A-Za-z0-9_.])[0-9]+(?:\.[0-9]+)?")
_WHOLE_NUMBER = re.compile(r"[-+]?([0-9]+(?:\.[0-9]+)?)")
_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_NUMBER_WORDS = {  # without "one", which seldom counts anything
    word: str(n)
    for n, word in enumerate(
        ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"], start=2
    )
}


@dataclass(frozen=True, slots=True)
class Text:
    """A text, read.

    Attributes:
        words: its words, in order.
        joined: the words with a blank before and after each.
        vocabulary: the distinct words, the parts of those that hold `_`, and pairs of characters of CJK.
        numbers: the distinct numbers, by `number_of`.
    """

    words: tuple[str, ...]
    joined: str
    vocabulary: frozenset[str]
    numbers: frozenset[str]

    def place(self, phrase: str) -> int:
        """Where the last mention of the phrase's words ends in `joined`; -1 where they are not named."""
        looked_for = f" {' '.join(words(phrase))} "
        start = self.joined.rfind(looked_for) if looked_for.strip() else -1
        return start + len(looked_for) if start >= 0 else -1

    def names(self, value: str) -> bool:
        """Whether the value is named: a number by its value, all else by its words in sequence."""
        number = number_of(value)
        return number in self.numbers if number is not None else self.place(value) >= 0

    def holds_half(self, value: str) -> bool:
        """Whether the value is named, or, of one that is no number, half of its words (those in `_` too) are there."""
        if self.names(value):
            return True
        parts = [part for word in words(value) for part in word.split("_") if part]
        return number_of(value) is None and sum(p in self.vocabulary for p in parts) * 2 >= len(parts) > 0


def read(text: str) -> Text:
    found = tuple(words(text))
    parts = (part for word in found if "_" in word for part in word.split("_"))
    pairs = (run[i : i + 2] for run in _CJK_RUN.findall(text) for i in range(len(run) - 1))
    return Text(found, f" {' '.join(found)} ", frozenset([*found, *parts, *pairs]), frozenset(_numbers(text, found)))


def is_pair(word: str) -> bool:
    """Two characters of Chinese, Japanese or Korean: about what a word is there."""
    return len(word) == 2 and _CJK_RUN.fullmatch(word) is not None


def words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def number_of(value: str) -> str | None:
    """The value as a number's digits, without sign, needless zeros and separators; None where it is no number."""
    match = _WHOLE_NUMBER.fullmatch(_THOUSANDS.sub("", value.strip()))
    return _digits(match[1]) if match else None


@lru_cache(maxsize=CACHED_PROMPTS)
def read_prompt(prompt: str) -> tuple[Text, frozenset[tuple[str, ...]]]:
    """The prompt, read, and its runs of COPIED_WORDS words."""
    text = read(prompt[:MAX_PROMPT_CHARS])
    return text, frozenset(_runs(text.words))


def without_copies(thinking: str, runs_of_prompt: frozenset[tuple[str, ...]], exempt: frozenset[str]) -> str:
    """The thinking without the runs of COPIED_WORDS words or more that stand in the prompt word by word.

    exempt: words of the calls' values. A run that consists of them by half or more is kept: a list of values can be
    named in no other way than as the prompt has it.
    """
    found = [word.casefold() for word in _WORD.findall(thinking)]
    copied = bytearray(len(found))
    for i, run in enumerate(_runs(found)):
        if run in runs_of_prompt:
            copied[i : i + COPIED_WORDS] = b"\1" * COPIED_WORDS
    if not any(copied):
        return thinking
    spans = [match.span() for match in _WORD.finditer(thinking)]
    kept: list[str] = []
    since = 0
    for match in re.finditer(b"\1+", copied):
        first, last = match.start(), match.end() - 1
        if 2 * sum(word in exempt for word in found[first : last + 1]) < last + 1 - first:
            kept.append(thinking[since : spans[first][0]])
            since = spans[last][1]
    return " … ".join([*kept, thinking[since:]])


def _runs(found: Iterable[str]) -> Iterator[tuple[str, ...]]:
    found = list(found)
    return zip(*(found[i:] for i in range(COPIED_WORDS)), strict=False)


def _numbers(text: str, found: tuple[str, ...]) -> Iterator[str]:
    """With commas that may part thousands read both ways: in "[100,200]" they part numbers."""
    yield from map(_digits, set(_NUMBER.findall(text)))
    plain = _THOUSANDS.sub("", text)
    if plain != text:
        yield from map(_digits, set(_NUMBER.findall(plain)))
    yield from (_NUMBER_WORDS[word] for word in found if word in _NUMBER_WORDS)


def _digits(number: str) -> str:
    whole, _, fraction = number.partition(".")
    fraction = fraction.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")
