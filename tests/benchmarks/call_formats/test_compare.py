"""The comparison of call formats with the servers: what is equal, what is an error, and the stand-in tokenizer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.call_formats.compare import Reading, same_calls, table
from benchmarks.call_formats.servers import VERL, VLLM, StandInTokenizer
from tests.rewards.outcome.formats.cases import CASES


@pytest.mark.parametrize(
    ("theirs", "equal"),
    [
        ([("f", {"b": [1], "a": 1})], True),  # the order of arguments says nothing
        ([("f", {"a": 1.0, "b": [1.0]})], True),
        ([("f", {"a": True, "b": [1]})], False),
        ([("f", {"a": "1", "b": [1]})], False),
        ([("g", {"a": 1, "b": [1]})], False),
        ([("f", '{"a": 1, "b": [1]}')], False),  # a text is not an object
        ([("f", {"a": 1, "b": [1]})] * 2, False),
        ([], False),
    ],
)
def test_calls_are_equal_by_name_order_and_json_values(theirs: list[Any], equal: bool) -> None:
    assert same_calls([("f", {"a": 1, "b": [1]})], theirs) is equal


@pytest.mark.parametrize(
    ("equal", "why", "error"),
    [
        (True, "", ""),
        (False, "drops it", ""),
        (False, "", "verl reads it otherwise, and the case does not say why"),
        (True, "drops it", "verl reads it as we do, and the case says that it does not"),
    ],
)
def test_a_difference_without_a_reason_and_a_reason_without_a_difference_are_errors(
    equal: bool, why: str, error: str
) -> None:
    assert Reading("hermes", "one call", "verl", [], [], equal, why=why).error == error


def test_the_table_counts_and_marks_a_server_without_a_parser() -> None:
    found = [Reading("xlam", f"{i}", "vllm", [], [], equal=i < 2) for i in range(3)]
    rows = {line.split("|")[1].strip(): line for line in table(found).splitlines()}
    assert rows["`xlam`"] == f"| `xlam` | {len(CASES['xlam'])} | 2 | 1 | - | - |"
    assert rows["all"].endswith("| 2 | 1 | 0 | 0 |")


def test_every_format_has_a_server() -> None:
    assert VLLM.keys() | VERL.keys() == CASES.keys()


@given(st.lists(st.sampled_from(["<tool_call>", "</think>", "[ARGS]", "｜DSML｜", "x", " é\n", "<tool"])).map("".join))
def test_the_stand_in_tokenizer_gives_a_text_back_and_marks_are_tokens(text: str) -> None:
    tokenizer = StandInTokenizer()
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert ids.count(tokenizer.get_vocab()["<tool_call>"]) == text.count("<tool_call>")
