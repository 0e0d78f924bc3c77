"""Write calls in each format, as the chat templates of its models do.

The writers share no code with the readers, so that round trips test both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from awpo_verl.rewards.outcome import ToolCall

DSML = "｜DSML｜"


@dataclass(frozen=True)
class Writer:
    """Writes calls in one format.

    Attributes:
        write: the calls -> their text.
        cannot_hold: strings that a value cannot contain, because the format cannot escape them.
        text_before: whether calls may follow other text.
    """

    write: Callable[[Sequence[ToolCall]], str]
    cannot_hold: tuple[str, ...] = ()
    text_before: bool = True


def json_without(*marks: str) -> Callable[[Any], str]:
    """A function that writes JSON and escapes these marks in it."""

    def text(value: Any) -> str:
        written = json.dumps(value, ensure_ascii=False)
        for mark in marks:
            written = written.replace(mark, f"\\u{ord(mark[0]):04x}{mark[1:]}")
        return written

    return text


def as_object(call: ToolCall, key: str = "arguments") -> dict[str, Any]:
    return {"name": call.name, key: call.arguments}


def plain(value: Any) -> str:
    """A string unchanged, any other value as JSON, like `value if value is string else value | tojson` in Jinja."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def hermes(calls: Sequence[ToolCall]) -> str:
    text = json_without("</tool_call>", "<tool_call>")
    return "\n".join(f"<tool_call>\n{text(as_object(call))}\n</tool_call>" for call in calls)


def toolrl(calls: Sequence[ToolCall]) -> str:
    text = json_without("</tool_call>", "<tool_call>")
    return "<tool_call>\n" + "\n".join(text(as_object(call, "parameters")) for call in calls) + "\n</tool_call>"


def llama3_json(calls: Sequence[ToolCall]) -> str:
    return "; ".join(json.dumps(as_object(call, "parameters"), ensure_ascii=False) for call in calls)


def mistral(calls: Sequence[ToolCall]) -> str:
    text = json_without("[TOOL_CALLS]")
    return "".join(f"[TOOL_CALLS]{call.name}[ARGS]{text(call.arguments)}" for call in calls)


