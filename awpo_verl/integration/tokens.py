"""Between rows [B] and their response tokens [B, T], for both trainers' seams."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def find_rows_without_tokens(response_mask: Tensor) -> Tensor:
    """Which rows have no response token to train on: verl's rejection sampling sets their mask to 0.

    Nearly every row has its first token, and then the other tokens are not read.

    Args:
        response_mask: [B, T], 0 or 1.

    Returns:
        bool [B], on the CPU.
    """
    empty = (response_mask[:, :1] == 0).all(dim=-1)
    if empty.any():
        empty = ~response_mask.any(dim=-1)
    return empty.cpu()


def spread_over_tokens(values: Tensor, response_mask: Tensor) -> Tensor:
    """Each row's value on each of its response tokens, 0 elsewhere. values: [B]; response_mask: [B, T], 0 or 1.

    Returns:
        float32 [B, T], where the mask is.
    """
    device = response_mask.device
    if device.type == "cpu":
        # NumPy asks Linux for pages of 2 MB; torch's pages of 4 KB cost more to map than the arithmetic
        spread = torch.from_numpy(np.empty(tuple(response_mask.shape), dtype=np.float32))
    else:
        spread = torch.empty(response_mask.shape, dtype=torch.float32, device=device)
    # a copy and a product in place: a product with verl's int64 mask would promote every element
    return spread.copy_(response_mask).mul_(values.to(device, torch.float32).unsqueeze(-1))
