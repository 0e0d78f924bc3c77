"""The prompt of a row. verl's agent loops do not pass a row's tools to the chat template, so the messages hold them.

`hermes` writes what the chat templates of Qwen2.5 and Qwen3 write for `tools=`: the tools at the end of the system
message, and earlier calls as <tool_call> blocks. With Qwen3's template these messages give the same text as the
original ones with `tools=` (tests/workbench/data/test_prompt.py). Qwen2.5's template adds a sentence of its own to a
conversation without a system message; ours has a system message without that sentence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

PROMPTS = ("hermes", "source")
THINK = "First reason about the request inside <think></think>, then answer or call functions."

_BEFORE = (
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
)
_AFTER = (
    "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
    '<tool_call></tool_call> XML tags:\n<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n'
    "</tool_call>"
)


def render_hermes(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]], think: bool = False
) -> list[dict[str, str]]:
    """Messages of plain text, with the tools in the system message."""
    first = messages[0] if messages else {}
    has_system = first.get("role") == "system"
    parts = [str(first["content"])] if has_system and first["content"] else []
    if think:
        parts.append(THINK)
    if tools:
        parts.append(_BEFORE + "".join(f"\n{json.dumps(tool, ensure_ascii=False)}" for tool in tools) + _AFTER)
    system = [{"role": "system", "content": "\n\n".join(parts)}] if parts else []
    return system + [_as_text(message) for message in messages[has_system:]]


def render_source(prompt: Sequence[Mapping[str, str]], think: bool = False) -> list[dict[str, str]]:
    """The set's own prompt, unchanged except for `think`."""
    messages = [{"role": message["role"], "content": message["content"]} for message in prompt]
    if think and messages and messages[0]["role"] == "system":
        messages[0]["content"] += f"\n\n{THINK}"
    elif think:
        messages.insert(0, {"role": "system", "content": THINK})
    return messages


def _as_text(message: Mapping[str, Any]) -> dict[str, str]:
    """The message with its calls as blocks of its text."""
    blocks = [
        f"<tool_call>\n{json.dumps({'name': c['name'], 'arguments': c['arguments']}, ensure_ascii=False)}\n</tool_call>"
        for c in message.get("tool_calls", ())
    ]
    content = message["content"]
    return {"role": message["role"], "content": "\n".join([content, *blocks] if content else blocks)}