def python_value(value: Any) -> str:
    """A Python literal. Strings have JSON's escapes, which Python reads alike, except for surrogate pairs."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(python_value, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{python_value(key)}: {python_value(item)}" for key, item in value.items()) + "}"
    return repr(value)


def python_call(call: ToolCall) -> str:
    return f"{call.name}({', '.join(f'{key}={python_value(value)}' for key, value in call.arguments.items())})"


def pythonic(calls: Sequence[ToolCall]) -> str:
    return f"[{', '.join(map(python_call, calls))}]"


def olmo3(calls: Sequence[ToolCall]) -> str:
    lines = "\n".join(map(python_call, calls))
    for mark in ("<function_calls>", "</function_calls>"):
        lines = lines.replace(mark, rf"\x3c{mark[1:]}")
    return f"<function_calls>\n{lines}\n</function_calls>"


def functions(opening: str, closing: str, line: str) -> Callable[[Sequence[ToolCall]], str]:
    """Qwen3-Coder (line = a line end on either side of a value) and Seed (none)."""

    def one(call: ToolCall) -> str:
        parameters = (
            f"<parameter={key}>{line}{plain(value)}{line}</parameter>\n" for key, value in call.arguments.items()
        )
        return f"{opening}\n<function={call.name}>\n{''.join(parameters)}</function>\n{closing}"

    return lambda calls: "\n".join(map(one, calls))


def invokes(block: str, prefix: str, attribute: bool) -> Callable[[Sequence[ToolCall]], str]:
    """MiniMax, DeepSeek V3.2 and V4."""

    def parameter(key: str, value: Any) -> str:
        string = f' string="{str(isinstance(value, str)).lower()}"' if attribute else ""
        return f'<{prefix}parameter name="{key}"{string}>{plain(value)}</{prefix}parameter>\n'

    def one(call: ToolCall) -> str:
        parameters = "".join(parameter(key, value) for key, value in call.arguments.items())
        return f'<{prefix}invoke name="{call.name}">\n{parameters}</{prefix}invoke>\n'

    return lambda calls: f"<{prefix}{block}>\n{''.join(map(one, calls))}</{prefix}{block}>"


def glm(calls: Sequence[ToolCall]) -> str:
    def one(call: ToolCall) -> str:
        pairs = (
            f"<arg_key>{key}</arg_key>\n<arg_value>{plain(value)}</arg_value>\n"
            for key, value in call.arguments.items()
        )
        return f"<tool_call>{call.name}\n{''.join(pairs)}</tool_call>"

    return "\n".join(map(one, calls))


def kimi(calls: Sequence[ToolCall]) -> str:
    text = json_without("<|tool_call")
    each = (
        f"<|tool_call_begin|>functions.{call.name}:{i}<|tool_call_argument_begin|>{text(call.arguments)}"
        "<|tool_call_end|>"
        for i, call in enumerate(calls)
    )
    return f"<|tool_calls_section_begin|>{''.join(each)}<|tool_calls_section_end|>"


def deepseek(separator: str, ending: str) -> Callable[[Sequence[ToolCall]], str]:
    """V3 and V3.1: the text between name and arguments, and the text after the arguments."""

    def write(calls: Sequence[ToolCall]) -> str:
        text = json_without("<｜tool▁")
        kind = "function<｜tool▁sep｜>" if ending else ""
        each = (
            f"<｜tool▁call▁begin｜>{kind}{call.name}{separator}{text(call.arguments)}{ending}<｜tool▁call▁end｜>"
            for call in calls
        )
        return f"<｜tool▁calls▁begin｜>{''.join(each)}<｜tool▁calls▁end｜>"

    return write


def gemma(opening: str, closing: str, quote: str) -> Callable[[Sequence[ToolCall]], str]:
    def value_text(value: Any) -> str:
        if isinstance(value, str):
            return f"{quote}{value}{quote}"
        if isinstance(value, dict):
            return "{" + ",".join(f"{quote}{key}{quote}:{value_text(item)}" for key, item in value.items()) + "}"
        if isinstance(value, list):
            return f"[{','.join(map(value_text, value))}]"
        return json.dumps(value)

    def one(call: ToolCall) -> str:
        arguments = ",".join(f"{key}:{value_text(value)}" for key, value in call.arguments.items())
        return f"{opening}call:{call.name}{{{arguments}}}{closing}"

    return lambda calls: "".join(map(one, calls))


def json_list(before: str) -> Callable[[Sequence[ToolCall]], str]:
    text = json_without("<|tool_call|>", "functools[")
    return lambda calls: before + text([as_object(call) for call in calls])


def gpt_oss(calls: Sequence[ToolCall]) -> str:
    text = json_without("<|")
    return "<|start|>assistant".join(
        f"<|channel|>commentary to=functions.{call.name} <|constrain|>json<|message|>{text(call.arguments)}<|call|>"
        for call in calls
    )


_FUNCTION_MARKS = ("<parameter", "</parameter", "<function", "</function", "< parameter", "< /parameter")
_INVOKE_MARKS = ("parameter", "invoke", "tool_call", "function_calls")

WRITERS: dict[str, Writer] = {
    "hermes": Writer(hermes),
    "toolrl": Writer(toolrl),
    "llama3_json": Writer(llama3_json),
    "mistral": Writer(mistral),
    "pythonic": Writer(pythonic, text_before=False),
    "olmo3": Writer(olmo3),
    "qwen3_coder": Writer(functions("<tool_call>", "</tool_call>", "\n"), _FUNCTION_MARKS),
    "seed": Writer(functions("<seed:tool_call>", "</seed:tool_call>", ""), (*_FUNCTION_MARKS, "\n")),
    "minimax": Writer(invokes("minimax:tool_call", "", False), _INVOKE_MARKS),
    "deepseek_v32": Writer(invokes("function_calls", DSML, True), _INVOKE_MARKS),
    "deepseek_v4": Writer(invokes("tool_calls", DSML, True), _INVOKE_MARKS),
    "glm": Writer(glm, ("<arg_", "</arg_", "</tool_call>")),
    "kimi": Writer(kimi),
    "deepseek_v3": Writer(deepseek("\n```json\n", "\n```")),
    "deepseek_v31": Writer(deepseek("<｜tool▁sep｜>", "")),
    "gemma4": Writer(gemma("<|tool_call>", "<tool_call|>", '<|"|>'), ('<|"|>',)),
    "functiongemma": Writer(gemma("<start_function_call>", "<end_function_call>", "<escape>"), ("<escape>",)),
    "phi4_mini": Writer(json_list("functools")),
    "xlam": Writer(json_list(""), text_before=False),
    "granite": Writer(json_list("<|tool_call|>"), text_before=False),
    "gpt_oss": Writer(gpt_oss),
}
