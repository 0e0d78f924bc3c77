"""BFCL's form, with entries made up here; tests/workbench/bfcl/test_ground_truth.py tests the possible answers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from awpo_verl.workbench.data.pipeline import PrepareError, prepare_files
from awpo_verl.workbench.data.preparation import BROKEN
from awpo_verl.workbench.files.json_files import FileError
from tests.workbench.data.rows import ALL, drops, plain, reference_score, run, truth, write, written

BOOK = {
    "name": "hotel.book",
    "description": "Books.",
    "parameters": {
        "type": "dict",
        "properties": {"city": {"type": "string"}, "nights": {"type": "integer"}, "rate": {"type": "float"}},
        "required": ["city"],
    },
}


def entry(number, question="Book.", **more):
    return {"id": f"simple_{number}", "question": [[{"role": "user", "content": question}]], "function": [BOOK], **more}


def answer(number, **arguments):
    return {"id": f"simple_{number}", "ground_truth": [{"hotel.book": arguments}]}


@pytest.fixture
def folder(tmp_path):
    """A folder as BFCL's `data`."""
    data = tmp_path / "data_of_bfcl"
    (data / "possible_answer").mkdir(parents=True)
    questions = [
        entry(0, "Rome, two nights."),
        entry(1, "Oslo."),
        entry(2, "Nice."),
        {
            **entry(3),
            "function": BOOK,
            "question": [[{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]],
        },
        entry(4, "No answer."),
        {**entry(5, "x"), "question": [[{"role": "user", "content": "a"}], [{"role": "user", "content": "b"}]]},
    ]
    write(data / "BFCL_v4_simple_python.json", questions)
    answers = [
        answer(0, city=["Rome", "Roma"], nights=[2, ""]),
        answer(1, city=["Oslo"], pool=[True]),
        answer(2, city=["Nice"], nights=["1"]),
        answer(3, city=["U"]),
        answer(5, city=["a"]),
    ]
    write(data / "possible_answer" / "BFCL_v4_simple_python.json", answers)
    write(data / "BFCL_v4_irrelevance.json", [{**entry(0, "How tall is the tower?"), "id": "irrelevance_0"}])
    write(data / "BFCL_v4_multi_turn_base.json", [{"id": "m", "question": [[], []], "path": []}])
    (data / "BFCL_v4_format_sensitivity.json").write_text(json.dumps({"a": ["b"]}, indent=1))
    return data


def test_questions_and_the_possible_answers_beside_them(folder, tmp_path):
    report = prepare_files("bfcl", str(folder), tmp_path / "out", ALL)
    rows = {row["extra_info"]["id"]: row for row in written(tmp_path / "out")}
    assert sorted(rows) == ["irrelevance_0", "simple_0", "simple_2", "simple_3"]
    assert rows["simple_0"]["data_source"] == "bfcl_simple_python"
    assert truth(rows["simple_0"])["tool_calls"] == [
        {
            "name": "hotel.book",
            "arguments": {"city": {"$any": ["Rome", "Roma"]}, "nights": {"$any": [2], "$optional": True}},
        }
    ]
    assert truth(rows["simple_2"])["tool_calls"][0]["arguments"]["nights"] == {"$any": [1, "1"]}
    assert truth(rows["irrelevance_0"])["tool_calls"] == []
    assert rows["simple_3"]["prompt"][0]["content"].startswith("S\n\n# Tools")
    parameters = truth(rows["simple_0"])["tools"][0]["function"]["parameters"]
    assert parameters["properties"]["rate"] == {"type": "number"}
    assert all(reference_score(row) == 1.0 for row in rows.values())
    by_place = {where: reason for where, reason, _ in drops(tmp_path / "out")}
    assert by_place == {
        "BFCL_v4_simple_python.json:2": "no call can be right",  # the function has no pool
        "BFCL_v4_simple_python.json:5": "no possible answer",
        "BFCL_v4_simple_python.json:6": "a category that is not read",
        "BFCL_v4_multi_turn_base.json:1": "a category that is not read",
    }
    assert BROKEN not in report.dropped


def test_bfcls_folder_is_an_evaluation_set(folder, tmp_path):
    """All of its questions, those of categories that cannot be trained on too, and not its list of ids."""
    rows = [plain("How tall is the tower"), plain("How tall is the other tower?")]
    with (folder / "BFCL_v4_multi_turn_base.json").open("w") as file:
        turns = [[{"role": "user", "content": "How tall is the other tower?"}], []]
        file.write(json.dumps({"id": "m", "question": turns, "path": []}) + "\n")
    report, kept = run("jsonl", [*rows, plain("Another")], tmp_path, replace(ALL, eval_set=(str(folder),)))
    assert [row["prompt"][-1]["content"] for row in kept] == ["Another"]
    assert report.eval_rows == 8


def test_a_broken_file_of_answers_is_named(folder, tmp_path):
    write(folder / "possible_answer" / "BFCL_v4_simple_python.json", ["{"])
    with pytest.raises(FileError, match=r"possible_answer/BFCL_v4_simple_python.json: .*:1: not a possible answer"):
        prepare_files("bfcl", str(folder), tmp_path / "out", ALL)


def test_questions_without_answers_are_an_error_with_the_reason(folder, tmp_path):
    alone = write(tmp_path / "BFCL_v4_simple_python.json", [entry(0), entry(1)])
    with pytest.raises(
        PrepareError, match=r"none of 2 rows is kept: 2 no possible answer \(BFCL_v4_simple_python.json:1"
    ):
        prepare_files("bfcl", str(alone), tmp_path / "out", ALL)


def test_answers_may_stand_in_the_rows(tmp_path):
    source = write(tmp_path / "own.json", [entry(0, ground_truth=[{"hotel.book": {"city": ["Rome"]}}])])
    prepare_files("bfcl", str(source), tmp_path / "out", ALL)
    (row,) = written(tmp_path / "out")
    assert (row["data_source"], row["extra_info"]["calls"]) == ("bfcl_own", 1)
