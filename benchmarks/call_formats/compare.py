"""Read the cases of every call format with our reader and the servers' parsers, and count the differences."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from awpo_verl.rewards.outcome import parse_response, parse_tools
from benchmarks.call_formats.servers import VERL, VLLM, Call, read_with_verl, read_with_vllm
from tests.rewards.outcome.formats.cases import CASES, TOOLS, Case

SERVERS: dict[str, tuple[dict[str, Any], Callable[[str, Case, Any], list[Call]]]] = {
    "vllm": (VLLM, lambda format, case, tools: read_with_vllm(format, case.text, tools, case.thinking is not None)),
    "verl": (VERL, lambda format, case, tools: read_with_verl(format, case.text, tools)),
}


@dataclass(frozen=True)
class Reading:
    """One case, read by one server.

    Attributes:
        format, case, server: their names.
        ours, theirs: the calls that each side read.
        equal: both sides read the same calls.
        right, why: from Case.differs; "" without an entry.
    """

    format: str
    case: str
    server: str
    ours: list[Call]
    theirs: list[Call]
    equal: bool
    right: str = ""
    why: str = ""

    @property
    def error(self) -> str:
        """How the case contradicts what this server does; "" if it does not."""
        if self.equal and self.why:
            return f"{self.server} reads it as we do, and the case says that it does not"
        if not self.equal and not self.why:
            return f"{self.server} reads it otherwise, and the case does not say why"
        return ""


def readings() -> list[Reading]:
    """All cases, read by each server that has a parser for their format."""
    found: list[Reading] = []
    known = parse_tools(TOOLS)
    for format, cases in CASES.items():
        for case in cases:
            response = parse_response(case.text, format, known if case.tools else None)
            ours = [(call.name, call.arguments) for call in response.calls]
            for server, (parsers, read) in SERVERS.items():
                if format not in parsers:
                    continue
                theirs = read(format, case, TOOLS if case.tools else None)
                given = case.differs.get(server)
                found.append(
                    Reading(
                        format,
                        case.name,
                        server,
                        ours,
                        theirs,
                        same_calls(ours, theirs),
                        given.right if given else "",
                        given.why if given else "",
                    )
                )
    return found


def same_calls(ours: list[Call], theirs: list[Call]) -> bool:
    """Whether two lists have the same names and arguments, in order. 5.0 is 5; true is not 1."""
    return _canonical(ours) == _canonical(theirs)


def _canonical(calls: list[Call]) -> str:
    return json.dumps([[name, _number(value)] for name, value in calls], sort_keys=True)


def _number(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_number(item) for item in value]
    if isinstance(value, dict):
        return {key: _number(item) for key, item in value.items()}
    return value


def table(found: list[Reading]) -> str:
    """A Markdown table of equal and different readings by format and server; `-` if the server has no parser."""
    lines = [
        "| format | cases | equal to vLLM | different | equal to verl | different |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for format, cases in CASES.items():
        cells = [f"`{format}`", str(len(cases))]
        for server in SERVERS:
            equal = [each.equal for each in found if (each.format, each.server) == (format, server)]
            cells += [str(sum(equal)), str(len(equal) - sum(equal))] if equal else ["-", "-"]
        lines.append(f"| {' | '.join(cells)} |")
    total = ["all", str(sum(map(len, CASES.values())))]
    for server in SERVERS:
        equal = [each.equal for each in found if each.server == server]
        total += [str(sum(equal)), str(len(equal) - sum(equal))]
    return "\n".join([*lines, f"| {' | '.join(total)} |"])
