"""How a call's value differs from one that BFCL accepts, and which side ignores the difference."""

from __future__ import annotations

import re
from typing import Any

from awpo_verl.rewards.outcome.schema import integers_only
from awpo_verl.rewards.outcome.values import normalize

MISSING: Any = object()
_OVERLOOKED = (
    ("sign", re.compile(r"(?<!\w)-(?=\d)")),
    ("point", re.compile(r"(?<=\d)\.(?=\d)")),
    ("operators", re.compile(r"[*^]")),
    ("commas", re.compile(r"(?<=\d),(?=\d{3}(?!\d))")),
)


def relations(accepted: Any, given: Any, schema: Any = None, lists: bool = True) -> set[str] | None:
    """The tags of all differences between `given` and one of BFCL's accepted values; None if they are unrelated.

    Two leaves have one tag:
        same: no difference.
        restyled: both sides normalize the strings to the same text. form: only we do.
        sign, point, commas, operators, joined, empty: only BFCL does. It ignores the sign, the decimal point or the
            thousands commas of a number, the operators * and ^, or gaps between digits, or nothing is left of both.
        equal: equal in Python, but of another JSON type. int: an int and a float that JSON Schema accepts.
    Dicts can also have `default`: the given value leaves out a key whose accepted value is its default.

    Args:
        lists: a dict has a list of accepted values at each key, as on BFCL's first level.
    """
    if isinstance(accepted, dict) and isinstance(given, dict):
        return _of_dicts(accepted, given, schema, lists)
    if isinstance(accepted, list) and isinstance(given, list | tuple):
        if len(accepted) != len(given):
            return None
        items = schema.get("items") if schema else None
        return _union(
            relations(a, g, items, lists and isinstance(a, dict)) for a, g in zip(accepted, given, strict=True)
        )
    return _of_leaves(accepted, given, schema)


def _of_dicts(accepted: dict[str, Any], given: dict[str, Any], schema: Any, lists: bool) -> set[str] | None:
    if set(given) - set(accepted):
        return None
    found: list[set[str] | None] = []
    for key, values in accepted.items():
        choices = values if lists else [values]
        inner = (schema or {}).get("properties", {}).get(key)
        if key in given:
            fits = [relations(value, given[key], inner, lists=False) for value in choices]
            found.append(min((fit for fit in fits if fit is not None), key=len, default=None))
        elif lists and "" in choices:
            found.append({"same"})
        else:
            found.append({"default"} if inner and inner.get("default", MISSING) in choices else None)
    return _union(found)


def _of_leaves(accepted: Any, given: Any, schema: Any) -> set[str] | None:
    if type(accepted) is type(given) and accepted == given:
        return {"same"}
    if isinstance(accepted, str) and isinstance(given, str):
        return _of_strings(accepted, given)
    if isinstance(accepted, int | float) and isinstance(given, int | float) and accepted == given:
        same_kind = isinstance(accepted, bool) == isinstance(given, bool)
        return {"int" if same_kind and not (isinstance(given, float) and integers_only(schema)) else "equal"}
    return None


def _of_strings(accepted: str, given: str) -> set[str] | None:
    from bfcl_eval.eval_checker.ast_eval.ast_checker import standardize_string

    ours = normalize(accepted) == normalize(given)
    theirs = standardize_string(accepted) == standardize_string(given)
    if ours:
        return {"restyled" if theirs else "form"}
    if not theirs:
        return None
    if standardize_string(given) == "":
        return {"empty"}
    for tag, pattern in _OVERLOOKED:
        if normalize(pattern.sub("", accepted)) == normalize(pattern.sub("", given)):
            return {tag}
    return {"joined"} if re.search(r"\d", given) else None


def _union(parts: Any) -> set[str] | None:
    parts = list(parts)
    return None if None in parts else set[str]().union(*parts)
