"""A disagreement with BFCL, and the tests that find its cause in the reading or in single arguments."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from awpo_verl.rewards.outcome import Response, ToolCall, ToolSchemas
from awpo_verl.rewards.outcome.values import AnyOf, accepts
from benchmarks.bfcl.official import Entry
from benchmarks.bfcl.relations import MISSING, relations

Calls = list[dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Case:
    """A response on which the verdicts differ, as each side read it. `theirs` is None if BFCL raised while reading."""

    entry: Entry
    expected: tuple[ToolCall, ...]
    tools: ToolSchemas
    format: str
    text: str
    response: Response
    theirs: Calls | None
    ours_right: bool


@dataclass(frozen=True)
class Argument:
    """One argument on which the verdicts differ: what each side read (MISSING if absent), and the answer.

    accepted is None if the possible answer does not have the argument.
    """

    key: str
    schema: Any
    accepted: list[Any] | None
    pattern: Any
    ours: Any
    theirs: Any
    ours_right: bool


def alike(argument: Argument, given: Any) -> list[set[str]]:
    """How the given value relates to each accepted value that it resembles (see relations)."""
    accepted = argument.accepted or []
    values = [value for value in accepted if value != ""] or accepted
    found = (relations(value, given, argument.schema) for value in values)
    return [item for item in found if item is not None]


def differs_by(tag: str, also: set[str]) -> Callable[[Argument], bool]:
    """A test: does the value differ from an accepted one only by `tag`, and perhaps by `also`?"""

    def holds(argument: Argument) -> bool:
        if argument.ours is MISSING or argument.accepted is None:
            return False
        return any(tag in found and found <= {tag, "same"} | also for found in alike(argument, argument.ours))

    return holds


def _default(argument: Argument) -> Any:
    return (argument.schema or {}).get("default", MISSING)


def default_left_out(argument: Argument) -> bool:
    default = _default(argument)
    left = argument.ours is MISSING and default is not MISSING and isinstance(argument.pattern, AnyOf)
    return left and accepts(argument.pattern, default, argument.schema, "normalized")


def default_written(argument: Argument) -> bool:
    default = _default(argument)
    pattern = argument.pattern
    may_be_absent = isinstance(pattern, AnyOf) and pattern.optional
    absent = pattern is None or (may_be_absent and not accepts(pattern, argument.ours, argument.schema, "normalized"))
    written = absent and argument.ours is not MISSING and default is not MISSING
    return written and accepts(default, argument.ours, argument.schema, "normalized")


def inner_default_left_out(argument: Argument) -> bool:
    return argument.ours is not MISSING and any("default" in found for found in alike(argument, argument.ours))


def empty_list(argument: Argument) -> bool:
    accepted = argument.accepted or []
    return argument.ours == [] and "" in accepted and [] not in accepted


def empty_string(argument: Argument) -> bool:
    return argument.ours == "" and argument.accepted is not None and "" in argument.accepted


def tuple_for_list(argument: Argument) -> bool:
    return _has_tuple(argument.theirs) and any(
        found <= {"same", "int", "restyled"} for found in alike(argument, argument.ours)
    )


def _has_tuple(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_tuple, value.values()))
    return isinstance(value, tuple) or (isinstance(value, list) and any(map(_has_tuple, value)))


def value_nodes(text: str) -> list[ast.AST]:
    """The AST nodes of the values in pythonic text; empty if Python cannot parse it."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return []
    values = [key.value for call in ast.walk(tree) if isinstance(call, ast.Call) for key in call.keywords]
    return [node for value in values for node in ast.walk(value)]


def has_name(case: Case, constants: bool) -> bool:
    """Whether a value in pythonic text is a bare name: true, false or null with `constants`, else another name."""
    names = {node.id for node in value_nodes(case.text) if isinstance(node, ast.Name)}
    json_names = {"true", "false", "null"}
    return case.format == "pythonic" and bool(names & json_names if constants else names - json_names)


def broken_block(case: Case) -> bool:
    return case.format == "hermes" and bool(case.response.problems) and bool(case.response.calls)


def parsed_blocks(case: Case) -> list[Any]:
    """The JSON of each block; None for a block that is not JSON."""
    found = []
    for block in re.findall(r"<tool_call>(.*?)</tool_call>", case.text, re.DOTALL):
        try:
            found.append(json.loads(block))
        except ValueError:
            found.append(None)
    return found


def hermes(test: Callable[[Case], bool]) -> Callable[[Case], bool]:
    return lambda case: case.format == "hermes" and test(case)


def pythonic(test: Callable[[Case], bool]) -> Callable[[Case], bool]:
    return lambda case: case.format == "pythonic" and test(case)


def positional_arguments(text: str) -> list[ast.expr]:
    """The positional arguments in pythonic text."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return []
    return [arg for call in ast.walk(tree) if isinstance(call, ast.Call) for arg in call.args]
