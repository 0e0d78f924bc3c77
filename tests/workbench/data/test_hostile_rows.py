"""Anything in the place of anything in a row of any set: it is kept or dropped, and what is kept has a right answer."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awpo_verl.workbench.data.options import PrepareOptions
from tests.workbench.data.rows import call, lamp, openai, plain, reference_score, rlla, run, toolace, truth, xlam
from tests.workbench.data.test_toolrl import ANSWER, HISTORY, TOOLS

ROWS: dict[str, dict[str, Any]] = {
    "toolace": toolace(("user", "Q"), ("assistant", '[getTime(), getTime(a="b")]'), ("tool", "[]"), ("assistant", "A")),
    "xlam": xlam("Q", [lamp(on={"type": "bool"}, r={"type": "List[str], optional"})], [call("lamp", on=True)], id=1),
    "rlla": rlla(TOOLS, HISTORY, ANSWER),
    "bfcl": {
        "id": "b",
        "question": [[{"role": "user", "content": "Q"}]],
        "function": [openai("f", a="integer")["function"]],
        "ground_truth": [{"f": {"a": [1, ""]}}],
    },
    "jsonl": plain("Q", call("f", a={"$any": [1]}), reasoning_steps=["1"]),
}
ODD = [
    *[None, 1, -1.5, True, "", "x", "[", "{}", "[1]", "null", "\ud800", 10**400, float("nan"), float("inf")],
    *[[], {}, [[]], [None], {"a": None}, {"$any": []}, {"$any": 1}, {"type": 3}, {"name": "f"}, {"$ref": "#"}],
    *[[{"role": "user"}], {"type": "object", "properties": []}, {"function": None}, {"properties": {"a": 1}}],
    *["</user>", "<tool_call>", '[f(a="', "\n", '{"a": ' * 40, "[" * 2000],
]


def places(value: Any, path: tuple = ()) -> list[tuple]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for key, item in inner for place in places(item, (*path, key))]


def put(row: Any, path: tuple, change: Any) -> Any:
    """A copy of the row with the part at the path changed."""
    changed = copy.deepcopy(row)
    part = changed
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = change(part[path[-1]])
    return changed


@st.composite
def odd_rows(draw, name: str):
    row = ROWS[name]
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(places(row)))
        odd = draw(st.sampled_from(ODD))
        cut = draw(st.integers(0, 400))

        def change(value, odd=odd, cut=cut):
            if not isinstance(value, str) or not isinstance(odd, str) or cut > len(value):
                return copy.deepcopy(odd)
            return value[:cut] + odd + value[cut + 1 :]

        row = put(row, path, change)
    return row


@pytest.mark.parametrize("name", ROWS)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_row_stops_the_run(tmp_path_factory, name, data):
    tmp_path = tmp_path_factory.mktemp("rows")
    mismatch = data.draw(st.sampled_from(["fix", "keep"]))
    options = PrepareOptions(
        no_call=1.0, max_broken=1.0, mask_names=0.5, irrelevant=0.3, schema_mismatch=mismatch, conflicts="first"
    )
    given_rows = [json.dumps(data.draw(odd_rows(name))), json.dumps(ROWS[name])]
    report, kept = run(name, given_rows, tmp_path, options)
    assert report.rows == 2
    assert report.broken <= 1
    assert kept  # the good row, or the one that it is a duplicate of
    for row in kept:
        assert reference_score(row) == 1.0, truth(row)
