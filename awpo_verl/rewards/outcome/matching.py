"""Match the calls that were made with the expected ones: `exact`, and `graded` with partial credit.

Calls are paired in any order so that the total credit is highest (an optimal assignment, not a greedy one). Only calls
of the same tool pair. A pair earns

    0.2 + 0.3 * key + 0.5 * value        key   = |keys both have|  / |keys either has|
                                         value = |keys both have with the right value| / |keys either has|

(1 without any keys). With n calls expected and m made, of which some did not parse:

    graded = sum of the pairs' credit / max(n, m),  in [0, 1];  exact = (graded == 1): every call right, none extra.

So a missing call, an extra call and a call that does not parse each cost a full share. If no call is expected, both
are 1 for a response that calls nothing and answers with a letter or a digit, else 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from awpo_verl.rewards.outcome.calls import Response, ToolCall
from awpo_verl.rewards.outcome.schema import ToolSchemas, schema_of
from awpo_verl.rewards.outcome.values import Compared, best_pairs, compare_objects, perfect_matching

NAME_CREDIT, KEY_CREDIT, VALUE_CREDIT = 0.2, 0.3, 0.5


class Pair(NamedTuple):
    """An expected and a made call of the same name, by index, and how their arguments compare."""

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


@dataclass(frozen=True)
class Match:
    """How a response's calls compare with the expected ones. Each score is computed on first use.

    Attributes:
        response: from `parse_response`; its calls are at most MAX_CALLS.
        expected: the calls of an ExpectedCalls.
        tools: from `parse_tools`, for types, defaults and uniqueItems; None = compare by JSON type alone.
        strings: "strict" or "normalized" (values.normalize).
    """

    response: Response
    expected: Sequence[ToolCall]
    tools: ToolSchemas | None = None
    strings: str = "strict"

    @cached_property
    def exact(self) -> bool:
        """All expected calls were made, and no others."""
        made = self.response.calls
        if not self.expected:
            r = self.response
            return not (made or r.malformed or r.unclosed) and _says_something(r.content)
        if self.response.malformed or self.response.unclosed or len(made) != len(self.expected):
            return False
        if all(map(self._right, self.expected, made)):
            return True
        fits: list[list[bool]] = []
        for call in self.expected if len(made) > 1 else ():
            fits.append([self._right(call, other) for other in made])
            if not any(fits[-1]):
                return False
        return bool(fits) and perfect_matching(fits)

    @cached_property
    def graded(self) -> float:
        """In [0, 1]; 1 exactly where `exact`."""
        if self.exact:
            return 1.0
        return NAME_CREDIT * self.name + KEY_CREDIT * self.key + VALUE_CREDIT * self.value

    @cached_property
    def name(self) -> float:
        """The share of calls that were paired, in [0, 1]."""
        return self._mean(1.0 for _ in self.pairs)

    @cached_property
    def key(self) -> float:
        """The calls' argument names, in [0, 1]."""
        return self._mean(pair.key for pair in self.pairs)

    @cached_property
    def value(self) -> float:
        """The calls' arguments, in [0, 1]."""
        return self._mean(pair.value for pair in self.pairs)

    @property
    def refused(self) -> bool:
        """Calls were expected, and the response makes none but answers in words."""
        r = self.response
        return bool(self.expected) and not (r.calls or r.malformed or r.unclosed) and _says_something(r.content)

    @property
    def needless(self) -> bool:
        """The response makes or begins a call, and none was expected."""
        return not self.expected and bool(self.response.calls or self.response.malformed)

    @cached_property
    def failures(self) -> tuple[tuple[str, str], ...]:
        """(kind, detail) of what is wrong, the most important first, for tables; empty exactly where `exact`."""
        return () if self.exact else tuple(_failures(self))

    def _right(self, expected: ToolCall, made: ToolCall) -> bool:
        """Whether the made call is the expected one."""
        if expected.name != made.name:
            return False
        schema = schema_of(self.tools, expected.name)
        return compare_objects(expected.arguments, made.arguments, schema, self.strings).equal

    @cached_property
    def pairs(self) -> list[Pair]:
        """Expected and made calls, paired for the highest total credit."""
        return _assign(self.expected, self.response.calls, self.tools, self.strings)

    def _mean(self, scores: Iterable[float]) -> float:
        """The mean over the number of calls expected or made, whichever is larger."""
        if not self.expected:
            return float(self.exact)
        r = self.response
        return sum(scores) / max(len(self.expected), len(r.calls) + r.malformed + r.unclosed)


