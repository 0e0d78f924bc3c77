"""Compare an argument with the expected value: by JSON type, and by the tool's schema if there is one.

- Types must be equal: true is not 1, "1" is not 1, null equals only null.
- Numbers compare by value: 1 is 1.0, unless the schema says integer and the call writes 1.0.
- Strings compare unchanged (`strict`), or after `normalize` (`normalized`).
- Lists compare in order, or in any order if the schema says `uniqueItems`. Objects compare in any order.
- An expected value may be `AnyOf` several values, at any depth. If the expected value of an argument or key is its
  schema's `default`, the call may leave it out. A call may also write a default that is not expected.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, cast

from awpo_verl.rewards.json_values import Json
from awpo_verl.rewards.outcome.schema import integers_only, sole_branch

_QUOTES = str.maketrans('\u2018\u2019\u201c\u201d"', "'''''")
# a number keeps its sign and its points; everywhere else, blanks and , . / - _ are dropped
_PARTS = re.compile(r"(?<![\w.])-?(?:\d+(?:\.\d+)*|(?:\.\d+)+)|\d+(?:\.\d+)*|[^\s,./\-_\d]+")
_KEPT_FORMS = ("<super>", "<sub>", "<fraction>")
MAX_UNORDERED = 64  # longest list without order whose items are paired one by one
_EMPTY: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class AnyOf:
    """An expected value that accepts each of `values`. `optional`: it may also be left out."""

    values: tuple[Any, ...]
    optional: bool = False


class Compared(NamedTuple):
    """How the keys of a given object compare with the expected ones: the number of right keys, the names of others."""

    right: int
    wrong: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]

    @property
    def shared(self) -> int:
        """The number of keys that both have."""
        return self.right + len(self.wrong)

    @property
    def all(self) -> int:
        """The number of keys that at least one has."""
        return self.right + len(self.wrong) + len(self.missing) + len(self.unexpected)

    @property
    def equal(self) -> bool:
        return not (self.wrong or self.missing or self.unexpected)


def compare_objects(
    expected: Mapping[str, Any], given: Mapping[str, Any], schema: Json = None, strings: str = "strict"
) -> Compared:
    """Compare key by key. Optional keys that are left out and defaults that are written count as absent.

    Args:
        expected: key -> JSON value or AnyOf; trusted, its size bounds the work.
        given: key -> JSON value, from the model.
        schema: JSON Schema of the object, if known.
        strings: "strict" or "normalized".
    """
    properties: dict[str, Any] = schema.get("properties", _EMPTY) if type(schema) is dict else _EMPTY
    right = absent = 0
    wrong: list[str] = []
    missing: list[str] = []
    for key, value in expected.items():
        inner: Json = properties.get(key)
        if key in given:
            if accepts(value, given[key], inner, strings):
                right += 1
            elif type(value) is AnyOf and value.optional and _writes_default(given[key], inner, strings):
                absent += 1
            else:
                wrong.append(key)
        elif not (type(value) is AnyOf and value.optional) and not _is_default(value, inner, strings):
            missing.append(key)
    unexpected: list[str] = []
    if len(given) > right + absent + len(wrong):
        for key, value in given.items():
            if key not in expected and not _writes_default(value, properties.get(key), strings):
                unexpected.append(key)
    return Compared(right, tuple(wrong), tuple(missing), tuple(unexpected))


def accepts(expected: Any, given: Any, schema: Json = None, strings: str = "strict") -> bool:
    """Whether the given JSON value is the expected one. The work is bounded by the size of the expected value.

    Both are plain JSON values (expected may hold AnyOf), so exact types are compared: this is the inner loop.
    """
    kind: object = type(expected)  # pyright: ignore[reportUnknownVariableType]
    if kind is str:
        if type(given) is not str:
            return False
        if expected == given or strings == "strict":
            return expected == given
        # a text this much longer could be equal only by padding with blanks and marks, which is refused
        return len(given) <= 8 * (len(expected) + 8) and normalize(expected) == normalize(given)
    if kind is AnyOf:
        for value in expected.values:  # noqa: SIM110  # any() of a generator takes twice as long
            if accepts(value, given, schema, strings):
                return True
        return False
    if kind is int or kind is float:
        if given != expected or type(given) not in (int, float):
            return False
        return not (kind is int and type(given) is float and integers_only(schema))
    plain: Json = given
    if kind is dict:
        return type(plain) is dict and compare_objects(expected, plain, sole_branch(schema), strings).equal
    if kind is list:
        return type(plain) is list and _lists_equal(expected, plain, sole_branch(schema), strings)
    return given is expected  # true, false, null


@lru_cache(maxsize=4096)
def normalize(text: str) -> str:
    """Fold case, unify quotes and letter forms (NFKC), and drop white space and `, . / - _` outside of numbers.

    `New York, NY` equals `new york ny`; `-5` differs from `5`, `1.5` from `15`, `5 10` from `510`, and `1,000` from
    `1000`. A text of which nothing would be left stays unchanged.
    """
    folded = text.casefold() if text.isascii() else _fold(text)
    result: list[str] = []
    for part in _PARTS.findall(folded.translate(_QUOTES)):
        if result and part[-1].isdigit() and result[-1][-1].isdigit():
            result.append(" ")
        result.append(part)
    return "".join(result) or text


def _fold(text: str) -> str:
    """NFKC and case folding; 5² stays different from 52."""
    kept = (
        c if unicodedata.decomposition(c).startswith(_KEPT_FORMS) else unicodedata.normalize("NFKC", c) for c in text
    )
    return unicodedata.normalize("NFC", "".join(kept)).casefold()


def _lists_equal(expected: list[Any], given: list[Any], schema: Json, strings: str) -> bool:
    if len(expected) != len(given):
        return False
    items: Json = schema.get("items") if type(schema) is dict else None
    if all(accepts(want, got, items, strings) for want, got in zip(expected, given, strict=True)):
        return True
    if type(schema) is not dict or schema.get("uniqueItems") is not True:
        return False
    if len(expected) > MAX_UNORDERED:  # compared as canonical texts, which know no alternatives and no nested defaults
        return Counter(_canonical(item, strings) for item in expected) == Counter(
            _canonical(item, strings) for item in given
        )
    return perfect_matching([[accepts(want, got, items, strings) for got in given] for want in expected])


def _canonical(value: Any, strings: str) -> str:
    """A text that is the same for equal values: numbers by value, strings as they compare."""

    def walk(value: Any) -> Json:
        if type(value) is AnyOf:
            return walk(value.values[0])
        if type(value) is float and value.is_integer():
            return int(value)
        if type(value) is str and strings == "normalized":
            return normalize(value)
        plain: Json = value
        if isinstance(plain, list):
            return [walk(item) for item in plain]
        return {key: walk(item) for key, item in plain.items()} if isinstance(plain, dict) else plain

    return json.dumps(walk(value), sort_keys=True)


def perfect_matching(fits: list[list[bool]]) -> bool:
    """Whether each row can have a column of its own in which it is True. There are as many columns as rows."""
    return all(fits[row][column] for row, column in best_pairs(fits))


def best_pairs(credits: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Pair rows with columns, one to one, so that the sum of their credits is highest.

    Args:
        credits: [N, M], what the pair of a row and a column earns.

    Returns:
        min(N, M) pairs of row and column.
    """
    import numpy as np
    from scipy import optimize  # pyright: ignore[reportMissingTypeStubs]

    assign = cast("Any", optimize.linear_sum_assignment)  # pyright: ignore[reportUnknownMemberType]
    rows, columns = assign(np.asarray(credits, dtype=np.float64), maximize=True)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _is_default(expected: Json | AnyOf, schema: Json, strings: str) -> bool:
    return type(schema) is dict and "default" in schema and accepts(expected, schema["default"], schema, strings)


def _writes_default(given: Json, schema: Json, strings: str) -> bool:
    return type(schema) is dict and "default" in schema and accepts(schema["default"], given, schema, strings)
