"""Olmo 3: calls in Python's notation, one on each line, in a block.

<function_calls>
f(a=1)
g(b=["x", null, true])
</function_calls>

Values are literals (literals.py). Calls without the tags count if the text has nothing else, as in vLLM. vLLM reads
only the first block, so calls in a second block are a problem.
"""

from __future__ import annotations

import re

from awpo_verl.rewards.bounded_json import MAX_CHARS
from awpo_verl.rewards.outcome.calls import BadCallError, Found
from awpo_verl.rewards.outcome.formats.call_format import CallFormat, between
from awpo_verl.rewards.outcome.formats.literals import Tokens, tokenize
from awpo_verl.rewards.outcome.formats.pythonic import read_call
from awpo_verl.rewards.outcome.schema import ToolSchemas

OPEN, CLOSE = "<function_calls>", "</function_calls>"
_BARE = re.compile(r"\s*[A-Za-z_][\w.]{0,255}\(")


def read_calls(text: str, tools: ToolSchemas | None, found: Found) -> None:
    if OPEN not in text:
        _read_bare(text, tools, found)
        return
    before, _, rest = text.partition(OPEN)
    block, closed, rest = rest.partition(CLOSE)
    after, second, _ = rest.partition(OPEN)
    try:
        if not closed:
            raise BadCallError("a call that is never closed")
        _read_block(block, tools, found)
        if second:
            raise BadCallError("calls in a second block")
    except BadCallError as error:
        found.problems.append(str(error))
    found.outside += [before, after]


def _read_bare(text: str, tools: ToolSchemas | None, found: Found) -> None:
    whole = Found(found.calls[:])
    try:
        if _BARE.match(text) is None:
            raise BadCallError("no call")
        _read_block(text, tools, whole)
    except BadCallError:  # prose
        found.outside.append(text.replace(CLOSE, ""))
        return
    found.calls[:] = whole.calls
    found.problems += whole.problems


def _read_block(block: str, tools: ToolSchemas | None, found: Found) -> None:
    if len(block) > MAX_CHARS:
        raise BadCallError(f"calls of more than {MAX_CHARS} characters")
    tokens = Tokens(tokenize(block))
    if tokens.at_end():
        raise BadCallError("a block without calls")
    while not tokens.at_end():
        if found.full():
            found.over()
            return
        found.calls.append(read_call(tokens, tools))
        tokens.take(",")


OLMO3 = CallFormat(
    name="olmo3",
    read_calls=read_calls,
    places=between("<function_calls>", CLOSE),
    marks=(OPEN,),
    templates=((OPEN,),),
    tokens=(OPEN, CLOSE),
    servers="vLLM's olmo3. It breaks a call at its line ends, and drops names with points and positional arguments; "
    "verl has no parser for it.",
)
