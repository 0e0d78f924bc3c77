"""Small checks of the pipeline: which turns to keep, whether a sample can be written, how long its prompt is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from awpo_verl.workbench.data.options import OptionError
from awpo_verl.workbench.data.sample import Dropped, Sample, UnusableError

OTHER_TURN = "another turn of the conversation (--turns)"
NOT_UNICODE = "text that is not Unicode"
NOT_JSON = "a value that JSON does not have"


def choose_turns(found: list[Sample | Dropped], which: str) -> Iterator[Sample | Dropped]:
    """Yield a conversation's samples: all, or the first or last with a call. Without calls: the first or last.

    Args:
        which: all, first or last. The other samples are yielded as Dropped.
    """
    samples = [item for item in found if isinstance(item, Sample)]
    if which == "all" or len(samples) <= 1:
        yield from found
        return
    candidates = [sample for sample in samples if sample.calls] or samples
    chosen = candidates[0 if which == "first" else -1]
    for item in found:
        yield item if isinstance(item, Dropped) or item is chosen else Dropped(item.where, OTHER_TURN)


def check_writable(sample: Sample) -> None:
    """Raises UnusableError for lone surrogates and for values without a JSON type (parquet has times and bytes)."""
    texts = [sample.id, sample.data_source, sample.difficulty, sample.reasoning, sample.steps]
    texts += [sample.messages, sample.tools, sample.calls, sample.source_prompt]
    try:
        json.dumps(texts, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise UnusableError(NOT_UNICODE, str(error)[:200]) from None
    except TypeError as error:
        raise UnusableError(NOT_JSON, str(error)[:200]) from None


def count_words(messages: list[dict[str, str]]) -> int:
    """Words of the messages' texts."""
    return sum(len(message["content"].split()) for message in messages)


def make_token_counter(path: str) -> Callable[[list[dict[str, str]]], int]:
    """A function that counts a prompt's tokens. Raises OptionError if the tokenizer cannot be loaded."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise OptionError(f"--tokenizer {path} cannot be loaded: {' '.join(str(error).split())[:300]}") from error

    def count(messages: list[dict[str, str]]) -> int:
        text: Any = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    return count
