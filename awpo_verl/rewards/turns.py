"""A response of several turns, told apart by who wrote it: the model, or what came in between.

Between the model's turns stand the answers of tools and the marks of the chat template. None of it is the model's: a
tool that answers with `<tool_call>` has called nothing. verl knows which tokens are whose, by its response mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from awpo_verl.rewards.outcome import with_marks

OWN_TOKENS = "awpo_own_tokens"  # of a row: verl's response mask, which integration/agent_loop.py sends along


@dataclass(frozen=True, slots=True)
class Turns:
    """A decoded response.

    Attributes:
        whole: all of it, as verl's naive manager decodes it.
        own: what the model wrote, a text for each of its turns, with the marks that a call format needs.
        between: what it was told in between, in order.
    """

    whole: str
    own: tuple[str, ...]
    between: tuple[str, ...]


def decode(tokenizer: Any, ids: torch.Tensor, own: Any, marks_are_special: bool) -> Turns:
    """Decode the tokens of a response.

    Args:
        ids: [R], without padding.
        own: 1 where the model wrote the token, else 0; a sequence or array of R or more (padded). None, or all 0 (a
            loop that takes a response out of the loss): all is the model's.
        marks_are_special: see needs_special_tokens.

    Raises:
        ValueError: there are fewer of `own` than tokens.
    """
    whole = tokenizer.decode(ids, skip_special_tokens=True)
    mask = torch.from_numpy(np.ones(len(ids), dtype=bool) if own is None else np.array(own, dtype=bool))
    if len(mask) < len(ids):
        raise ValueError(
            f"The response has {len(ids)} tokens, and its response mask {len(mask)}: the agent loop must return an "
            "entry of response_mask for each of response_ids."
        )
    mask = mask[: len(ids)]
    if not mask.any():
        mask = torch.ones_like(mask)
    turns: list[str] = []
    between: list[str] = []
    for is_own, part in _runs(ids, mask):
        text = whole if len(part) == len(ids) else tokenizer.decode(part, skip_special_tokens=True)
        if not is_own:
            between += [text.strip()] if text.strip() else []
        elif marks_are_special:
            special = tokenizer.decode(part, skip_special_tokens=False).removesuffix(tokenizer.eos_token or "")
            turns.append(with_marks(text, special))
        else:
            turns.append(text)
    return Turns(whole, tuple(turns), tuple(between))


def _runs(ids: torch.Tensor, mask: torch.Tensor) -> list[tuple[bool, torch.Tensor]]:
    """The tokens, cut where the mask changes."""
    ends = [*((mask[1:] != mask[:-1]).nonzero().flatten() + 1).tolist(), len(ids)]
    starts = [0, *ends[:-1]]
    return [(bool(mask[start]), ids[start:end]) for start, end in zip(starts, ends, strict=True) if end > start]
