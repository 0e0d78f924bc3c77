"""Find the cause of a disagreement with BFCL among the known differences (differences.py).

Either the two sides read different calls from the text, and a test of READING holds. Or they pair the calls differently
(GREEDY). Or their verdicts on single arguments differ, and a test of VALUES holds for each such argument. Anything else
stays unexplained.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

from awpo_verl.rewards.outcome.values import compare_objects
from benchmarks.bfcl import official
from benchmarks.bfcl.causes import Argument, Case
from benchmarks.bfcl.differences import GREEDY, READING, VALUES, Difference
from benchmarks.bfcl.relations import MISSING


def explain(case: Case) -> list[str]:
    """The names of the differences that cause the disagreement; empty if none explains it."""
    if case.theirs is None or _plain(case.theirs) != _plain([{c.name: c.arguments} for c in case.response.calls]):
        return _names(READING, case, case.ours_right)
    if case.response.problems:  # both read the same calls, and BFCL drops a block
        return _names(READING, case, case.ours_right)
    best: list[str] = []
    for pairs in _pairings(case):
        causes = [_explain_pair(case, *pair) for pair in pairs]
        if not pairs or not all(causes):
            continue
        found = sorted(set(itertools.chain.from_iterable(causes)))
        if not best or len(found) < len(best):
            best = found
    if not best and case.ours_right and _greedy(case):
        return [GREEDY.name]
    return best


def _names(differences: tuple[Difference, ...], what: Any, ours_right: bool) -> list[str]:
    side = "ours" if ours_right else "BFCL"
    return [item.name for item in differences if item.accepted_by == side and item.holds(what)][:1]


def _pairings(case: Case) -> Iterator[list[tuple[int, int]]]:
    """The accepting side's ways to pair expected and made calls; of each way, the pairs with different verdicts."""
    theirs = case.theirs or []
    size = len(case.expected)
    if len(theirs) != size:
        return
    ours = [[_ours(case, i, j) for j in range(size)] for i in range(size)]
    bfcl = [[_bfcl(case, i, j) for j in range(size)] for i in range(size)]
    accepting, other = (ours, bfcl) if case.ours_right else (bfcl, ours)
    fits = [[j for j in range(size) if accepting[i][j]] for i in range(size)]
    for way in itertools.islice(_permutations(fits), 200):
        yield [(i, j) for i, j in enumerate(way) if not other[i][j]]


def _permutations(fits: list[list[int]], taken: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    if len(taken) == len(fits):
        yield taken
        return
    for j in fits[len(taken)]:
        if j not in taken:
            yield from _permutations(fits, (*taken, j))


def _greedy(case: Case) -> bool:
    """Whether BFCL accepts all calls in some pairing that it did not try."""
    size = len(case.expected)
    fits = [[j for j in range(size) if _bfcl(case, i, j)] for i in range(size)]
    return len(case.theirs or ()) == size and next(_permutations(fits), None) is not None


def _ours(case: Case, i: int, j: int) -> bool:
    expected, made = case.expected[i], case.response.calls[j]
    parameters = case.tools[expected.name].parameters
    return expected.name == made.name and (
        compare_objects(expected.arguments, made.arguments, parameters, "normalized").equal
    )


def _bfcl(case: Case, i: int, j: int) -> bool:
    name = case.expected[i].name
    document = next(item for item in case.entry.functions if item["name"] == name)
    return official.check_call(document, (case.theirs or [])[j], case.entry.answer[i])


def _explain_pair(case: Case, i: int, j: int) -> list[str]:
    """The causes of one pair of calls; empty if one of its differing arguments has no known cause."""
    causes = []
    for argument in _arguments(case, i, j):
        found = _names(VALUES, argument, argument.ours_right)
        if argument.ours_right != case.ours_right or not found:
            return []
        causes += found
    return causes


def _arguments(case: Case, i: int, j: int) -> Iterator[Argument]:
    """The arguments on which the verdicts differ, each checked alone."""
    name = case.expected[i].name
    document = next(item for item in case.entry.functions if item["name"] == name)["parameters"]
    answers = case.entry.answer[i][name]
    mine, other = case.response.calls[j].arguments, (case.theirs or [])[j][name]
    for key in {**answers, **mine}:
        known = {key: document["properties"][key]} if key in document["properties"] else {}
        alone = {"name": name, "parameters": {"properties": known, "required": {key} & set(document["required"])}}
        answer = {name: {key: answers[key]} if key in answers else {}}
        theirs_right = official.check_call(alone, {name: {key: other[key]} if key in other else {}}, answer)
        pattern = {key: case.expected[i].arguments[key]} if key in case.expected[i].arguments else {}
        given = {key: mine[key]} if key in mine else {}
        ours_right = compare_objects(pattern, given, case.tools[name].parameters, "normalized").equal
        if ours_right != theirs_right:
            yield Argument(
                key=key,
                schema=case.tools[name].property(key),
                accepted=answers.get(key),
                pattern=pattern.get(key),
                ours=mine.get(key, MISSING),
                theirs=other.get(key, MISSING),
                ours_right=ours_right,
            )


def _plain(value: Any) -> str:
    """A text that is equal for equal readings: JSON, where a tuple is a list and 1 is not 1.0."""
    return json.dumps(value, sort_keys=True, default=str)
