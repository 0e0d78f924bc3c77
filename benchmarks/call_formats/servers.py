"""Run the tool-call parsers of vLLM and verl on a text, without a server and without a model's tokenizer.

The parsers take a tokenizer. The tokens of `StandInTokenizer` are the marks of all formats and the pieces of text
between them, so a text becomes ids and comes back unchanged without a model's vocabulary.

vLLM 0.28's parser for gpt-oss needs a vocabulary that openai-harmony downloads, so it does not run here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from awpo_verl.rewards.outcome.formats import FORMATS, THINKING

# our format -> (vLLM's tool parser, its thinking models' reasoning parser or None if the tool parser needs none).
# vLLM's reasoning parser deepseek_v3 is deepseek_r1 for a thinking model. Its olmo3 needs a real vocabulary, so
# deepseek_r1 replaces it.
VLLM: dict[str, tuple[str, str | None]] = {
    "hermes": ("hermes", "qwen3"),
    "llama3_json": ("llama3_json", None),
    "mistral": ("mistral", "mistral"),
    "pythonic": ("llama4_pythonic", "deepseek_r1"),
    "olmo3": ("olmo3", "deepseek_r1"),
    "qwen3_coder": ("qwen3_coder", "qwen3"),
    "seed": ("seed_oss", "seed_oss"),
    "minimax": ("minimax_m2", "minimax_m2"),
    "deepseek_v3": ("deepseek_v3", "deepseek_r1"),
    "deepseek_v31": ("deepseek_v31", "deepseek_r1"),
    "deepseek_v32": ("deepseek_v32", "deepseek_r1"),
    "deepseek_v4": ("deepseek_v4", "deepseek_v4"),
    "gemma4": ("gemma4", "gemma4"),
    "functiongemma": ("functiongemma", None),
    "glm": ("glm47", "glm47"),
    "kimi": ("kimi_k2", "kimi_k2"),
    "phi4_mini": ("phi4_mini_json", None),
    "xlam": ("xlam", None),
    "granite": ("granite", "deepseek_r1"),
}
# our format -> verl's parser
VERL: dict[str, str] = {
    "hermes": "hermes",
    "gpt_oss": "gpt-oss",
    "qwen3_coder": "qwen3_coder",
    "glm": "glm",
    "seed": "seed",
    "minimax": "minimax",
    "kimi": "kimi",
    "deepseek_v4": "deepseek_v4",
    "gemma4": "gemma4",
}
PAD = "<|pad|>"

# A call as a server returns it: the name, and the arguments as JSON values, or as text if they are not JSON
Call = tuple[str, Any]


class StandInTokenizer:
    """A tokenizer whose tokens are the marks and the pieces of text between them.

    Args:
        without: marks that the vocabulary lacks, as an older tokenizer does.
    """

    pad_token = PAD

    def __init__(self, without: frozenset[str] = frozenset()) -> None:
        tokens = {token for format in FORMATS.values() for token in (*format.tokens, *format.marks)}
        tokens |= {mark for marks in THINKING for mark in (marks.opening, marks.closing)} | {PAD}
        self._texts = sorted(tokens - without)
        self._ids = {text: i for i, text in enumerate(self._texts)}
        longest_first = sorted(self._texts, key=len, reverse=True)
        self._marks = re.compile(f"({'|'.join(map(re.escape, longest_first))})")
        self._vocabulary = dict(self._ids)

    def get_vocab(self) -> dict[str, int]:
        return self._vocabulary

    def convert_tokens_to_ids(self, token: str) -> int | None:
        return self._vocabulary.get(token)

    def encode(self, text: str, **_: object) -> list[int]:
        ids: list[int] = []
        for piece in filter(None, self._marks.split(text)):
            if piece not in self._ids:
                self._ids[piece] = len(self._texts)
                self._texts.append(piece)
            ids.append(self._ids[piece])
        return ids

    def decode(self, ids: Sequence[int], **_: object) -> str:
        return "".join(self._texts[i] for i in ids)


def vllm_problem() -> str:
    """Why vLLM's parsers cannot run here; "" if they can. Importing vLLM takes about ten seconds."""
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    try:
        import vllm.tool_parsers  # noqa: F401
    except ImportError as error:
        return f"vLLM cannot be imported: {error}"
    logging.getLogger("vllm").setLevel(logging.CRITICAL)  # a bad call is logged with its stack
    return ""


def read_with_vllm(format: str, text: str, tools: list[dict[str, Any]] | None, thinks: bool) -> list[Call]:
    """The calls that vLLM returns to its client for a text.

    Args:
        format: a key of VLLM.
        tools: the request's tools in OpenAI's form, or None.
        thinks: the text has thinking, which the server separates with the model's reasoning parser.
    """
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest

    tool_parser, reasoning_parser = _vllm_parsers(format)
    # Mistral's tokenizers up to v7 have no [ARGS]; vLLM reads a list of calls only with those
    before_v11 = format == "mistral" and re.search(r"\[TOOL_CALLS\][^\[{]*\[\s*[{\]]", text) is not None
    tokenizer = StandInTokenizer(frozenset({"[ARGS]", "[THINK]", "[/THINK]"}) if before_v11 else frozenset())
    request = ChatCompletionRequest.model_validate(
        {"model": "stand-in", "messages": [], **({"tools": tools, "tool_choice": "auto"} if tools else {})}
    )
    if thinks and reasoning_parser is not None:
        _, content = reasoning_parser(tokenizer).extract_reasoning(text, request)
        text = content or ""
    try:
        found = tool_parser(tokenizer, request.tools).extract_tool_calls(text, request)
    except ValueError:  # Mistral's for a second [TOOL_CALLS]: the request fails
        return []
    return [(call.function.name, _arguments(call.function.arguments)) for call in found.tool_calls]


@lru_cache
def _vllm_parsers(format: str) -> tuple[Any, Any]:
    from vllm.reasoning import ReasoningParserManager
    from vllm.tool_parsers import ToolParserManager

    tool, reasoning = VLLM[format]
    return (
        ToolParserManager.get_tool_parser(tool),
        None if reasoning is None else ReasoningParserManager.get_reasoning_parser(reasoning),
    )


def read_with_verl(format: str, text: str, tools: list[dict[str, Any]] | None) -> list[Call]:
    """The calls that verl's own tool loop runs for a text.

    Args:
        format: a key of VERL.
        tools: as for `read_with_vllm`.
    """
    from verl.experimental.agent_loop import tool_parser as verl_parsers
    from verl.tools.schemas import OpenAIFunctionToolSchema

    verl_parsers.logger.setLevel(logging.CRITICAL)
    tokenizer = StandInTokenizer()
    parser = verl_parsers.ToolParser.get_tool_parser(VERL[format], tokenizer)
    schemas = [OpenAIFunctionToolSchema.model_validate(tool) for tool in tools] if tools else None
    _, calls = asyncio.run(parser.extract_tool_calls(tokenizer.encode(text), schemas))
    return [(call.name, _arguments(call.arguments)) for call in calls]


def _arguments(written: str) -> Any:
    try:
        return json.loads(written)
    except ValueError:
        return written
