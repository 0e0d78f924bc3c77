"""Training and held-out prompts, told apart by a hash: the same prompt is always on the same side, whoever draws it."""

from __future__ import annotations

import hashlib

SPLITS = ("train", "heldout")
HELDOUT_SHARE = 0.25  # of all possible prompts


def split_by_hash(text: str, heldout: float = HELDOUT_SHARE) -> str:
    """ "train" or "heldout" (a share of so much), from the SHA-256 of what makes a prompt the same prompt."""
    return "heldout" if hash_share(text) < heldout else "train"


def hash_share(text: str) -> float:
    """A number in [0, 1) that looks drawn at random, the same each time for the same text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def check_split(split: str) -> None:
    """Raises ValueError unless it is a split."""
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; use one of {SPLITS}")
