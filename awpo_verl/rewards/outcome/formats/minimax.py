"""MiniMax M2: blocks of tagged parameters. The tool's schema gives the types of the values.

<minimax:tool_call>
<invoke name="f">
<parameter name="a">1</parameter>
</invoke>
</minimax:tool_call>
"""

from __future__ import annotations

from typing import Any

from awpo_verl.rewards.outcome.calls import Found
from awpo_verl.rewards.outcome.formats.call_format import CallFormat, between
from awpo_verl.rewards.outcome.formats.tagged_parameters import TaggedParameters
from awpo_verl.rewards.outcome.formats.typed_values import typed_or_json_value
from awpo_verl.rewards.outcome.schema import ToolSchemas

TAGS = TaggedParameters("<minimax:tool_call>", "</minimax:tool_call>")


def read_calls(text: str, tools: ToolSchemas | None, found: Found) -> None:
    def read_value(written: str, attributes: str, name: str, key: str) -> Any:
        return typed_or_json_value(written, tools.get(name) if tools else None, key)

    TAGS.read_calls(text, found, read_value)


MINIMAX = CallFormat(
    name="minimax",
    read_calls=read_calls,
    places=between("<minimax:tool_call>", TAGS.closing),
    marks=(TAGS.opening, "<invoke name="),
    templates=((TAGS.opening,),),
    tokens=(TAGS.opening, TAGS.closing, "<think>", "</think>"),
    servers="verl's minimax. It reads a value that is JSON as JSON even for a string, and strips it; vLLM's goes by "
    "the schema and keeps white space, as we do, drops calls of tools that are not offered, and runs calls that are "
    "not closed or stand outside of a block. Both run a call without the arguments that are not closed.",
)
