"""Convert BFCL's possible answers to our ground truth, so that you can train on its Python single-turn categories.

BFCL writes `[{"book": {"city": ["NYC", "New York"], "nights": [2, ""]}}]`: for every argument a list of accepted
values, where "" means that it may be left out. A dict among the values, or in a list among them, has such lists at each
of its keys; deeper values are plain. `parse_tools` reads BFCL's function documents as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from awpo_verl.rewards.outcome import ToolSchemas, parse_tools

_LEAVE_OUT = ""


def ground_truth_text(possible_answer: Any, functions: Any) -> str:
    """The ground truth of a row, `{"tool_calls": [...]}` as JSON text, for `read_target`.

    Args:
        possible_answer: the entry's `ground_truth`: a list of calls, each `{name: {argument: [accepted values]}}`.
        functions: the entry's `function`, the documents of the functions that the prompt offers; a list or JSON text.

    Raises:
        ValueError: the answer is not of this form, or no call could satisfy it: it names a function or demands an
            argument that the documents do not have, lacks a required argument, or accepts no value of an argument.
            BFCL has four such entries.
    """
    tools = parse_tools(functions) or {}
    if not isinstance(possible_answer, Sequence) or isinstance(possible_answer, str):
        raise ValueError(f"a possible answer must be a list of calls, got {_shown(possible_answer)}.")
    return json.dumps({"tool_calls": [_call(item, tools) for item in possible_answer]}, ensure_ascii=False)


def _call(item: Any, tools: ToolSchemas) -> dict[str, Any]:
    """One call of a possible answer, with `$any` and `$optional`."""
    if not isinstance(item, Mapping) or len(item) != 1 or not isinstance(next(iter(item.values())), Mapping):
        raise ValueError(f"a call must be {{name: {{argument: [accepted values]}}}}, got {_shown(item)}.")
    ((name, answers),) = item.items()
    if name not in tools:
        raise ValueError(f"no call can be right: the functions have no {name!r}.")
    tool = tools[name]
    required = set(tool.parameters.get("required", ()))
    if missing := required - set(answers):
        raise ValueError(f"no call can be right: {name} requires {sorted(missing)}, which the answer does not have.")
    arguments: dict[str, Any] = {}
    for key, accepted in answers.items():
        where = f"{name}.{key}"
        if not isinstance(accepted, list):
            raise ValueError(f"{where}: the accepted values must be a list, got {_shown(accepted)}.")
        may_go = _LEAVE_OUT in accepted and key not in required
        pattern = _pattern(accepted, tool.property(key), where) if key in tool.order else None
        if pattern is not None:
            arguments[key] = {**pattern, "$optional": True} if may_go else pattern
        elif not may_go:
            reason = "no value of it is accepted" if key in tool.order else "the function does not have it"
            raise ValueError(f"no call can be right: the answer demands {where}, and {reason}.")
    return {"name": name, "arguments": arguments}


def _pattern(accepted: list[Any], schema: Any, where: str) -> dict[str, Any] | None:
    """An argument's accepted values, None if there is none.

    "" means that the argument may be left out. It is also an accepted value if it is the default, or the only value
    of a string.
    """
    schema = schema if isinstance(schema, Mapping) else {}
    values = [value for value in accepted if value != _LEAVE_OUT]
    may_be_empty = schema.get("default") == _LEAVE_OUT or (not values and schema.get("type") == "string")
    if _LEAVE_OUT in accepted and may_be_empty:
        values.append(_LEAVE_OUT)
    return {"$any": [_value(value, where) for value in values]} if values else None


def _value(value: Any, where: str) -> Any:
    """An accepted value: a dict, or each dict of a list, has accepted values at its keys; other values are plain."""
    if isinstance(value, Mapping):
        return {key: _inner(accepted, f"{where}.{key}") for key, accepted in value.items()}
    if isinstance(value, list):
        return [_value(item, where) if isinstance(item, Mapping) else item for item in value]
    return value


def _inner(accepted: Any, where: str) -> dict[str, Any]:
    if not isinstance(accepted, list) or not accepted:
        raise ValueError(f"{where}: the accepted values must be a list of one or more, got {_shown(accepted)}.")
    values = [value for value in accepted if value != _LEAVE_OUT] or accepted
    return {"$any": values, "$optional": True} if _LEAVE_OUT in accepted else {"$any": values}


def _shown(value: Any) -> str:
    return repr(value)[:200]
