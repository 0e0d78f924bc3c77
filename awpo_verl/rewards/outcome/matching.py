"""Matching the calls that were made with those that were expected: `exact`, and `graded` with partial credit.

Calls are paired so that the total credit is highest, whatever their order: an optimal assignment, not a greedy one. A
pair of another name earns nothing. A pair of the same name earns

    0.2 + 0.3 * key + 0.5 * value        key   = |keys both have|  / |keys either has|
                                         value = |keys both have with the right value| / |keys either has|

(1 without any keys). With n calls expected and m made, of which some did not parse:

    graded = sum of the pairs' credit / max(n, m),  in [0, 1];  exact = (graded == 1): every call right, none extra.

So a missing call, an extra call and a call that does not parse each cost a full share. Where no call is expected,
both are 1 if the response calls nothing and says something, else 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from awpo_verl.rewards.outcome.calls import Response, ToolCall
from awpo_verl.rewards.outcome.schema import Tools
from awpo_verl.rewards.outcome.values import Compared, compare_objects

NAME_CREDIT, KEY_CREDIT, VALUE_CREDIT = 0.2, 0.3, 0.5


@dataclass(frozen=True, slots=True)
class Match:
    """How a response's calls compare with the expected ones.

    Attributes:
        exact: all calls are right, and nothing else was called.
        name, key, value: in [0, 1], the three scores above, averaged over max(n, m).
        refused: calls were expected, and a response that says something makes none.
        needless: a call was made where none was expected.
        failures: (kind, detail) of what is wrong, for tables; empty exactly where `exact`.
    """

    exact: bool
    name: float
    key: float
    value: float
    refused: bool = False
    needless: bool = False
    failures: tuple[tuple[str, str], ...] = ()

    @property
    def graded(self) -> float:
        """In [0, 1]; 1 exactly where `exact`."""
        if self.exact:
            return 1.0
        return NAME_CREDIT * self.name + KEY_CREDIT * self.key + VALUE_CREDIT * self.value

    @property
    def reason(self) -> str:
        """The first failure, "" where `exact`."""
        return ": ".join(part for part in self.failures[0] if part) if self.failures else ""


@dataclass(frozen=True, slots=True)
class _Pair:
    """An expected and a made call of the same name."""

    expected: int
    made: int
    keys: Compared

    @property
    def key(self) -> float:
        return self.keys.shared / self.keys.all if self.keys.all else 1.0

    @property
    def value(self) -> float:
        return self.keys.right / self.keys.all if self.keys.all else 1.0

    @property
    def credit(self) -> float:
        return NAME_CREDIT + KEY_CREDIT * self.key + VALUE_CREDIT * self.value


def match_calls(
    response: Response, expected: Sequence[ToolCall], tools: Tools | None = None, strings: str = "strict"
) -> Match:
    """Compare a response with the expected calls (see above). Never raises on any response.

    Args:
        response: from `parse_response`; its calls are at most MAX_CALLS.
        expected: from `expected_calls`.
        tools: from `parse_tools`, for types, defaults and uniqueItems; None = compare by JSON type alone.
        strings: "strict" or "normalized" (values.normalize).
    """
    made = response.calls
    if not expected:
        return _no_call_expected(response)
    pairs = _assign(expected, made, tools, strings)
    total = max(len(expected), len(made) + response.malformed)
    exact = len(pairs) == total and all(pair.keys.equal for pair in pairs)
    if exact:
        return Match(True, 1.0, 1.0, 1.0)
    refused = not made and not response.malformed and not response.unclosed and bool(response.content)
    return Match(
        exact=False,
        name=len(pairs) / total,
        key=sum(pair.key for pair in pairs) / total,
        value=sum(pair.value for pair in pairs) / total,
        refused=refused,
        failures=_failures(response, expected, pairs, refused),
    )


def _no_call_expected(response: Response) -> Match:
    if response.calls or response.malformed:
        called = response.calls[0].name if response.calls else response.problems[0]
        return Match(False, 0.0, 0.0, 0.0, needless=True, failures=(("a call where none was expected", called),))
    if not response.content:
        kind = "the thinking is never closed" if response.unclosed else "neither a call nor an answer"
        return Match(False, 0.0, 0.0, 0.0, failures=((kind, ""),))
    return Match(True, 1.0, 1.0, 1.0)


def _assign(expected: Sequence[ToolCall], made: Sequence[ToolCall], tools: Tools | None, strings: str) -> list[_Pair]:
    """The pairs of highest total credit. Only calls of one name can pair, so each name is a problem of its own."""
    by_name: dict[str, list[int]] = defaultdict(list)
    for index, call in enumerate(made):
        by_name[call.name].append(index)
    wanted: dict[str, list[int]] = defaultdict(list)
    for index, call in enumerate(expected):
        if call.name in by_name:
            wanted[call.name].append(index)
    pairs: list[_Pair] = []
    for name, rows in wanted.items():
        columns = by_name[name]
        tool = tools.get(name) if tools else None
        schema = tool.parameters if tool else None
        block = [
            [_Pair(i, j, compare_objects(expected[i].arguments, made[j].arguments, schema, strings)) for j in columns]
            for i in rows
        ]
        pairs += _best(block)
    return pairs


def _best(block: list[list[_Pair]]) -> list[_Pair]:
    if len(block) == 1 == len(block[0]):
        return block[0]
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(np.array([[pair.credit for pair in row] for row in block]), maximize=True)
    return [block[i][j] for i, j in zip(rows, columns, strict=True)]


def _failures(
    response: Response, expected: Sequence[ToolCall], pairs: list[_Pair], refused: bool
) -> tuple[tuple[str, str], ...]:
    """What is wrong, the most telling first."""
    if response.unclosed:
        return (("the thinking is never closed", ""),)
    if refused:
        return (("no call where one was expected", expected[0].name),)
    found: list[tuple[str, str]] = [("a call that does not parse", problem) for problem in response.problems]
    paired_expected, paired_made = {pair.expected for pair in pairs}, {pair.made for pair in pairs}
    missing = [call.name for i, call in enumerate(expected) if i not in paired_expected]
    extra = [call.name for i, call in enumerate(response.calls) if i not in paired_made]
    known = {call.name for call in expected}
    for made in extra:
        if missing and made not in known:
            found.append(("wrong tool", f"{made} for {missing.pop(0)}"))
        else:
            found.append(("extra call", made))
    found += [("missing call", name) for name in missing]
    for pair in pairs:
        name = expected[pair.expected].name
        found += [("wrong value", f"{name}.{key}") for key in pair.keys.wrong]
        found += [("missing argument", f"{name}.{key}") for key in pair.keys.missing]
        found += [("unexpected argument", f"{name}.{key}") for key in pair.keys.unexpected]
    return tuple(found)
