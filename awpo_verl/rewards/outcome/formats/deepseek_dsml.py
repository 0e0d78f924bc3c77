"""DeepSeek V3.2 and V4: blocks of tagged parameters. Each parameter says whether it is a string.

<｜DSML｜function_calls>                              V4: <｜DSML｜tool_calls>
<｜DSML｜invoke name="f">
<｜DSML｜parameter name="a" string="false">1</｜DSML｜parameter>
</｜DSML｜invoke>
</｜DSML｜function_calls>

A value with string="true" is text. Any other value is read as JSON, and stays text if it is not JSON.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from awpo_verl.rewards.bounded_json import read_all
from awpo_verl.rewards.outcome.calls import BadCallError, Found
from awpo_verl.rewards.outcome.formats.call_format import CallFormat, between
from awpo_verl.rewards.outcome.formats.tagged_parameters import TaggedParameters
from awpo_verl.rewards.outcome.schema import ToolSchemas

MARK = "｜DSML｜"


def _tags(block: str) -> TaggedParameters:
    attribute = r'\s{1,64}string="(?:true|false)"'
    return TaggedParameters(f"<{MARK}{block}>", f"</{MARK}{block}>", MARK, attribute)


V32, V4 = _tags("function_calls"), _tags("tool_calls")


def read_calls(text: str, tools: ToolSchemas | None, found: Found, *, tags: TaggedParameters) -> None:
    tags.read_calls(text, found, _value)


def _value(written: str, attributes: str, tool: str, key: str) -> Any:
    if '"true"' in attributes:
        return written
    try:
        return read_all(written)
    except BadCallError:
        return written


def _format(name: str, tags: TaggedParameters, template: tuple[str, ...], servers: str) -> CallFormat:
    return CallFormat(
        name=name,
        read_calls=partial(read_calls, tags=tags),
        places=between(re.escape(tags.opening), tags.closing),
        marks=(tags.opening, f"<{MARK}invoke"),
        templates=(template,),
        tokens=(MARK, "<think>", "</think>"),
        servers=servers,
    )


DEEPSEEK_V32 = _format(
    "deepseek_v32",
    V32,
    (MARK, "function_calls>"),
    "vLLM's deepseek_v32. It also mends a call: arguments in one parameter named `arguments` or `input`, a value of "
    "another type than the schema's, marks that are not closed. We read what is written.",
)
DEEPSEEK_V4 = _format(
    "deepseek_v4",
    V4,
    (MARK, "tool_calls>"),
    "verl's deepseek_v4. vLLM's also mends a call: arguments in one parameter named `arguments` or `input`, a value of "
    "another type than the schema's, marks that are not closed. Both drop a parameter that is not closed, or without "
    "`string`, and run the call.",
)
