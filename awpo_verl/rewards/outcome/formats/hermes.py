"""`<tool_call>` blocks of JSON: hermes (Qwen 2.5 and 3) with one call in a block, toolrl with one or more.

hermes:  <tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>
toolrl:  <tool_call>
         {"name": "f", "parameters": {"a": 1}}
         {"name": "g", "parameters": {}}
         </tool_call>
         <response>...</response>

White space is free, so a call may span lines. verl's own tool loop (agent_loop/tool_parser.py, `hermes`) drops some
calls, or hands the tool something that is not an object. These are problems:
- a block that is never closed (vLLM runs it if its JSON is complete);
- a call without `arguments`, or with `parameters` instead (vLLM drops it too);
- `arguments` that are null, a text or a list.
"""

from __future__ import annotations

from collections.abc import Iterator

from awpo_verl.rewards.bounded_json import MAX_CHARS, as_call, as_call_of_data, read_all, read_value, skip_space
from awpo_verl.rewards.outcome.calls import BadCallError, Found
from awpo_verl.rewards.outcome.formats.call_format import CallFormat, between
from awpo_verl.rewards.outcome.schema import ToolSchemas

OPEN, CLOSE = "<tool_call>", "</tool_call>"


def read_hermes_calls(text: str, tools: ToolSchemas | None, found: Found) -> None:
    for block in blocks(text, found):
        try:
            found.calls.append(as_call(read_all(block)))
        except BadCallError as error:
            found.problems.append(str(error))


def read_toolrl_calls(text: str, tools: ToolSchemas | None, found: Found) -> None:
    before = len(found.outside)
    for block in blocks(text, found):
        try:
            position = skip_space(block, 0)
            if position == len(block):
                raise BadCallError("a block without a call")
            while position < len(block):
                if found.full():
                    found.over()
                    break
                value, end = read_value(block, position)
                found.calls.append(as_call_of_data(value))
                position = skip_space(block, end)
        except BadCallError as error:  # the place of the next call is unknown
            found.problems.append(str(error))
    for i in range(before, len(found.outside)):
        found.outside[i] = found.outside[i].replace("<response>", "").replace("</response>", "")


def blocks(text: str, found: Found) -> Iterator[str]:
    """Yield the texts between the tags until `found` is full. Add the text outside and the problems to `found`."""
    position = 0
    while (start := text.find(OPEN, position)) >= 0:
        found.outside.append(text[position:start])
        body = start + len(OPEN)
        end = text.find(CLOSE, body)
        if end < 0:
            found.problems.append("a call that is never closed")
            return
        if found.full():
            found.over()
            return
        if end - body > MAX_CHARS:
            found.problems.append(f"a call of more than {MAX_CHARS} characters")
        else:
            yield text[body:end]
        position = end + len(CLOSE)
    found.outside.append(text[position:])


_PLACES = between(r"<tool_call>\s{0,64}\{", CLOSE)

HERMES = CallFormat(
    name="hermes",
    read_calls=read_hermes_calls,
    places=_PLACES,
    marks=(OPEN,),
    templates=((OPEN,),),
    tokens=(OPEN, CLOSE),
    servers="verl's hermes. vLLM's also runs a last block that is not closed, if its JSON is whole, and drops all "
    "calls where one is broken.",
)

TOOLRL = CallFormat(
    name="toolrl",
    read_calls=read_toolrl_calls,
    places=_PLACES,
    marks=(OPEN,),
    tokens=(OPEN, CLOSE),
    servers="The form of the ToolRL data and of verl's reward `rlla`. No server runs it.",
)
