"""Duplicates, conflicts, and questions of an evaluation set."""

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
MIN_WORDS = 5  # of a turn of the user that counts as a question of its own

_WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """The words, without case and marks."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def question_of(sample: Sample) -> str:
    """What makes a prompt the same prompt for the split: the words of the user's first turn."""
    return " ".join(words_of(sample.user_texts[0]))


def prompt_key(sample: Sample) -> bytes:
    """A hash of the conversation, but for case and blanks, and of the tools in any order."""
    texts = [[m["role"], _even(m["content"]), _sorted(m.get("tool_calls", ()))] for m in sample.messages]
    return _digest([texts, _sorted(sample.tools)])


def answer_key(sample: Sample) -> bytes:
    """A hash of the expected calls in any order."""
    return _digest(_sorted(sample.calls))


class EvalSet:
    """Questions that must not be trained on: of parquet files of ours or of ToolRL's, BFCL's sources, or JSONL.

    A sample leaks where all that its user says is all that an evaluation's user says; where a turn of MIN_WORDS words
    or more is one of the evaluation's; or where a run of `ngram` words stands in both. Case and marks do not count.
    """

    def __init__(self, ngram: int = NGRAM) -> None:
        self.ngram = ngram
        self.rows = 0
        self._questions: dict[str, str] = {}
        self._runs: dict[str, str] = {}

    def add(self, path: Path) -> None:
        """Read a file or a folder. Raises FileError, also where a row has no text of a user's."""
        for record in sources.records(path):
            try:
                row = record.read()
                texts = user_texts(row)
            except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
                raise FileError(f"{path}: {record.where}: not a row of an evaluation set: {error}") from None
            if not texts:
                raise FileError(f"{path}: {record.where}: no text of a user's, nothing to compare with.")
            self.rows += 1
            identity = f"{record.where} (id {row['id']})" if row.get("id") is not None else record.where
            for key in self._keys(texts):
                self._questions.setdefault(key, identity)
            for run in self._all_runs(texts):
                self._runs.setdefault(run, identity)

    def match(self, sample: Sample) -> str | None:
        """What of the sample stands in which row of the evaluation; None where nothing does."""
        texts = sample.user_texts
        for key in self._keys(texts):
            if key in self._questions:
                return f"the question of {self._questions[key]}"
        for run in self._all_runs(texts):
            if run in self._runs:
                return f"{self.ngram} words of {self._runs[run]}: {run}"
        return None

    def _keys(self, texts: Sequence[str]) -> Iterator[str]:
        turns = [words_of(text) for text in texts]
        if any(turns):  # BFCL has users who say a control character, which is no question
            yield "\n".join(" ".join(turn) for turn in turns)
        for turn in turns:
            if len(turn) >= MIN_WORDS:
                yield " ".join(turn)

    def _all_runs(self, texts: Sequence[str]) -> Iterator[str]:
        for text in texts if self.ngram else ():
            words = words_of(text)
            for begin in range(len(words) - self.ngram + 1):
                yield " ".join(words[begin : begin + self.ngram])


def user_texts(row: Mapping[str, Any]) -> list[str]:
    """What the user says in a row of any of the forms that are read."""
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
    """ToolRL's whole conversation in a user's text, taken apart."""
    if toolrl.HISTORY not in text:
        return [text]
    return [message["content"] for message in toolrl.turns_of(text) if message["role"] == "user"]


def _even(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _sorted(items: Any) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True) for item in items)


def _digest(value: Any) -> bytes:
    return hashlib.sha256(json.dumps(value).encode()).digest()[:16]
