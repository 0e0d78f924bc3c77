"""The policy's text as data: what a judge is shown of it can be read, and cannot speak as anyone else.

The policy is trained against the judge, so sooner or later it writes whatever moves the score. Of a text that is quoted

- what no reader sees is gone: control characters, bidi marks, zero-width characters, tag characters, unassigned ones;
- letters that look like markup, such as fullwidth brackets and bars, are the ASCII ones, for the next point to see;
- markup that models take for a change of speaker, `<|im_start|>`, `[INST]`, `<system>`, is disarmed: the text stays
  readable and is no longer the token;
- each line begins with `| `, so no line of it can pass for a heading, a turn or one of our delimiters;
- the delimiters around it carry a hash of the text, which the text cannot contain;
- what is longer than the limit is cut in the middle, and says so.

What is disarmed or removed is counted: a policy that learns to attack its judge shows in the metrics first.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass

REMOVED = "[marker removed]"

_LOOKALIKES = str.maketrans(
    {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}  # fullwidth ASCII
    | {ord(c): "<" for c in "‹〈⟨❮❰˂ᐸ﹤≺"}
    | {ord(c): ">" for c in "›〉⟩❯❱˃ᐳ﹥≻"}
    | {ord(c): "|" for c in "∣ǀ│❘⏐┃"}
)
# Control, format, surrogate, private and unassigned characters, and variation selectors: nothing that a reader sees.
_UNSEEN = frozenset(["Cc", "Cf", "Cs", "Co", "Cn"])
_SELECTORS = frozenset([*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
_HARMLESS = frozenset("\u200d\u200c\ufe0e\ufe0f\u00ad\ufeff")  # joiners of emoji and scripts, soft hyphen: not counted
# Bounded pieces only: each pattern looks at most 64 characters ahead.
_MARKERS = re.compile(
    r"<\|[^<>|\n]{0,64}\|>"  # <|im_start|>, <|eot_id|>, DeepSeek's after the lookalikes
    r"|\[/?(?:INST|SYS|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]"
    r"|<</?SYS>>"
    r"|<(?:start|end)_of_turn>|</?(?:s|bos|eos|unk|pad)>"
    r"|={3,} ?(?:BEGIN|END)\b[^\n]{0,64}",  # our own delimiters
    re.IGNORECASE,
)
_TAG = re.compile(r"<(/?[A-Za-z|][^<>\n]{0,64})>")


@dataclass(frozen=True, slots=True)
class Quoted:
    """A text made safe to show: the section with its delimiters, and how many pieces of it were disarmed or removed."""

    text: str
    neutralized: int


def quote(title: str, text: str, max_chars: int) -> Quoted:
    """One section of a prompt: `title` names it, `text` is what the policy, the user or the data set wrote."""
    cleaned, neutralized = clean(_cut(text, max_chars))
    nonce = hashlib.sha256(f"{title}\0{cleaned}".encode()).hexdigest()[:12]
    lines = "\n".join(f"| {line}" for line in cleaned.split("\n"))
    return Quoted(f"=== BEGIN {title} {nonce} ===\n{lines}\n=== END {title} {nonce} ===", neutralized)


def clean(text: str) -> tuple[str, int]:
    """The text without what is unseen and with its markup disarmed, and how many pieces that were."""
    text = text.translate(_LOOKALIKES)
    text, hidden = _without_unseen("\n".join(text.splitlines()))
    text, markers = _MARKERS.subn(REMOVED, text)
    text = _TAG.sub(r"‹\1›", text)  # ordinary tags are part of many tasks: disarmed, not counted
    return text.replace("<|", "‹|").replace("|>", "|›"), hidden + markers


def _without_unseen(text: str) -> tuple[str, int]:
    if text.isascii() and (text.isprintable() or not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)):
        return text, 0
    kept: list[str] = []
    hidden = 0
    for char in text:
        if char in "\n\t" or (unicodedata.category(char) not in _UNSEEN and ord(char) not in _SELECTORS):
            kept.append(char)
        elif char not in _HARMLESS:
            hidden += 1
    return "".join(kept), hidden


def _cut(text: str, max_chars: int) -> str:
    if len(text) <= max_chars:
        return text
    head = max_chars * 3 // 4
    tail = max_chars - head
    return f"{text[:head]}\n[... {len(text) - max_chars} characters left out ...]\n{text[len(text) - tail :]}"
