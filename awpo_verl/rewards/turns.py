"""Split a response of several turns by its writer: the model, or the tools and the chat template between its turns.

Answers of tools and marks of the chat template are not the model's words: a tool that answers with `<tool_call>` has
called nothing. verl's response mask says who wrote which token.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch

from awpo_verl.rewards.outcome.formats import FORMATS, CallFormat, mark_tokens

OWN_TOKENS = "awpo_own_tokens"  # of a row: verl's response mask, which integration/seam_agent_loop.py sends
TAIL = 16  # tokens before a turn; they show whether its thinking is open


@dataclass(frozen=True, slots=True)
class DecodedTurns:
    """A decoded response.

    Attributes:
        whole: all of it, as verl's naive manager decodes it.
        own: what the model wrote, one text for each of its turns, with the marks of its call format.
        opened: for each of these turns, whether the text before it has opened the thinking; None = no text before.
        between: what others wrote between its turns, in order.
    """

    whole: str
    own: tuple[str, ...]
    opened: tuple[bool | None, ...]
    between: tuple[str, ...]


class Decoder:
    """Decodes responses of one tokenizer and call format.

    It drops special tokens and keeps the marks of the format. Other special tokens end turns, and would count as part
    of the answer.

    Args:
        tokenizer: of the model.
        format: how the model writes calls; None = unknown, so all marks are kept.
    """

    def __init__(self, tokenizer: Any, format: CallFormat | None) -> None:
        self._tokenizer = tokenizer
        self._dropped = _special_ids(tokenizer, mark_tokens(format))
        formats = FORMATS.values() if format is None else (format,)
        self._thinking = {marks for each in formats if (marks := each.thinking) is not None}

    def decode(self, prompt: torch.Tensor, ids: torch.Tensor, own: Any) -> DecodedTurns:
        """Decode the tokens of a response.

        Args:
            prompt: [P], without padding.
            ids: [R], without padding.
            own: 1 where the model wrote the token, else 0; a sequence or array of R or more (padded). None, or all 0 (a
                loop that takes a response out of the loss) = the model wrote everything.

        Raises:
            ValueError: `own` is shorter than the response.
        """
        whole = self._tokenizer.decode(ids, skip_special_tokens=True)
        mask = torch.as_tensor(np.ones(len(ids), dtype=bool) if own is None else np.array(own, dtype=bool))
        if len(mask) < len(ids):
            raise ValueError(
                f"The response has {len(ids)} tokens, and its response mask {len(mask)}: the agent loop must return an "
                "entry of response_mask for each of response_ids."
            )
        mask = mask[: len(ids)]
        if not mask.any():
            mask = torch.ones_like(mask)
        turns: list[str] = []
        opened: list[bool | None] = []
        between: list[str] = []
        before = prompt[-TAIL:]
        for is_own, part in _runs(ids, mask):
            if is_own:
                turns.append(self._with_marks(_to_list(part)))
                opened.append(self._is_open(before))
            else:
                text = self._tokenizer.decode(part, skip_special_tokens=True).strip()
                between += [text] if text else []
            before = torch.cat([before, part])[-TAIL:]
        return DecodedTurns(whole, tuple(turns), tuple(opened), tuple(between))

    def _with_marks(self, ids: Sequence[int]) -> str:
        return self._tokenizer.decode([i for i in ids if i not in self._dropped], skip_special_tokens=False)

    def _is_open(self, before: torch.Tensor) -> bool | None:
        if not len(before):
            return None
        tail = self._tokenizer.decode(before, skip_special_tokens=False)
        return any(marks.is_open_at_end_of(tail) for marks in self._thinking)


def _special_ids(tokenizer: Any, kept: Iterable[str]) -> frozenset[int]:
    """The ids of a tokenizer's special tokens, except those in `kept`."""
    kept = set(kept)
    special = {i: str(token) for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    special |= dict(zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True))
    return frozenset(i for i, token in special.items() if token not in kept)


def _runs(ids: torch.Tensor, mask: torch.Tensor) -> list[tuple[bool, torch.Tensor]]:
    """Cut the tokens where the mask changes: (the model wrote them, the tokens)."""
    ends = [*_to_list((mask[1:] != mask[:-1]).nonzero().flatten() + 1), len(ids)]
    starts = [0, *ends[:-1]]
    return [(bool(mask[start]), ids[start:end]) for start, end in zip(starts, ends, strict=True) if end > start]


def _to_list(ids: torch.Tensor) -> list[int]:
    return cast("list[int]", ids.tolist())  # pyright: ignore[reportUnknownMemberType]


def find_response(input_ids: torch.Tensor, attention_mask: torch.Tensor, responses: torch.Tensor) -> torch.Tensor:
    """The tokens of the response, without padding.

    A session may have several outputs. verl 0.9.1 then pads each part on the right by itself, so the mask's last
    `len(responses)` places (what verl's naive manager sums) do not line up with the response and can even be all 0.
    The response is what prompt + response ends with.

    Args:
        input_ids, attention_mask: [L], prompt and response, padded on either side; mask 1 = a real token.
        responses: [R], the response, padded on the right.
    """
    if bool(attention_mask.all()):
        return responses
    tokens = input_ids[attention_mask.bool()]
    if not attention_mask[0]:  # prompt padded on the left, as the legacy trainer does: the naive sum is right
        return responses[: int(attention_mask[-len(responses) :].sum())]
    for length in range(min(len(tokens), len(responses)), 0, -1):
        if torch.equal(tokens[-length:], responses[:length]):
            return responses[:length]
    return responses[:0]


def split_tokens(
    input_ids: torch.Tensor, attention_mask: torch.Tensor, responses: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The tokens of the prompt [P] and of the response [R], without padding; arguments as for `find_response`."""
    ids = find_response(input_ids, attention_mask, responses)
    tokens = input_ids[attention_mask.bool()]
    return tokens[: len(tokens) - len(ids)], ids
