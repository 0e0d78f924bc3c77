"""Generate rollouts with nested arguments and parallel calls, in seven call formats.

The seed decides everything: the same seed and number give the same prompt, response and file.

    right       a few sentences of thinking that name tools and values, and the expected calls
    wrong       the same with one value changed, a call left out, or a call too many
    malformed   the right calls, the last one cut off
    hostile     32,768 characters of repeated openings such as "[[[[" in the thinking, and the right calls
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMATS = ("hermes", "toolrl", "pythonic", "llama3_json", "mistral", "qwen3_coder", "gpt_oss")
KINDS = ("right", "wrong", "malformed", "hostile")
FILE_KINDS = ("right", "right", "right", "right", "wrong", "wrong", "wrong", "malformed")  # of a prompt's rollouts
HOSTILE_CHARS = 32_768

_TEXT = {"type": "string"}
_INTEGER = {"type": "integer"}
_TEXTS = {"type": "array", "items": _TEXT}
_PEOPLE = {"type": "array", "items": {"type": "object", "properties": {"name": _TEXT, "age": _INTEGER}}}
_FILTERS = {"type": "object", "properties": {"colors": _TEXTS, "stock": {"type": "boolean"}, "price": _INTEGER}}
_HOURS = {"type": "array", "items": {"type": "object", "properties": {"hour": _INTEGER, "degrees": _INTEGER}}}
_PARAMETERS: dict[str, dict[str, Any]] = {
    "book_hotel": {"city": _TEXT, "nights": _INTEGER, "guests": _PEOPLE},
    "find_flights": {"origin": _TEXT, "target": _TEXT, "seats": _INTEGER, "cabin": {"enum": ["economy", "business"]}},
    "send_message": {"people": _TEXTS, "subject": _TEXT},
    "create_event": {"title": _TEXT, "minutes": _INTEGER, "people": _TEXTS},
    "search_products": {"query": _TEXT, "filters": _FILTERS},
    "set_thermostat": {"room": _TEXT, "schedule": _HOURS},
    "convert_currency": {"amount": {"type": "number"}, "source": _TEXT, "target": _TEXT},
    "play_music": {"artist": _TEXT, "volume": _INTEGER, "rooms": _TEXTS},
}
# fmt: off
_WORDS = [
    "amber", "birch", "cedar", "delta", "ember", "falcon", "garnet", "harbor", "indigo",
    "juniper", "kernel", "lantern", "marble", "nectar", "ochre", "prairie", "quartz", "raven",
    "saffron", "timber", "umber", "velvet", "willow", "yonder", "zephyr", "atlas", "breeze",
    "copper", "dune", "echo", "fjord", "grove",
]
# fmt: on
_HOSTILE = ("[" * 64, '{"a": ', "12*12=144; 7*8=54\n", "book_hotel city nights. ", "((1+1)*", "f(a=[")


@dataclass(frozen=True)
class Prompt:
    """One prompt: the question, the offered tools in OpenAI's form, and the expected calls."""

    question: str
    tools: tuple[dict[str, Any], ...]
    calls: tuple[dict[str, Any], ...]

    @property
    def ground_truth(self) -> str:
        return json.dumps({"tool_calls": self.calls, "tools": self.tools}, separators=(",", ":"))


def make_prompt(seed: int, number: int, tools: int = 6, most_calls: int = 3) -> Prompt:
    """The prompt with this number. It expects one to `most_calls` calls of the first two of its tools."""
    rng = random.Random(f"{seed} {number}")
    names = rng.sample(list(_PARAMETERS), tools)
    called = [rng.choice(names[:2]) for _ in range(rng.randint(1, most_calls))]
    calls = tuple(
        {"name": name, "arguments": {key: _sample(rng, schema) for key, schema in _PARAMETERS[name].items()}}
        for name in called
    )
    wishes = " Then ".join(_wish(call) for call in calls)
    return Prompt(f"Request {number}: {wishes}", tuple(_tool(name) for name in names), calls)


