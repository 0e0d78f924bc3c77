"""BFCL's form (gorilla.cs.berkeley.edu): questions with functions, and possible answers in a file of the same name.

    BFCL_v4_multiple.json:                   {"id": "multiple_0", "question": [[{"role", "content"}]], "function": []}
    possible_answer/BFCL_v4_multiple.json:   {"id": "multiple_0", "ground_truth": [{"f": {"a": [1, ""]}}]}

Read are the Python categories of a single turn. In those named irrelevance no call is expected. The others (several
turns, Java, JavaScript, relevance, which has no answers) are dropped with their reason. BFCL compares texts without
case, blanks and marks: train with `algorithm.awpo.outcome.strings=normalized`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from awpo_verl.workbench.bfcl.ground_truth import ground_truth_text
from awpo_verl.workbench.data import sources
from awpo_verl.workbench.data.plain_rows import expected_of, message_of
from awpo_verl.workbench.data.sample import BrokenRowError, Dropped, Sample, UnusableError, list_at, mapping, shown
from awpo_verl.workbench.data.tools import openai_tools
from awpo_verl.workbench.files.json_files import FileError, Record

ANSWERS = "possible_answer"
NOT_READ = "a category that is not read"
NO_ANSWER = "no possible answer"
UNSATISFIABLE = "no call can be right"

_PREFIX = re.compile(r"^BFCL_v\d+_")
_NOT_READ = re.compile(
    "(^|_)(java|javascript|multi_turn|memory|web_search|format_sensitivity|rest|sql|exec|chatable)(_|$)"
)


def records(path: Path) -> Iterator[Record]:
    """The rows of the question sources, each with its possible answer and the category that its file names."""
    for file in sources.files_of(path):
        category = _PREFIX.sub("", file.stem)
        if _NOT_READ.search(category):
            # their rows have other forms, and are counted only
            yield from (Record(r.where, lambda c=category: {"category": c}) for r in sources.records_of(file))
            continue
        answers = _answers(file)
        for record in sources.records_of(file):
            yield Record(record.where, lambda record=record, a=answers, c=category: _joined(record.read(), a, c))


def read(row: Mapping[str, Any], where: str) -> Iterator[Sample | Dropped]:
    """The sample of a row. Raises BrokenRowError, UnusableError."""
    identity = str(row.get("id") or where)
    category = str(row.get("category") or "bfcl")
    if _NOT_READ.search(category):
        raise UnusableError(NOT_READ, category)
    turns = list_at(row, "question")
    if turns and all(isinstance(item, Mapping) for item in turns):
        turns = [turns]
    if len(turns) != 1 or not isinstance(turns[0], list):
        raise UnusableError(NOT_READ, f"a question of {len(turns)} turns")
    messages = tuple(message_of(item, f"question[0][{index}]") for index, item in enumerate(turns[0]))
    if not any(message["role"] == "user" for message in messages):
        raise BrokenRowError("question", f"has no message of the user: {shown(row['question'])}")
    functions = row.get("function")
    functions = [functions] if isinstance(functions, Mapping) else functions
    tools = openai_tools(functions, "function")
    answer = row.get("ground_truth")
    if answer is None and "irrelevance" not in category:
        raise UnusableError(NO_ANSWER, category)
    try:
        calls = expected_of(ground_truth_text(answer, functions)) if answer is not None else ()
    except ValueError as error:
        raise UnusableError(UNSATISFIABLE, str(error)[:300]) from None
    yield Sample(where, identity, f"bfcl_{category}" if category != "bfcl" else category, messages, tools, calls)


def _answers(file: Path) -> dict[str, Any]:
    """The possible answers beside a question file, by id; empty where there is no such file."""
    beside = file.parent / ANSWERS / file.name
    if not beside.is_file():
        return {}
    answers: dict[str, Any] = {}
    for record in sources.records_of(beside):
        try:
            row = mapping(record.read(), "the row")
            answers[str(row["id"])] = list_at(row, "ground_truth")
        except (ValueError, KeyError) as error:
            raise FileError(f"{beside}: {record.where}: not a possible answer: {error}") from None
    return answers


def _joined(row: Any, answers: Mapping[str, Any], category: str) -> Any:
    if not isinstance(row, Mapping):
        return row
    return {"ground_truth": answers.get(str(row.get("id"))), "category": category, **row}