def match_calls(
    response: Response, expected: Sequence[ToolCall], tools: ToolSchemas | None = None, strings: str = "strict"
) -> Match:
    """Compare a response with the expected calls; for the arguments see Match. Never raises on any response."""
    return Match(response, expected, tools, strings)


def _says_something(content: str) -> bool:
    """Whether the text has a letter or a digit: a dot is not an answer."""
    return any(c.isalnum() for c in content)


def _assign(
    expected: Sequence[ToolCall], made: Sequence[ToolCall], tools: ToolSchemas | None, strings: str
) -> list[Pair]:
    """The pairs with the highest total credit. Only calls of one tool can pair, so each tool is solved by itself."""
    columns: dict[str, list[int]] = defaultdict(list)
    for index, call in enumerate(made):
        columns[call.name].append(index)
    rows: dict[str, list[int]] = defaultdict(list)
    for index, call in enumerate(expected):
        if call.name in columns:
            rows[call.name].append(index)

    pairs: list[Pair] = []
    for name in rows:

        def pair(i: int, j: int, schema: Any = schema_of(tools, name)) -> Pair:  # noqa: B008
            return Pair(i, j, compare_objects(expected[i].arguments, made[j].arguments, schema, strings))

        pairs += _best(rows[name], columns[name], pair)
    return pairs


def _best(rows: list[int], columns: list[int], pair: Callable[[int, int], Pair]) -> list[Pair]:
    """The optimal assignment. If pairing in the order of the text is right everywhere, that is it."""
    in_order = [pair(i, j) for i, j in zip(rows, columns, strict=False)]
    if len(rows) == 1 == len(columns) or all(one.keys.equal for one in in_order):
        return in_order
    block = [[in_order[a] if a == b else pair(i, j) for b, j in enumerate(columns)] for a, i in enumerate(rows)]
    return [block[a][b] for a, b in best_pairs([[one.credit for one in row] for row in block])]


def _failures(match: Match) -> Iterator[tuple[str, str]]:
    """What is wrong, the most important first."""
    response, expected = match.response, match.expected
    if match.needless:
        yield "a call where none was expected", response.calls[0].name if response.calls else response.problems[0]
        return
    if response.unclosed and not response.calls:
        yield "the thinking is never closed", ""
        return
    if not expected:
        yield "neither a call nor an answer", ""
        return
    if match.refused:
        yield "no call where one was expected", expected[0].name
        return
    pairs = match.pairs
    yield from (("a call that does not parse", problem) for problem in response.problems)
    paired_expected, paired_made = {pair.expected for pair in pairs}, {pair.made for pair in pairs}
    missing = [call.name for i, call in enumerate(expected) if i not in paired_expected]
    known = {call.name for call in expected}
    for name in (call.name for j, call in enumerate(response.calls) if j not in paired_made):
        if missing and name not in known:
            yield "wrong tool", f"{name} for {missing.pop(0)}"
        else:
            yield "extra call", name
    yield from (("missing call", name) for name in missing)
    for pair in pairs:
        name = expected[pair.expected].name
        yield from (("wrong value", f"{name}.{key}") for key in pair.keys.wrong)
        yield from (("missing argument", f"{name}.{key}") for key in pair.keys.missing)
        yield from (("unexpected argument", f"{name}.{key}") for key in pair.keys.unexpected)