def make_response(prompt: Prompt, kind: str, format: str, seed: int, chars: int = 0) -> str:
    """A response of this kind. Its thinking has about `chars` characters, or is as short as possible."""
    rng = random.Random(f"{seed} {kind} {prompt.question}")
    calls = list(prompt.calls)
    if kind == "wrong":
        calls = _spoiled(rng, prompt)
    thinking = " ".join(map(_plan, calls))
    if kind == "hostile":
        piece = rng.choice(_HOSTILE)
        thinking += "\n" + (piece * HOSTILE_CHARS)[:HOSTILE_CHARS]
    while len(thinking) < chars:
        thinking += _rambling(rng, prompt)
    written = write(thinking, calls, format)
    return written[: -len(json.dumps(calls[-1]["arguments"])) // 2] if kind == "malformed" else written


def write(thinking: str, calls: list[dict[str, Any]], format: str) -> str:
    """The thinking and the calls in this call format."""
    if format == "gpt_oss":
        written = (
            f"<|start|>assistant<|channel|>commentary to=functions.{call['name']} <|constrain|>json<|message|>"
            f"{json.dumps(call['arguments'])}<|call|>"
            for call in calls
        )
        return f"<|channel|>analysis<|message|>{thinking}<|end|>{''.join(written)}"
    if format == "mistral":
        return f"[THINK]{thinking}[/THINK][TOOL_CALLS] {json.dumps(calls)}"
    return f"<think>\n{thinking}\n</think>\n\n{_calls(calls, format)}"


def file_rows(seed: int, rows: int) -> Iterator[dict[str, Any]]:
    """Rows of verl's data with a response each; eight rows in sequence share a prompt."""
    per_prompt = len(FILE_KINDS)
    for number in range(-(-rows // per_prompt)):
        prompt = make_prompt(seed, number, tools=2, most_calls=2)
        truth, question = prompt.ground_truth, [{"role": "user", "content": prompt.question}]
        for index in range(min(per_prompt, rows - number * per_prompt)):
            kind = FILE_KINDS[index]
            yield {
                "data_source": kind,
                "prompt": question,
                "response": make_response(prompt, kind, "hermes", seed + index),
                "reward_model": {"ground_truth": truth},
            }


def write_file(path: Path, seed: int, rows: int) -> None:
    """Write the rollouts as JSONL, one at a time."""
    with path.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in file_rows(seed, rows))


def _tool(name: str) -> dict[str, Any]:
    properties = _PARAMETERS[name]
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def _sample(rng: random.Random, schema: dict[str, Any]) -> Any:
    """A random value that is valid under the schema."""
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if schema["type"] == "array":
        return [_sample(rng, schema["items"]) for _ in range(rng.randint(1, 3))]
    if schema["type"] == "object":
        return {key: _sample(rng, inner) for key, inner in schema["properties"].items()}
    if schema["type"] == "string":
        return " ".join(rng.sample(_WORDS, rng.randint(1, 3)))
    if schema["type"] == "boolean":
        return rng.random() < 0.5
    return rng.randint(2, 999) if schema["type"] == "integer" else rng.randint(2, 999) + 0.5


def _wish(call: dict[str, Any]) -> str:
    """The call in words."""
    wanted = ", ".join(f"{key} {_shown(value)}" for key, value in call["arguments"].items())
    return f"Please {call['name'].replace('_', ' ')} with {wanted}."


def _plan(call: dict[str, Any]) -> str:
    """The call as faithful thinking describes it."""
    values = ". ".join(f"The {key}: {_shown(value)}" for key, value in call["arguments"].items())
    return f"I need {call['name']} here. {values}."


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return " and ".join(f"{key} {_shown(item)}" for key, item in value.items())
    return " and ".join(map(_shown, value)) if isinstance(value, list) else str(value)


def _spoiled(rng: random.Random, prompt: Prompt) -> list[dict[str, Any]]:
    """The calls with one of them changed, dropped or repeated; never the expected calls."""
    calls = list(prompt.calls)
    how = rng.choice(["value", "missing", "extra"]) if len(calls) > 1 else rng.choice(["value", "extra"])
    place = rng.randrange(len(calls))
    if how == "missing":
        del calls[place]
    elif how == "extra":
        calls.append(calls[place])
    else:
        key = rng.choice(list(calls[place]["arguments"]))
        calls[place] = {**calls[place], "arguments": {**calls[place]["arguments"], key: "nothing of the kind"}}
    return calls


def _rambling(rng: random.Random, prompt: Prompt) -> str:
    """A sentence of long thinking: random words, a word of the request, and now and then a product."""
    a, b = rng.randint(2, 99), rng.randint(2, 99)
    beside = " ".join(rng.choices(_WORDS, k=8))
    fact = rng.choice(prompt.question.split())
    return f" Let me check {fact} against {beside}." + (f" That is {a}*{b}={a * b}.\n" if a % 4 == 0 else "")


def _calls(calls: list[dict[str, Any]], format: str) -> str:
    if format == "toolrl":
        blocks = (json.dumps({"name": call["name"], "parameters": call["arguments"]}) for call in calls)
        return "<tool_call>\n" + "\n".join(blocks) + "\n</tool_call>"
    if format == "pythonic":
        written = (f"{c['name']}({', '.join(f'{key}={v!r}' for key, v in c['arguments'].items())})" for c in calls)
        return f"[{', '.join(written)}]"
    if format == "llama3_json":
        return "; ".join(json.dumps({"name": call["name"], "parameters": call["arguments"]}) for call in calls)
    if format == "qwen3_coder":
        return "\n".join(map(_coder_call, calls))
    return "\n".join(f"<tool_call>\n{json.dumps(call)}\n</tool_call>" for call in calls)


def _coder_call(call: dict[str, Any]) -> str:
    shown = {key: v if isinstance(v, str) else json.dumps(v) for key, v in call["arguments"].items()}
    parameters = "".join(f"<parameter={key}>\n{value}\n</parameter>\n" for key, value in shown.items())
    return f"<tool_call>\n<function={call['name']}>\n{parameters}</function>\n</tool_call>"
