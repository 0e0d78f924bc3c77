"""Rows and their response tokens."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.integration.tokens import find_rows_without_tokens, spread_over_tokens


@given(
    mask=st.lists(st.lists(st.sampled_from([0, 1]), min_size=4, max_size=4), min_size=1, max_size=6),
    dtype=st.sampled_from([torch.int64, torch.bool, torch.float32]),
)
def test_both_functions_equal_their_plain_formulas(mask: list, dtype: torch.dtype) -> None:
    as_tensor = torch.tensor(mask).to(dtype)
    assert find_rows_without_tokens(as_tensor).tolist() == [sum(row) == 0 for row in mask]
    numbers = torch.randn(len(mask), dtype=torch.float64)
    found = spread_over_tokens(numbers, as_tensor)
    assert found.dtype == torch.float32
    assert torch.equal(found, numbers.float().unsqueeze(-1) * as_tensor)
    assert torch.equal(as_tensor, torch.tensor(mask).to(dtype))
