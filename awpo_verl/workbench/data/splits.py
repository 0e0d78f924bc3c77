"""Split training and held-out prompts by a hash, so that the same prompt is always on the same side."""

from __future__ import annotations

import hashlib

SPLITS = ("train", "heldout")
HELDOUT_SHARE = 0.25  # share of all possible prompts that is held out


def split_by_hash(text: str, heldout: float = HELDOUT_SHARE) -> str:
    """ "train" or "heldout", from the SHA-256 of the text.

    Args:
        text: identifies the prompt.
        heldout: share of the texts that is held out, in [0, 1].
    """
    return "heldout" if hash_share(text) < heldout else "train"


def hash_share(text: str) -> float:
    """A number in [0, 1) that looks random and is always the same for the same text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def check_split(split: str) -> None:
    """Raises ValueError if `split` is not in SPLITS."""
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; use one of {SPLITS}")
