"""BFCL's possible answers as our ground truth, on entries made up here."""

import json

import pytest

from awpo_verl.rewards.outcome import match_calls, parse_response, parse_tools, read_expected_calls
from awpo_verl.workbench.bfcl.ground_truth import ground_truth_text

BOOK = {
    "name": "hotel.book",
    "parameters": {
        "type": "dict",
        "required": ["city"],
        "properties": {
            "city": {"type": "string"},
            "nights": {"type": "integer"},
            "rate": {"type": "float", "default": 1.5},
            "note": {"type": "string", "default": ""},
            "tags": {"type": "array", "items": {"type": "string"}},
            "guest": {"type": "dict", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}},
            "rooms": {"type": "array", "items": {"type": "dict"}},
        },
    },
}


def text(arguments, name="hotel.book"):
    return ground_truth_text([{name: arguments}], [BOOK])


def pattern(arguments):
    return json.loads(text(arguments))["tool_calls"][0]["arguments"]


def is_right(possible, given):
    tools = parse_tools([BOOK])
    call = json.dumps({"name": "hotel.book", "arguments": given})
    response = parse_response(f"<tool_call>{call}</tool_call>", "hermes", tools)
    expected = read_expected_calls(text(possible))
    assert expected is not None
    return match_calls(response, expected, tools, "normalized").exact


def test_accepted_values_and_optional():
    assert pattern({"city": ["Paris", "Paris, France"], "nights": [2, 3, ""]}) == {
        "city": {"$any": ["Paris", "Paris, France"]},
        "nights": {"$any": [2, 3], "$optional": True},
    }


def test_dicts_have_accepted_values_at_their_keys_and_deeper_values_are_plain():
    guest = {"name": ["Ann", "Anna"], "age": [30, ""], "home": [{"zip": [1]}]}
    inner = {
        "name": {"$any": ["Ann", "Anna"]},
        "age": {"$any": [30], "$optional": True},
        "home": {"$any": [{"zip": [1]}]},
    }
    assert pattern({"city": ["P"], "guest": [guest]})["guest"] == {"$any": [inner]}
    assert pattern({"city": ["P"], "rooms": [[{"beds": [2]}, {"beds": [1]}]]})["rooms"] == {
        "$any": [[{"beds": {"$any": [2]}}, {"beds": {"$any": [1]}}]]
    }


def test_empty_string_is_a_value_only_where_it_is_the_default_or_all_that_a_string_may_be():
    given = pattern({"city": ["", "P"], "note": ["", "late"], "tags": [""], "guest": [{"name": [""]}]})
    assert given == {
        "city": {"$any": ["P"]},  # required, whatever the answer says
        "note": {"$any": ["late", ""], "$optional": True},
        "guest": {"$any": [{"name": {"$any": [""], "$optional": True}}]},
    }
    assert pattern({"city": ["", ""]}) == {"city": {"$any": [""]}}


def test_a_response_is_checked_against_it():
    possible = {"city": ["Paris", "Paris, France"], "nights": [2, ""], "guest": [{"name": ["Ann"], "age": [30, ""]}]}
    assert is_right(possible, {"city": "paris", "nights": 2, "guest": {"name": "Ann"}})
    assert is_right(possible, {"city": "Paris, France", "guest": {"name": "ann", "age": 30}, "rate": 1.5})
    assert not is_right(possible, {"city": "Paris", "nights": "2", "guest": {"name": "Ann"}})
    assert not is_right(possible, {"city": "Paris", "nights": 2, "guest": {"age": 30}})
    assert not is_right(possible, {"city": "Paris", "nights": 2})


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("hotel.book", "must be a list of calls, got 'hotel.book'"),
        ([{"a": {}, "b": {}}], "a call must be"),
        ([{"hotel.book": [1]}], "a call must be"),
        ([{"hotel.cancel": {"city": ["P"]}}], "the functions have no 'hotel.cancel'"),
        ([{"hotel.book": {"nights": [2]}}], r"hotel.book requires \['city'\]"),
        ([{"hotel.book": {"city": "P"}}], "hotel.book.city: the accepted values must be a list, got 'P'"),
        ([{"hotel.book": {"city": []}}], "demands hotel.book.city, and no value of it is accepted"),
        ([{"hotel.book": {"city": ["P"], "pool": [True]}}], "demands hotel.book.pool, and the function does not"),
        ([{"hotel.book": {"city": ["P"], "guest": [{"name": "Ann"}]}}], "hotel.book.guest.name: the accepted values"),
    ],
)
def test_broken_answers_are_named(answer, problem):
    with pytest.raises(ValueError, match=problem):
        ground_truth_text(answer, [BOOK])


def test_an_argument_that_the_function_lacks_is_dropped_where_it_may_be_left_out():
    assert pattern({"city": ["P"], "pool": [True, ""]}) == {"city": {"$any": ["P"]}}


@pytest.mark.parametrize("functions", [[{"parameters": {}}], ["f"], 3])
def test_broken_documents_are_named(functions):
    with pytest.raises(ValueError, match=r"^(a tool|tools) must be"):
        ground_truth_text([], functions)
