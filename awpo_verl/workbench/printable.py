"""The model's text for a terminal or a page: nothing in it acts."""

from __future__ import annotations


def printable(text: str) -> str:
    """Control characters, and what else is not printable, as escapes."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
