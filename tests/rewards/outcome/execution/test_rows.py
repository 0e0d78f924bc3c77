"""The rows that are written for tools with a state."""

from __future__ import annotations

import json

from awpo_verl.rewards.outcome.execution import (
    TOOLS_KWARGS_KEY,
    tools_kwargs,
)
from tests.rewards.outcome.execution.environments import Counter


def test_the_row_s_tools_kwargs_are_text_so_that_parquet_cannot_pad_them():
    fields = tools_kwargs(Counter, {"count": 0, "items": []})
    assert list(fields) == [TOOLS_KWARGS_KEY]
    assert json.loads(fields[TOOLS_KWARGS_KEY]) == {
        "environment": "tests.rewards.outcome.execution.environments:Counter",
        "initial": {"count": 0, "items": []},
    }
