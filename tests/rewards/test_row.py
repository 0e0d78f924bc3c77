"""One row, read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.rewards.managing import RIGHT, manager, score


def test_expected_steps_must_be_a_list_of_strings(tokenizer: Any) -> None:
    with pytest.raises(TypeError, match=r"reasoning_steps.*'2\*3=6'"):
        score(manager(tokenizer), RIGHT, extra_info={"reasoning_steps": "2*3=6"})
    _, info = score(manager(tokenizer), RIGHT, extra_info={"reasoning_steps": np.array(["2*3=6"], dtype=object)})
    assert info["reasoning"] == 1.0
