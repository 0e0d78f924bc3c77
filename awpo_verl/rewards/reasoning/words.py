r"""The words and numbers of a text, and whether the text mentions something. The rubric reads all texts in this way.

A word is a run of letters, digits and `_`, in lower case. In Chinese, Japanese and Korean, which do not separate words,
a word is one character. A text mentions a value if it contains the value's words in sequence, with any punctuation
between them: "new york (NY)" mentions `New York, NY`, and `17` does not mention `1`. It mentions a number if it has one
of the same value, without the sign: "1,000" and "1000.0" mention 1000, "three" mentions 3. All functions take time
linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

COPIED_WORDS = 8  # a run of this many words that is also in the prompt counts as copied
MAX_PROMPT_CHARS = 262_144
CACHED_PROMPTS = 16  # few, because the rollouts of one prompt arrive together

_CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[0-9]+\.[0-9]+(?![\w.])|[{_CJK}]|[^\W{_CJK}]+")
_CJK_RUN = re.compile(rf"[{_CJK}]{{2,}}")
_NUMBER = re.compile(r"(?<![A-Za-z0-9_.])[0-9]+(?:\.[0-9]+)?")
_WHOLE_NUMBER = re.compile(r"[-+]?([0-9]+(?:\.[0-9]+)?)")
_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_NUMBER_WORDS = {  # without "one", which is rarely a number
    word: str(n)
    for n, word in enumerate(
        ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"], start=2
    )
}


@dataclass(frozen=True, slots=True)
class WordIndex:
    """The words and numbers of one text.

    Attributes:
        words: the words, in order.
        joined: the words with a blank before and after each.
        vocabulary: the distinct words, the parts of words with `_`, and pairs of CJK characters.
        numbers: the distinct numbers, in the form of `number_of`.
    """

    words: tuple[str, ...]
    joined: str
    vocabulary: frozenset[str]
    numbers: frozenset[str]

    def last_mention(self, phrase: str) -> int:
        """The place in `joined` where the last mention of the phrase ends; -1 if there is none."""
        wanted = f" {' '.join(split_words(phrase))} "
        start = self.joined.rfind(wanted) if wanted.strip() else -1
        return start + len(wanted) if start >= 0 else -1

    def mentions(self, value: str) -> bool:
        """Whether the text mentions a value: a number by its value, any other by its words in sequence."""
        number = number_of(value)
        return number in self.numbers if number is not None else self.last_mention(value) >= 0

    def mentions_half(self, value: str) -> bool:
        """Whether the text mentions the value, or half of its words (split at `_`) unless it is a number."""
        if self.mentions(value):
            return True
        parts = [part for word in split_words(value) for part in word.split("_") if part]
        return number_of(value) is None and sum(p in self.vocabulary for p in parts) * 2 >= len(parts) > 0


def index_words(text: str) -> WordIndex:
    found = tuple(split_words(text))
    parts = (part for word in found if "_" in word for part in word.split("_"))
    pairs = (run[i : i + 2] for run in _CJK_RUN.findall(text) for i in range(len(run) - 1))
    joined = f" {' '.join(found)} "
    return WordIndex(found, joined, frozenset([*found, *parts, *pairs]), frozenset(_numbers(text, found)))


def is_cjk_pair(word: str) -> bool:
    """Whether this is two characters of Chinese, Japanese or Korean, about the length of a word there."""
    return len(word) == 2 and _CJK_RUN.fullmatch(word) is not None


def split_words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def number_of(value: str) -> str | None:
    """The digits of a number, without sign, superfluous zeros and separators; None if the value is not a number."""
    match = _WHOLE_NUMBER.fullmatch(_THOUSANDS.sub("", value.strip()))
    return _digits(match[1]) if match else None


@lru_cache(maxsize=CACHED_PROMPTS)
def index_prompt(prompt: str) -> tuple[WordIndex, frozenset[tuple[str, ...]]]:
    """The prompt's words, and its runs of COPIED_WORDS words."""
    index = index_words(prompt[:MAX_PROMPT_CHARS])
    return index, frozenset(_runs(index.words))


def remove_copies(thinking: str, runs_of_prompt: frozenset[tuple[str, ...]], exempt: frozenset[str]) -> str:
    """The thinking without runs of COPIED_WORDS words or more that the prompt contains word by word.

    Args:
        runs_of_prompt: from `index_prompt`.
        exempt: words of the calls' values. A copied run stays if half of its words are exempt, because a list of
            values can only be written as the prompt has it.
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
    """The numbers of a text. A comma before three digits counts as both: "[100,200]" is 100, 200 and 100200."""
    yield from map(_digits, set(_NUMBER.findall(text)))
    plain = _THOUSANDS.sub("", text)
    if plain != text:
        yield from map(_digits, set(_NUMBER.findall(plain)))
    yield from (_NUMBER_WORDS[word] for word in found if word in _NUMBER_WORDS)


def _digits(number: str) -> str:
    whole, _, fraction = number.partition(".")
    fraction = fraction.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")
