"""Make responses to BFCL's entries from its possible answers: right ones, and ones with one known change.

A mutation is only a label: both checkers check every response themselves. Everything is deterministic.
"""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from benchmarks.bfcl.official import Entry

Call = tuple[str, dict[str, Any]]
_SOME = 4  # at most so many responses of one mutation of one entry
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def responses(entry: Entry) -> Iterator[tuple[str, str, str]]:
    """(mutation, format, text) of all responses to one entry."""
    full = [_call(entry, item) for item in entry.answer]
    for mutation, calls in _mutated(entry, full):
        yield mutation, "hermes", hermes(calls)
        if (text := pythonic(calls)) is not None:
            yield mutation, "pythonic", text
    yield from _rewritten(entry, full)


def hermes(calls: list[Call]) -> str:
    blocks = [json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False) for name, arguments in calls]
    return "\n".join(f"<tool_call>\n{block}\n</tool_call>" for block in blocks)


def pythonic(calls: list[Call]) -> str | None:
    """The calls as pythonic text; None if a name is not a Python identifier."""
    for name, arguments in calls:
        parts = name.split(".") + list(arguments)
        if not all(_IDENTIFIER.fullmatch(part) and not keyword.iskeyword(part) for part in parts):
            return None
    written = (f"{name}({', '.join(f'{k}={v!r}' for k, v in arguments.items())})" for name, arguments in calls)
    return f"[{', '.join(written)}]"


def _mutated(entry: Entry, full: list[Call]) -> Iterator[tuple[str, list[Call]]]:
    """(mutation, calls): the right answers, then changes of whole calls, of arguments and of values."""
    yield "right, all arguments", full
    yield "right, optional arguments left out", [_call(entry, item, optional=False) for item in entry.answer]
    yield "right, other accepted values", [_call(entry, item, last=True) for item in entry.answer]
    yield from _whole_calls(entry, full)
    for index, (name, arguments) in enumerate(full):

        def put(changed: dict[str, Any], name: str = name, index: int = index) -> list[Call]:
            return [*full[:index], (name, changed), *full[index + 1 :]]

        yield "argument added", put({**arguments, "surely_not_an_argument": 1})
        for key in arguments:
            rest = {k: v for k, v in arguments.items() if k != key}
            yield "argument dropped", put(rest)
            yield "argument renamed", put({**rest, f"{key}_x": arguments[key]})
        for key, schema in _document(entry, name)["parameters"]["properties"].items():
            if "default" in schema and schema["default"] is not None:
                yield "default written out", put({**arguments, key: schema["default"]})
        for key, accepted in entry.answer[index][name].items():
            for value in accepted:
                if value != "":
                    yield "each accepted value", put({**arguments, key: _first(value)})
            if "" in accepted:
                yield "empty string for an optional argument", put({**arguments, key: ""})
                yield "null for an optional argument", put({**arguments, key: None})
        for key, value in arguments.items():
            for mutation, other in _values(value):
                yield mutation, put({**arguments, key: other})


def _whole_calls(entry: Entry, full: list[Call]) -> Iterator[tuple[str, list[Call]]]:
    yield "no call", []
    yield "call added", [*full, full[-1]]
    for index, (name, arguments) in enumerate(full):
        rest = full[:index] + full[index + 1 :]
        yield "wrong function name", [*rest, (f"{name}_x", arguments)]
        for document in islice((doc for doc in entry.functions if doc["name"] != name), 2):
            yield "wrong function name", [*rest, (document["name"], arguments)]
        if len(full) > 1:
            yield "call dropped", rest
            yield "call twice, another dropped", [*rest[1:], full[index], full[index]]
    if len(full) > 1:
        yield "calls reordered", full[::-1]
        yield "calls reordered", [*full[1:], full[0]]
        for index, item in enumerate(entry.answer):  # the right calls, written differently and in another order
            short = _call(entry, item, optional=False)
            yield "calls reordered, optional arguments left out of one", [*full[index + 1 :], short, *full[:index]]
            yield "optional arguments left out of one call", [*full[:index], short, *full[index + 1 :]]


def _values(value: Any) -> Iterator[tuple[str, Any]]:
    """(mutation, another value) for an argument's value, at any depth."""
    yield from (("value of another type", other) for other in _retyped(value))
    yield from (("wrong value", other) for other in _wrong(value))
    if isinstance(value, str):
        yield from _restyled(value)
    elif isinstance(value, list) and value:
        for index in range(min(len(value), _SOME)):
            for mutation, other in _values(value[index]):
                yield f"{mutation}, inside", [*value[:index], other, *value[index + 1 :]]
    elif isinstance(value, dict):
        for key, item in value.items():
            yield "key of a dict dropped", {k: v for k, v in value.items() if k != key}
            for mutation, other in _values(item):
                yield f"{mutation}, inside", {**value, key: other}
        yield "key of a dict added", {**value, "surely_not_a_key": 1}


