"""Keys that find duplicates and conflicts, and the overlap with evaluation sets."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from awpo_verl.workbench.data import sources, toolrl
from awpo_verl.workbench.data.sample import Sample
from awpo_verl.workbench.files.json_files import FileError

NGRAM = 13
MIN_WORDS = 5  # a user turn with fewer words is not compared by itself

_WORD = re.compile(r"\w+")


def split_words(text: str) -> list[str]:
    """The words of a text, without case and punctuation."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def question_key(sample: Sample) -> str:
    """The words of the user's first turn. Prompts with the same words go to the same split."""
    return " ".join(split_words(sample.user_texts[0]))


def prompt_key(sample: Sample) -> bytes:
    """A hash of the conversation without case and blanks, and of the tools in any order."""
    texts = [[m["role"], _even(m["content"]), _sorted(m.get("tool_calls", ()))] for m in sample.messages]
    return _digest([texts, _sorted(sample.tools)])


def answer_key(sample: Sample) -> bytes:
    """A hash of the expected calls in any order."""
    return _digest(_sorted(sample.calls))


class EvalSet:
    """Questions that must not be trained on: our parquet files or ToolRL's, BFCL's question files, or JSONL.

    A sample overlaps if its user says the same as the user of an evaluation row, in all turns together or in one turn
    of MIN_WORDS words or more; or if both have the same `ngram` words in a row. Case and punctuation do not count.
    """

    def __init__(self, ngram: int = NGRAM) -> None:
        self.ngram = ngram
        self.rows = 0
        self._questions: dict[str, str] = {}
        self._runs: dict[str, str] = {}

    def add_files(self, path: Path) -> None:
        """Add the rows of a file or a folder. Raises FileError, also if a row has no user text."""
        for record in sources.read_rows(path):
            try:
                row = record.decode()
                texts = read_user_texts(row)
            except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
                raise FileError(f"{path}: {record.where}: not a row of an evaluation set: {error}") from None
            if not texts:
                raise FileError(f"{path}: {record.where}: the row has no user text to compare with.")
            self.rows += 1
            identity = f"{record.where} (id {row['id']})" if row.get("id") is not None else record.where
            for key in self._keys(texts):
                self._questions.setdefault(key, identity)
            for run in self._all_runs(texts):
                self._runs.setdefault(run, identity)

    def find_overlap(self, sample: Sample) -> str | None:
        """Describe the overlap of a sample with an evaluation row; None without overlap."""
        texts = sample.user_texts
        for key in self._keys(texts):
            if key in self._questions:
                return f"the question of {self._questions[key]}"
        for run in self._all_runs(texts):
            if run in self._runs:
                return f"{self.ngram} words of {self._runs[run]}: {run}"
        return None

    def _keys(self, texts: Sequence[str]) -> Iterator[str]:
        turns = [split_words(text) for text in texts]
        if any(turns):  # some BFCL users say only a control character, which is not a question
            yield "\n".join(" ".join(turn) for turn in turns)
        for turn in turns:
            if len(turn) >= MIN_WORDS:
                yield " ".join(turn)

    def _all_runs(self, texts: Sequence[str]) -> Iterator[str]:
        for text in texts if self.ngram else ():
            words = split_words(text)
            for begin in range(len(words) - self.ngram + 1):
                yield " ".join(words[begin : begin + self.ngram])


def read_user_texts(row: Mapping[str, Any]) -> list[str]:
    """The user's texts in a row of any supported form."""
    for key in ("messages", "prompt", "question", "conversations", "query", "input"):
        given = row.get(key)
        if given is not None:
            return [text for part in _user_parts(given) for text in _of_history(part)]
    raise ValueError(f"none of messages, prompt, question, conversations, query, input; it has {sorted(row)}"[:300])


def _user_parts(given: Any) -> Iterator[str]:
    if isinstance(given, str):
        yield given
    elif isinstance(given, list):
        for item in given:
            yield from _user_parts(item) if isinstance(item, list) else _of_message(item)


def _of_message(item: Any) -> Iterator[str]:
    if item.get("role", item.get("from")) in ("user", "human"):
        text = item.get("content", item.get("value"))
        if isinstance(text, str):
            yield text


def _of_history(text: str) -> list[str]:
    """The user's turns in a text. ToolRL puts a whole conversation into one."""
    if toolrl.HISTORY not in text:
        return [text]
    return [message["content"] for message in toolrl.parse_turns(text) if message["role"] == "user"]


def _even(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _sorted(items: Any) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True) for item in items)


def _digest(value: Any) -> bytes:
    return hashlib.sha256(json.dumps(value).encode()).digest()[:16]
