"""When an argument is right: by type, by schema, by default, and by how strings compare."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.rewards.outcome.calls import call, match, tool


def any_of(*values: Any, optional: bool = False) -> dict[str, Any]:
    return {"$any": list(values), "$optional": optional}


NUMBER, INTEGER = tool("f", a="number"), tool("f", a="integer")


@pytest.mark.parametrize(
    ("made", "expected", "schema", "right"),
    [
        (1, 1.0, NUMBER, True),
        (1.0, 1, NUMBER, True),
        (1.0, 1, INTEGER, False),  # the tool would get a float
        (1.0, 1.0, INTEGER, True),  # the ground truth says so
        (True, 1, NUMBER, False),
        ("1", 1, INTEGER, False),
        (1.0, 1, tool("f", a={"anyOf": [{"type": "integer"}, {"type": "number"}]}), True),
        ([1.0], [1], tool("f", a={"type": "array", "items": {"type": "integer"}}), False),
        ({"k": 1.0}, {"k": 1}, tool("f", a={"type": "object", "properties": {"k": {"type": "integer"}}}), False),
        ([2, 1], [1, 2], tool("f", a={"type": "array", "uniqueItems": True}), True),
        ([2, 2], [1, 2], tool("f", a={"type": "array", "uniqueItems": True}), False),
        ([2, 1], [1, 2], tool("f", a={"type": "array"}), False),
        ([2, 1], [1, 2], tool("f", a={"anyOf": [{"type": "array", "uniqueItems": True}, {"type": "null"}]}), True),
        (list(range(2000)), list(range(2000))[::-1], tool("f", a={"type": "array", "uniqueItems": True}), True),
        (list(range(2000)), list(range(1, 2001)), tool("f", a={"type": "array", "uniqueItems": True}), False),
        ([1, 2], [any_of(1, 2), 1], tool("f", a={"type": "array", "uniqueItems": True}), True),
    ],
)
def test_values_compare_by_the_schema(made: Any, expected: Any, schema: dict[str, Any], right: bool) -> None:
    assert match([call("f", a=made)], [call("f", a=expected)], schema).exact is right


def test_a_default_may_be_left_out_or_written() -> None:
    schema = tool("f", a="integer", unit={"type": "string", "default": "km"})
    plain, written = call("f", a=1), call("f", a=1, unit="km")
    for made, expected in itertools.product([plain, written], repeat=2):
        assert match([made], [expected], schema).exact
        assert match([made], [expected]).exact is (made == expected)  # without the schema nobody knows
    either = [call("f", a=1, unit=any_of("mi", optional=True))]
    assert match([written], either, schema).exact  # the same as leaving it out
    assert not match([call("f", a=1, unit="m")], either, schema).exact
    assert not match([plain], [call("f", a=1, unit="mi")], schema).exact
    assert not match([call("f", a=1, unit="mi")], [plain], schema).exact


@pytest.mark.parametrize(
    ("made", "expected", "normalized"),
    [
        ("new york ny", "New York, NY", True),
        ("NewYork", "new  york", True),
        ("it\u2019s", 'it"s', True),
        ("\uff21\uff22", "ab", True),  # full width letters
        ("2024/01/05", "2024-01-05", True),
        ("5", "-5", False),  # a number keeps its sign and its point
        ("15", "1.5", False),
        ("510", "5-10", False),
        ("yorknew", "new york", False),
        ("5", ".5", False),
        ("52", "5\u00b2", False),
        ("1000", "1,000", False),
        ("2024.01.05", "2024-01-05", False),
        ("x*y", "x-y", False),
        ("-", ".", False),  # nothing would be left
        ("", " ", False),
    ],
)
def test_strings_are_strict_or_normalized_by_choice(made: str, expected: str, normalized: bool) -> None:
    assert match([call("f", a=made)], [call("f", a=expected)]).exact is False
    assert match([call("f", a=made)], [call("f", a=expected)], strings="normalized").exact is normalized
    assert (
        match([call("f", a=[{"k": made}])], [call("f", a=[{"k": expected}])], strings="normalized").exact is normalized
    )
