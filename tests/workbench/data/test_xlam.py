"""xLAM's form, and types in Python's names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.workbench.data.python_types import build_json_schema, parse_type
from awpo_verl.workbench.data.sample import BrokenRowError
from tests.workbench.data.rows import call, lamp, read, reference_score, run, sample, xlam

STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}


@pytest.mark.parametrize(
    ("text", "schema", "optional"),
    [
        ("str", STRING, False),
        ("str, optional", STRING, True),
        ("Optional[str]", STRING, True),
        ("Optional[List[str]], optional", {"type": "array", "items": STRING}, True),
        ("List[int]", {"type": "array", "items": INTEGER}, False),
        ("typing.List[List[float]]", {"type": "array", "items": {"type": "array", "items": NUMBER}}, False),
        ("List[Union[int, float]]", {"type": "array", "items": NUMBER}, False),
        ("Union[str, int]", {"type": ["string", "integer"]}, False),
        ("int | None", INTEGER, True),
        ("Union[List[int], str]", {"anyOf": [{"type": "array", "items": INTEGER}, STRING]}, False),
        ("Tuple[float, float]", {"type": "array", "items": NUMBER}, False),
        ("Tuple[str, int]", {"type": "array"}, False),
        ("Tuple[int, ...]", {"type": "array", "items": INTEGER}, False),
        ("Dict[str, int]", {"type": "object", "additionalProperties": INTEGER}, False),
        ("dict", {"type": "object"}, False),
        ("set", {"type": "array"}, False),
        ("Callable[[float], float]", {}, False),
        ("np.ndarray", {}, False),
        ("Union[np.ndarray, str]", {}, False),
        ("['string', 'null']", {"type": ["string", "null"]}, True),
        (["string", "null"], {"type": ["string", "null"]}, True),
        ("int, optional, default is 5", INTEGER, True),
        ("int, default=100", INTEGER, True),
        ("Dict[str, int], default: {}", {"type": "object", "additionalProperties": INTEGER}, True),
        ("array-like, shape (n,)", {}, False),
        ("List[", {"type": "array"}, False),
        ("", {}, False),
        (None, {}, False),
        ("List[" * 50 + "int" + "]" * 50, None, False),
    ],
)
def test_types(text, schema, optional):
    found, may_go = parse_type(text)
    if schema is None:  # nested deeper than is read
        assert found["type"] == "array"
    else:
        assert (found, may_go) == (schema, optional)


@given(st.text(alphabet="[],| optinalListUnDc", max_size=60))
def test_any_text_is_some_type(text):
    schema, optional = parse_type(text)
    assert isinstance(schema, dict)
    assert isinstance(optional, bool)


def test_a_parameter_without_default_and_optional_is_required():
    schema = build_json_schema(
        {
            "a": {"type": "str", "description": "A."},
            "b": {"type": "str", "default": ""},
            "c": {"type": "int", "default": "5"},
            "d": {"type": "int, optional", "default": ""},
            "e": {"type": "bool", "default": "True"},
            "f": {"type": "int", "default": "five"},
        },
        "parameters",
    )
    assert schema == {
        "type": "object",
        "properties": {
            "a": {"type": "string", "description": "A."},
            "b": {"type": "string"},
            "c": {"type": "integer", "default": 5},
            "d": {"type": "integer"},
            "e": {"type": "boolean", "default": True},
            "f": {"type": "integer"},  # no integer, no default; but it says that there is one
        },
        "required": ["a", "b"],
    }


def test_a_row(tmp_path):
    tool = lamp(on={"type": "bool", "description": "Or off."}, rooms={"type": "List[str], optional", "default": ""})
    answers = [call("lamp", on=True, rooms=["hall", "attic"]), call("lamp", on=False)]
    given_row = xlam("Switch them.", [tool], answers, id=7)
    found = sample("xlam", given_row)
    assert (found.id, found.messages) == ("7", ({"role": "user", "content": "Switch them."},))
    assert found.calls == tuple(answers)
    report, (row,) = run("xlam", [given_row], tmp_path)
    assert (report.several_calls, reference_score(row)) == (1.0, 1.0)
    assert row["extra_info"]["difficulty"] == "medium"  # two calls, and nothing else that is hard


def test_parameters_named_type_and_properties_are_parameters():
    tool = lamp(type={"type": "str", "description": "Kind."}, properties={"type": "int"})
    schema = sample("xlam", xlam("Q", [tool], [])).tools[0]["function"]["parameters"]
    assert set(schema["properties"]) == {"type", "properties"}


def test_lists_and_json_schema_of_mirrors_are_read():
    schema = {"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"]}
    tool = {"type": "function", "function": lamp() | {"parameters": schema}}
    row = {"query": "Q", "tools": [tool], "answers": [{"name": "lamp", "arguments": '{"on": true}'}]}
    found = sample("xlam", row)
    assert found.calls == (call("lamp", on=True),)
    assert found.tools[0]["function"]["parameters"] == schema


def test_the_first_of_two_tools_with_one_name_counts():
    found = sample("xlam", xlam("Q", [lamp(on={"type": "bool"}), lamp(off={"type": "bool"})], []))
    assert [list(t["function"]["parameters"]["properties"]) for t in found.tools] == [["on"]]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"query": 3}, "query is 3; expected a text"),
        ({"query": "Q"}, "answers is missing; expected a list of calls"),
        ({"query": "Q", "answers": "[{"}, "answers is not JSON"),
        (xlam("Q", [], [{"arguments": {}}]), r"answers\[0\] is not a call: a call without a name"),
        (xlam("Q", {"f": 1}, []), "tools is {'f': 1}; expected a list of tools"),
        (xlam("Q", [lamp(on="bool")], []), r"tools\[0\].parameters.on is 'bool'; expected an object"),
        (xlam("Q", [{"name": ""}], []), r"tools\[0\].name is ''; expected a tool's name"),
        ({"query": "Q", "answers": "[" * 100 + "]" * 100}, "answers nests deeper than 64"),
        ({"query": "Q", "answers": "[" * 100_000}, "answers is not JSON"),
    ],
)
def test_a_row_in_another_form_is_named_by_its_field(row, message):
    with pytest.raises(BrokenRowError, match=message):
        read("xlam", row)
