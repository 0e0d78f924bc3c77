"""Validate a model's values with jsonschema, within a budget of steps.

On values that a model chooses freely, recursive and branching schemas can take exponential time, and some keywords
quadratic time. Each keyword that is applied costs a step. When the budget is spent, the rest is not checked, and a
problem says so.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, NoReturn, cast

from awpo_verl.rewards.json_values import Json

MAX_STEPS = 1_024  # keywords applied to the calls of one response
PATTERN_SECONDS = 0.005  # for one pattern on one string; a pattern that needs more spends the whole budget
PATTERN_STEPS = 64  # the cost of a pattern that takes nearly as long, so that many of them are bounded too


class SchemaProblem(ValueError):  # noqa: N818  # it is a finding about data
    """A schema is not a JSON Schema. The message says where and why."""


class BudgetSpentError(RuntimeError):
    """No steps are left for this response."""


class Budget:
    """The steps left for one response."""

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        self.left -= steps
        if self.left < 0:
            raise BudgetSpentError

    def exhaust(self) -> NoReturn:
        self.left = 0
        raise BudgetSpentError

    def problems(self, validator: Any, arguments: Mapping[str, Any]) -> list[str]:
        """How the arguments break the schema: one short text for each keyword that fails."""
        from referencing.exceptions import Unresolvable

        found: list[str] = []
        token = _BUDGET.set(self)
        try:
            for error in validator.iter_errors(dict(arguments)):
                where = ".".join(str(part) for part in error.absolute_path)
                found.append(f"{where or 'arguments'}: {error.validator}")
        except BudgetSpentError:
            found.append("not checked to the end: too much for this schema")
        except RecursionError:
            found.append("not checked: the schema leads in circles")
        except Unresolvable as error:
            found.append(f"not checked: the schema has a reference that leads nowhere: {str(error)[:80]}")
        finally:
            _BUDGET.reset(token)
        return found


_BUDGET: ContextVar[Budget] = ContextVar("awpo_schema_budget")


def make_validator(schema: Mapping[str, Any]) -> Any:
    """A validator of the schema, for `Budget.problems`."""
    from referencing import Registry

    # an empty registry: without one, jsonschema fetches references over the network
    return _validator_class()(schema, registry=cast("Any", Registry)())


def check_schema(schema: Any) -> None:
    """Raise SchemaProblem unless it is a JSON Schema. Patterns are not compiled, because their dialects differ."""
    from jsonschema import SchemaError

    try:
        _validator_class().check_schema(schema, format_checker=None)
    except SchemaError as error:
        where = ".".join(str(part) for part in cast("Any", error).absolute_path)
        raise SchemaProblem(f"{where or 'top'}: {error.message[:200]}") from None


@lru_cache(maxsize=1)
def _validator_class() -> Any:
    from jsonschema import Draft202012Validator, validators

    checker = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
    own = {
        "pattern": _pattern,
        "patternProperties": _nothing,
        "additionalProperties": _additional_properties,
        "unevaluatedProperties": _nothing,  # jsonschema's searches the patterns of patternProperties, without a limit
        "uniqueItems": _unique_items,
    }
    rules: dict[str, Callable[..., Any]] = {**cast("dict[str, Any]", Draft202012Validator.VALIDATORS), **own}
    keywords = {name: _counted(rule) for name, rule in rules.items()}
    return cast("Any", validators).extend(Draft202012Validator, keywords, type_checker=checker)


def _is_integer(_: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _counted(rule: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    """Make the rule cost one step, and one more for each 16 items that it may look at."""

    def run(validator: Any, value: Any, instance: Json, schema: Any) -> Iterator[Any]:
        budget = _BUDGET.get(None)
        if budget is not None:  # None: a schema is being checked; schemas are trusted
            budget.spend(1 + (len(instance) if isinstance(instance, list) else 0) // 16)
        yield from rule(validator, value, instance, schema) or ()

    return run


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    import regex
    from jsonschema import ValidationError

    if not isinstance(instance, str):
        return
    began = time.thread_time()  # processor time of this thread: a busy machine costs no steps
    try:
        matched = regex.search(pattern, instance, timeout=PATTERN_SECONDS)
        _BUDGET.get().spend(int((time.thread_time() - began) / PATTERN_SECONDS * PATTERN_STEPS))
    except TimeoutError:
        _BUDGET.get().exhaust()
    except regex.error:
        yield ValidationError("a pattern of another dialect, which cannot be checked")
        return
    if matched is None:
        yield ValidationError("does not match the pattern")


def _unique_items(validator: Any, unique: bool, instance: Json, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if unique and isinstance(instance, list):
        seen = {json.dumps(item, sort_keys=True) for item in instance}
        if len(seen) < len(instance):
            yield ValidationError("has non-unique elements")


def _additional_properties(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
    """Like jsonschema's, but not beside patternProperties: it would search their patterns without a limit."""
    from jsonschema import Draft202012Validator

    if "patternProperties" not in schema:
        yield from Draft202012Validator.VALIDATORS["additionalProperties"](validator, value, instance, schema) or ()


def _nothing(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
    yield from ()
