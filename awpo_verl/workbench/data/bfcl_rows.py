"""BFCL's form (gorilla.cs.berkeley.edu): questions with functions, and possible answers in a file of the same name.

    BFCL_v4_multiple.json:                   {"id": "multiple_0", "question": [[{"role", "content"}]], "function": []}
    possible_answer/BFCL_v4_multiple.json:   {"id": "multiple_0", "ground_truth": [{"f": {"a": [1, ""]}}]}

Only the Python categories of a single turn are read. The categories named irrelevance expect no call. The others
(several turns, Java, JavaScript, and relevance, which has no answers) are dropped with their reason. BFCL ignores case,
blanks and punctuation in texts: train with `algorithm.awpo.outcome.strings=normalized`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from awpo_verl.workbench.bfcl.ground_truth import ground_truth_text
from awpo_verl.workbench.data import sources
from awpo_verl.workbench.data.plain_rows import parse_expected, parse_message
from awpo_verl.workbench.data.sample import (
    BrokenRowError,
    Dropped,
    Sample,
    UnusableError,
    require_list,
    require_mapping,
    show_value,
)
from awpo_verl.workbench.data.tools import make_openai_tools
from awpo_verl.workbench.files.json_files import FileError, FileRow

ANSWERS = "possible_answer"
NOT_READ = "a category that is not read"
NO_ANSWER = "no possible answer"
UNSATISFIABLE = "no call can be right"

_PREFIX = re.compile(r"^BFCL_v\d+_")
_NOT_READ = re.compile(
    "(^|_)(java|javascript|multi_turn|memory|web_search|format_sensitivity|rest|sql|exec|chatable)(_|$)"
)


def read_rows(path: Path) -> Iterator[FileRow]:
    """The rows of the question files, each with its possible answer and the category in its file's name."""
    for file in sources.find_files(path):
        category = _PREFIX.sub("", file.stem)
        if _NOT_READ.search(category):
            # their rows have other forms; they are only counted
            yield from (FileRow(r.where, lambda c=category: {"category": c}) for r in sources.read_file_rows(file))
            continue
        answers = _read_answers(file)
        for record in sources.read_file_rows(file):
            yield FileRow(
                record.where, lambda record=record, a=answers, c=category: _join_answer(record.decode(), a, c)
            )


def read_samples(row: Mapping[str, Any], where: str) -> Iterator[Sample | Dropped]:
    """Read the sample of a row. Raises BrokenRowError, UnusableError."""
    identity = str(row.get("id") or where)
    category = str(row.get("category") or "bfcl")
    if _NOT_READ.search(category):
        raise UnusableError(NOT_READ, category)
    turns = require_list(row, "question")
    if turns and all(isinstance(item, Mapping) for item in turns):
        turns = [turns]
    if len(turns) != 1 or not isinstance(turns[0], list):
        raise UnusableError(NOT_READ, f"a question of {len(turns)} turns")
    messages = tuple(parse_message(item, f"question[0][{index}]") for index, item in enumerate(turns[0]))
    if not any(message["role"] == "user" for message in messages):
        raise BrokenRowError("question", f"has no message of the user: {show_value(row['question'])}")
    functions = row.get("function")
    functions = [functions] if isinstance(functions, Mapping) else functions
    tools = make_openai_tools(functions, "function")
    answer = row.get("ground_truth")
    if answer is None and "irrelevance" not in category:
        raise UnusableError(NO_ANSWER, category)
    try:
        calls = parse_expected(ground_truth_text(answer, functions)) if answer is not None else ()
    except ValueError as error:
        raise UnusableError(UNSATISFIABLE, str(error)[:300]) from None
    yield Sample(where, identity, f"bfcl_{category}" if category != "bfcl" else category, messages, tools, calls)


def _read_answers(file: Path) -> dict[str, Any]:
    """The possible answers beside a question file, by id; empty if there is no such file."""
    beside = file.parent / ANSWERS / file.name
    if not beside.is_file():
        return {}
    answers: dict[str, Any] = {}
    for record in sources.read_file_rows(beside):
        try:
            row = require_mapping(record.decode(), "the row")
            answers[str(row["id"])] = require_list(row, "ground_truth")
        except (ValueError, KeyError) as error:
            raise FileError(f"{beside}: {record.where}: not a possible answer: {error}") from None
    return answers


def _join_answer(row: Any, answers: Mapping[str, Any], category: str) -> Any:
    if not isinstance(row, Mapping):
        return row
    return {"ground_truth": answers.get(str(row.get("id"))), "category": category, **row}
