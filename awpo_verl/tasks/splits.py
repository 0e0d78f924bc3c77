"""Training and held-out prompts, told apart by a hash: the same prompt is always on the same side, whoever draws it."""

from __future__ import annotations

import hashlib

SPLITS = ("train", "heldout")
HELDOUT_SHARE = 0.25  # of all possible prompts


def split_by_hash(text: str) -> str:
    """ "train" or "heldout", from the SHA-256 of what makes a prompt the same prompt."""
    share = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
    return "heldout" if share < HELDOUT_SHARE else "train"


def check_split(split: str) -> None:
    """Raises ValueError unless it is a split."""
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; use one of {SPLITS}")
