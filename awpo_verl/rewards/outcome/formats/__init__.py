"""The call formats, by name: each reads a text outside of the thinking, and adds what it finds to a Found.

A format accepts what the servers of its models accept as calls, and spellings that differ in form alone (`parameters`
for `arguments`): credit for text that would never have been executed teaches the model to write it. Parsers of vLLM and
verl exist for most of them. They are not used here because they need a tokenizer or a server's request objects, run
regular expressions without bound over the model's text, and drop the bad calls of a response silently, where a reward
has to know of them.
"""

from __future__ import annotations

from collections.abc import Callable

from awpo_verl.rewards.outcome.calls import Found
from awpo_verl.rewards.outcome.formats import harmony, llama3_json, mistral, pythonic, qwen3_coder, tool_call_tags
from awpo_verl.rewards.outcome.schema import Tools

FORMATS: dict[str, Callable[[str, Tools | None, Found], None]] = {
    "hermes": tool_call_tags.read_hermes,
    "toolrl": tool_call_tags.read_toolrl,
    "pythonic": pythonic.read,
    "llama3_json": llama3_json.read,
    "mistral": mistral.read,
    "qwen3_coder": qwen3_coder.read,
    "gpt_oss": harmony.read,
}

# Formats whose marks are special tokens: a response has to be decoded with them.
NEEDS_SPECIAL_TOKENS = frozenset(["mistral", "gpt_oss"])
