"""Quote the policy's text as data, so that a judge can read it and the text cannot speak as anyone else.

The policy is trained against the judge, so sooner or later it writes whatever moves the score. Quoting a text

- removes characters that no reader sees: control characters, bidi marks, zero-width characters, tag characters;
- removes markup that models take for a change of speaker (`<|im_start|>`, `[INST]`), and our own delimiters. It
  searches the text as it looks to a reader: a fullwidth bar or a Cyrillic letter counts as its ASCII lookalike;
- gives other brackets to other tags (`<system>`, `<city>`), because some are a token of some model;
- begins each line with `| `, so that no line looks like a heading, a turn or one of our delimiters;
- puts delimiters around the text that carry a hash of the text, which the text cannot contain;
- cuts a text over the limit in the middle, and says so in a line without a bar.

The rest of the text is unchanged. Removed markup and hiding characters are counted, so that the metrics show a policy
that learns to attack its judge. All of this takes time linear in the length of the text.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

REMOVED = "(marker removed)"

# Characters that no reader sees: controls, default ignorables, surrogates, private characters, noncharacters.
_UNSEEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ud800-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010ffff]+"
)
# These are attacks. Harmless text has the others: joiners, soft hyphens, byte order marks, the letters of a flag.
_HIDING = re.compile("[\0-\x08\x0e-\x1f\x7f\u202a-\u202e\u2066-\u206f\ud800-\udfff]|.{8}", re.DOTALL)

_LOOKALIKES = str.maketrans(
    dict.fromkeys("‹〈〈⟨❮❰❬˂ᐸ≺⧼⦑⮜", "<")
    | dict.fromkeys("›〉〉⟩❯❱❭˃ᐳ≻⧽⦒⮞", ">")
    | dict.fromkeys("∣ǀ│❘⏐┃¦丨ᅵㅣ⎸⎹׀❙︳", "|")
    | dict(zip("АВЕЅІЈКМНОРСТУХаеѕіјорсухԁΑΒΕΙΚΜΝΟΡΤΥΧο═", "ABESIJKMHOPCTYXaesijopcyxdABEIKMNOPTYXo=", strict=True))
)
# All repetitions are bounded, or end at a fixed character, so that a long run takes linear time.
_NAME = r"[\w▁][^\s<>|]{1,64}"
_MARKERS = re.compile(
    rf"<\| ?/?{_NAME}(?: ?\|>|>|<\|)|<{_NAME}\|>"  # <|im_start|>, DeepSeek's <｜User｜>, <|turn>, <|im_<|x|>start|>
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|MODEL_SETTINGS|THINK)\]"
    r"|\[(?:ARGS|CALL_ID|IMG|IMG_BREAK|IMG_END|BOS|EOS|[gs]MASK)\]|<<(?i:/?SYS)>>"
    r"|\[\|(?i:system|user|assistant|tool|endofturn)\|\]|\[e~\[|\]~!?b[\]\[]"
    r"|</?(?i:start_of_turn|end_of_turn|bos|eos|[be]os_token|seed:[be]os|extra_id_\d{1,3})>"
    r"|==[ \t]{0,8}(?:BEGIN|END)\b"  # our own delimiters
)
_TAGS = re.compile(
    r"<\||</?[A-Za-z_][\w:.-]*\s*/?>|<[A-Za-z_][\w:.-]*\s[^<>=\n]*=[^<>\n]*>"
    r"|<(?=/?(?i:system|user|assistant|developer|human|tool|model)\b)"
)


@dataclass(frozen=True, slots=True)
class Quoted:
    """A section with its delimiters, safe to show, and the number of removed pieces."""

    text: str
    neutralized: int


def quote(title: str, text: str, max_chars: int) -> Quoted:
    """Quote one section of a prompt.

    Args:
        title: the section's name.
        text: the text of the policy, the user or the data set.
        max_chars: a longer text is cut in the middle.
    """
    pieces = [clean(piece) for piece in _cut(text, max_chars)]
    bodies = [f"| {piece}".replace("\n", "\n| ") for piece, _ in pieces]
    body = f"\n({len(text) - max_chars} characters left out here)\n".join(bodies)
    nonce = hashlib.sha256(f"{title}\0{body}".encode()).hexdigest()[:12]
    neutralized = sum(count for _, count in pieces)
    return Quoted(f"=== BEGIN {title} {nonce} ===\n{body}\n=== END {title} {nonce} ===", neutralized)


def clean(text: str) -> tuple[str, int]:
    """The text without invisible characters and without markup of other speakers, and the number of attacks in it."""
    text = "\n".join(text.splitlines())
    hidden = sum(_HIDING.search(run) is not None for run in _UNSEEN.findall(text))
    text, markers = _replace(_MARKERS, _UNSEEN.sub("", text), lambda _: REMOVED)
    text, _ = _replace(_TAGS, text, _other_brackets)
    return text, hidden + markers


def _other_brackets(tag: str) -> str:
    return f"‹{tag[1:-1]}›" if len(tag) > 2 else f"‹{tag[1:]}"


def _replace(pattern: re.Pattern[str], text: str, put: Callable[[str], str]) -> tuple[str, int]:
    """Like `pattern.subn`, but matches the text as it looks to a reader. Text that does not match is unchanged."""
    reads = text
    if not text.isascii():
        reads = text.translate({ord(char): _reads(char) for char in set(text) if not char.isascii()})
    kept: list[str] = []
    end = count = 0
    for found in pattern.finditer(reads):
        kept += text[end : found.start()], put(text[found.start() : found.end()])
        end = found.end()
        count += 1
    return "".join([*kept, text[end:]]), count


@lru_cache(maxsize=65_536)
def _reads(char: str) -> str:
    """The plain character that it looks like, for fullwidth, mathematical and circled letters and homoglyphs."""
    return unicodedata.normalize("NFKC", char)[0].translate(_LOOKALIKES)


def _cut(text: str, max_chars: int) -> list[str]:
    """The text; if it is too long, its head and its tail."""
    if len(text) <= max_chars:
        return [text]
    head = max_chars * 3 // 4
    return [text[:head], text[len(text) - (max_chars - head) :]]
