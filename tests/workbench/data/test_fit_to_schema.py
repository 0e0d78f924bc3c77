"""Expected calls against their tools' schemas."""

from __future__ import annotations

import pytest

from awpo_verl.rewards.outcome import parse_tools
from awpo_verl.workbench.data.fit_to_schema import (
    BREAKS_SCHEMA,
    UNCHECKABLE,
    UNKNOWN_ARGUMENT,
    UNKNOWN_TOOL,
    convert_value,
    fit_calls,
)
from awpo_verl.workbench.data.sample import UnusableError
from tests.workbench.data.rows import call, openai

ITEMS = {"type": "array", "items": {"type": "integer"}}


@pytest.mark.parametrize(
    ("value", "schema", "read"),
    [
        ("1", {"type": "integer"}, 1),
        ("-12", {"type": "integer"}, -12),
        ("1.5", {"type": "integer"}, None),
        ("1.5", {"type": "number"}, 1.5),
        ("1e3", {"type": "number"}, 1000.0),
        ("one", {"type": "integer"}, None),
        ("1" * 30, {"type": "integer"}, None),
        ("True", {"type": "boolean"}, True),
        ("yes", {"type": "boolean"}, None),
        ("[1, 2]", ITEMS, [1, 2]),
        ('{"a": 1}', {"type": "object"}, {"a": 1}),
        ('{"a": 1}', ITEMS, None),
        ("[1, 2", ITEMS, None),
        (["1", 2], ITEMS, [1, 2]),
        ([1, 2], ITEMS, None),
        (2.0, {"type": "integer"}, 2),
        (2.5, {"type": "integer"}, None),
        (float("nan"), {"type": "integer"}, None),
        (12, {"type": "string"}, "12"),
        (True, {"type": "string"}, "true"),
        (True, {"type": "integer"}, None),
        (1, {"type": "number"}, None),
        ("1", {"type": ["integer", "string"]}, None),
        ("1", {}, None),
    ],
)
def test_a_value_of_another_type_is_converted_if_it_means_the_same(value, schema, read):
    found = convert_value(value, schema)
    assert found == read
    assert type(found) is type(read)


TOOLS = parse_tools([openai("f", ("a",), a="integer", b="string", c="boolean")]) or {}


def test_fix_accepts_both_and_null_means_left_out():
    (fixed,) = fit_calls([call("f", a="1", b=None, c="false")], TOOLS, "fix")
    assert fixed == call("f", a={"$any": [1, "1"]}, b={"$any": [None], "$optional": True}, c={"$any": [False, "false"]})


def test_an_empty_text_may_be_left_out_where_nothing_is_required():
    """No question says that an argument is to be empty; a required one has to be there all the same."""
    (fixed,) = fit_calls([call("f", a=1, b="", c="")], TOOLS, "fix")
    assert fixed == call("f", a=1, b={"$any": [""], "$optional": True}, c={"$any": [""], "$optional": True})
    required = parse_tools([openai("f", ("b",), b="string")]) or {}
    assert fit_calls([call("f", b="")], required, "fix") == (call("f", b=""),)
    assert fit_calls([call("f", a=1, b="")], TOOLS, "drop") == (call("f", a=1, b=""),)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (call("g"), UNKNOWN_TOOL),
        (call("f", a=1, d=2), UNKNOWN_ARGUMENT),
        (call("f", b="x"), BREAKS_SCHEMA),  # a is required
        (call("f", a="one"), BREAKS_SCHEMA),
        (call("f", a=None), BREAKS_SCHEMA),
    ],
)
def test_a_call_that_cannot_be_fixed_is_dropped_unless_keep(wrong, reason):
    for mismatch in ("fix", "drop"):
        with pytest.raises(UnusableError) as caught:
            fit_calls([call("f", a=1), wrong], TOOLS, mismatch)
        assert caught.value.reason == reason
    assert fit_calls([wrong], TOOLS, "keep") == (wrong,)


def test_drop_fixes_nothing():
    with pytest.raises(UnusableError, match="f: a: type"):
        fit_calls([call("f", a="1")], TOOLS, "drop")


@pytest.mark.parametrize(
    "arguments",
    [{"a": float("nan")}, {"a": {"$any": []}}, {"a": {"$any": 3}}, {"b": "x</tool_call>"}, {"b": "x" * 70_000}],
)
def test_a_reference_that_does_not_score_1_is_always_dropped(arguments):
    with pytest.raises(UnusableError) as caught:
        fit_calls([call("f", **{"a": 1, **arguments})], TOOLS, "keep")
    assert caught.value.reason == UNCHECKABLE


def test_more_calls_than_a_response_may_have_are_dropped():
    with pytest.raises(UnusableError) as caught:
        fit_calls([call("f", a=n) for n in range(65)], TOOLS, "fix")
    assert caught.value.reason == UNCHECKABLE
