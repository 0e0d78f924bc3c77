"""The rows of a v1 batch: sessions and columns."""

from __future__ import annotations

from awpo_verl.integration.v1_rows import BatchRows, PartsByKey, find_sessions


def test_output_ten_comes_after_output_nine_and_uids_may_hold_underscores() -> None:
    sessions = find_sessions(["my_uid_0_9", "my_uid_0_10", "my_uid_1_0"], [True] * 3)
    assert (sessions.last_row, sessions.of_row) == ([1, 2], [0, 0, 1])


def test_columns_are_made_when_they_are_read() -> None:
    row_parts = [{"a": 1, "b": 2}, {"a": 3}]
    found = PartsByKey(BatchRows(row_parts, [True] * 2, ["x", "y"]), [1, 0])
    assert (found["a"], found["b"], found["data_source"]) == ([3, 1], [None, 2], ["y", "x"])
    assert (set(found), len(found), "c" in found, found.get("c")) == ({"a", "b", "data_source"}, 3, False, None)