def _retyped(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [int(value), str(value), str(value).lower()]
    if isinstance(value, int):
        return [str(value), float(value), bool(value), [value]]
    if isinstance(value, float):
        return [str(value), [value], *([int(value)] if value.is_integer() else [])]
    if isinstance(value, str):
        number = int(value) if re.fullmatch(r"-?\d{1,15}", value) else None
        return [[value], *([] if number is None else [number]), None]
    if isinstance(value, list):
        return [tuple(value), json.dumps(value), *value[:1]]
    return [json.dumps(value), [value]] if isinstance(value, dict) else []


def _wrong(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1, -value if value else 7, value * 10 if value else 8]
    if isinstance(value, str):
        return [f"{value} entirely wrong", "wrong", value[1:]]
    if isinstance(value, list):
        return [value[:-1], value[::-1], [*value, *value[-1:]]] if value else [["wrong"]]
    return []


def _restyled(value: str) -> Iterator[tuple[str, str]]:
    """(style, text) of strings that look similar to `value` and differ from it."""
    styles = {
        "letter case": [value.upper(), value.lower(), value.title()],
        "blanks": [value.replace(" ", ""), value.replace(" ", "  "), f" {value} ", value.replace(" ", "\t")],
        "punctuation dropped": [re.sub(r"[,./\-_*^]", "", value)],
        "punctuation changed": [
            value.replace(", ", ","),
            value.replace("-", " "),
            value.replace(" ", "_"),
            f"{value}.",
        ],
        "comma in a number": [re.sub(r"(?<=\d)(?=(\d{3})+\b)", ",", value)],
        "point or sign of a number moved": [
            re.sub(r"(\d)\.(\d)", r"\1\2", value),
            re.sub(r"(?<!\w)-(?=\d)", "", value),
            re.sub(r"(\d)(\d)\b", r"\1.\2", value),
            re.sub(r"(?<![\w\-])(?=\d)", "-", value, count=1),
        ],
        "quotes": [value.replace("'", '"'), value.replace("'", "\u2019"), value.replace('"', "'")],
        "other punctuation dropped": [re.sub(r"[!?:;'\"()]", "", value)],
        "full-width letters": ["".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in value)],
    }
    for style, texts in styles.items():
        for text in dict.fromkeys(texts):
            if text != value:
                yield f"restyled: {style}", text


def _rewritten(entry: Entry, full: list[Call]) -> Iterator[tuple[str, str, str]]:
    """(mutation, format, text) of the right answer, written in other ways."""
    text = hermes(full)
    yield "written with white space", "hermes", text.replace("\n{", "\n\n  {\n ").replace("}\n", "}\n\n")
    yield "written on one line", "hermes", text.replace(">\n{", ">{").replace("}\n<", "}<")
    yield "written with prose around", "hermes", f"I will call it now.\n{text}\nDone."
    yield "written with thinking", "hermes", f"<think>\nIt is easy.\n</think>\n\n{text}"
    yield "a broken call beside the right ones", "hermes", f'{text}\n<tool_call>\n{{"name": "f", "argum\n</tool_call>'
    quoted = re.sub(r'"arguments": (\{.*\})\}\n', lambda m: f'"arguments": {json.dumps(m[1])}}}\n', text)
    yield "arguments as JSON text", "hermes", quoted
    yield "parameters for arguments", "hermes", text.replace('"arguments": ', '"parameters": ')
    if (text := pythonic(full)) is None:
        return
    yield "written with white space", "pythonic", text.replace("(", "(\n  ", 1).replace("=", " = ", 1)
    yield "brackets left out", "pythonic", text[1:-1]
    yield "closing bracket left out", "pythonic", text[:-1]
    yield "written with prose around", "pythonic", f"I will call it now.\n{text}\nDone."
    yield "names as values", "pythonic", re.sub(r"='([A-Za-z_]\w*)'", r"=\1", text)
    yield "sums as values", "pythonic", re.sub(r"=(\d{1,9})(?=[,)])", lambda m: f"={int(m[1]) - 1}+1", text)
    yield "true and false in lower case", "pythonic", text.replace("=True", "=true").replace("=False", "=false")
    yield "positional arguments", "pythonic", re.sub(r"(?<=[(])[A-Za-z_]\w*=(?=['\d\[])", "", text)


def _call(entry: Entry, item: dict[str, Any], optional: bool = True, last: bool = False) -> Call:
    """A right call with the first (or `last`) accepted value of each argument, with or without optional arguments."""
    ((name, answers),) = item.items()
    document = _document(entry, name)["parameters"]
    arguments = {}
    for key, accepted in answers.items():
        values = [value for value in accepted if value != ""] or [""]
        may_go = "" in accepted and key not in document["required"]
        if key in document["properties"] and not (may_go and (not optional or values == [""])):
            arguments[key] = _first(values[-1 if last else 0])
    return name, arguments


def _first(value: Any) -> Any:
    """An accepted value as a model would write it: a dict takes the first accepted value of each key."""
    if isinstance(value, dict):
        return {key: next((v for v in accepted if v != ""), "") for key, accepted in value.items()}
    return [_first(v) if isinstance(v, dict) else v for v in value] if isinstance(value, list) else value


def _document(entry: Entry, name: str) -> dict[str, Any]:
    return next(document for document in entry.functions if document["name"] == name)
