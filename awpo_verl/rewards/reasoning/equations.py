r"""The sums that a text writes out, such as `6*17 = 102`, and whether they are true. A parser of its own, no eval.

A side of an equation is numbers joined by + - * / (also x, ×, ·, ÷, −, \times, \cdot, \div), with brackets; one of the
two sides has an operator. What is next to a letter, `%`, `^` or `!` that it would depend on is no sum: `2x + 3 = 5`,
`f(1+1) = 3` and `20*5% = 1` are left alone, and so is a side of more than MAX_TOKENS tokens or with a number of more
than MAX_DIGITS. Time is linear in the text.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

MAX_EQUATIONS = 256
MAX_EVALUATED = 1024  # with those whose left side was there before
MAX_TOKENS = 32
MAX_DIGITS = 15

_TIMES, _MINUS = "\u00d7", "\u2212"  # as they are typeset; both look like another character
_TOKEN = re.compile(
    r"(?P<bullet>^[ \t]*[-*+•][ \t])"
    r"|(?P<poison>\*\*|[%^!]|\.[0-9]"
    r"|(?<![0-9])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])|(?<![0-9.,])0[0-9]+)"  # dates, 05: no numbers, though of digits
    rf"|(?P<number>(?:(?<![\w).\]])[-{_MINUS}](?=[0-9]))?[0-9]+(?:,[0-9]{{3}})*(?:\.[0-9]+)?)"
    rf"|(?P<op>[-+*/()·÷{_TIMES}{_MINUS}]|\\times|\\cdot|\\div|[xX](?![^\W\d]))"
    r"|(?P<equals>(?<![<>!~])={1,2}(?![>=]))"
    r"|(?P<blank>[ \t$€£`]+)"
    r"|(?P<word>\w+)"
    r"|(?P<other>\\[()\[\]]|[\s\S])",  # the former: marks of a formula in TeX
    re.MULTILINE,
)
_OPERATORS = {
    **dict.fromkeys(["x", "X", "·", _TIMES, "\\times", "\\cdot"], "*"),
    **dict.fromkeys(["÷", "\\div"], "/"),
    _MINUS: "-",
}


@dataclass(frozen=True, slots=True)
class Equation:
    """One equation, and whether it is true.

    Attributes:
        left: the tokens left of the `=`, without blanks.
        operands: the numbers among them.
        result: the number right of the `=`; None where there is a sum.
    """

    left: str
    operands: tuple[Fraction, ...]
    result: Fraction | None
    true: bool


def equations(text: str) -> tuple[Equation, ...]:
    """The first MAX_EQUATIONS equations, one for each left side: where it is written again, the last one counts.

    So a slip that is noticed and put right costs nothing.
    """
    found: dict[str, Equation] = {}
    pairs = (pair for sides in _chains(text) for pair in itertools.pairwise(sides))
    for left, right in itertools.islice(pairs, MAX_EVALUATED):
        equation = _equation(left, right)
        if equation is not None and (equation.left in found or len(found) < MAX_EQUATIONS):
            found[equation.left] = equation
    return tuple(found.values())


def _chains(text: str) -> Iterator[list[list[str]]]:
    """Runs of sides joined by `=`; each side a list of numbers, operators and brackets, [] where it is no sum.

    None goes over the end of a line, so the many lines without a `=` are not looked at.
    """
    for line in text.split("\n"):
        if "=" in line:
            yield from _chains_of_line(line)


def _chains_of_line(text: str) -> Iterator[list[list[str]]]:
    sides: list[list[str]] = [[]]
    spoiled = False  # the side depends on something that is no number
    for match in _TOKEN.finditer(text):
        kind, token = match.lastgroup, match[0]
        if kind == "blank":
            continue
        if kind in ("number", "op"):
            sides[-1].append(_OPERATORS.get(token, token))
        elif kind == "poison":
            spoiled = True
        elif kind == "equals":
            sides[-1] = [] if spoiled else sides[-1]
            sides.append([])
            spoiled = False
        else:
            last = sides[-1]
            if kind == "word" and last and not _is_number(last[-1]):  # "2 + apples": the word is part of the sum
                spoiled = True
            sides[-1] = [] if spoiled else last
            if len(sides) > 1:
                yield sides
            sides = [[]]
            spoiled = kind == "word" and text[match.end() : match.end() + 1] == "("  # a function's argument
    sides[-1] = [] if spoiled else sides[-1]
    if len(sides) > 1:
        yield sides


def _equation(left: list[str], right: list[str]) -> Equation | None:
    if len(left) < 3 and len(right) < 3:
        return None
    a, b = _value(left), _value(right)
    if a is None or b is None:
        return None
    true = a == b or (len(right) == 1 and _rounded(a, b, places=len(right[0].partition(".")[2])))
    operands = tuple(_fraction(token) for token in left if _is_number(token))
    return Equation("".join(left), operands, b if len(right) == 1 else None, true)


def _rounded(exact: Fraction, written: Fraction, places: int) -> bool:
    """A result that is written with decimals may be rounded to them, or cut off after them; 10 / 3 = 3 is false."""
    unit = Fraction(1, 10**places)
    cut = exact * written >= 0 and 0 <= abs(exact) - abs(written) < unit
    return places > 0 and (cut or 2 * abs(exact - written) <= unit)


def _value(side: list[str]) -> Fraction | None:
    """By precedence climbing without recursion: a stack of (sum so far, term so far, pending operator) per bracket."""
    if not side or len(side) > MAX_TOKENS:
        return None
    stack: list[tuple[Fraction, Fraction, str]] = []
    total, term, pending = Fraction(0), Fraction(1), "*"
    wants_number = True
    for token in side:
        if wants_number and token == "(":
            stack.append((total, term, pending))
            total, term, pending = Fraction(0), Fraction(1), "*"
            continue
        if not wants_number and token == ")" and stack:
            number = total + term
            total, term, pending = stack.pop()
        elif wants_number and _is_number(token) and len(token) <= MAX_DIGITS:
            number = _fraction(token)
        elif not wants_number and token in "+-*/":
            if token in "+-":
                total, term = total + term, Fraction(1 if token == "+" else -1)
            pending = token if token in "*/" else "*"
            wants_number = True
            continue
        else:
            return None
        if pending == "/" and number == 0:
            return None
        term = term * number if pending == "*" else term / number
        wants_number = False
    return None if wants_number or stack else total + term


def _is_number(token: str) -> bool:
    return token[-1].isdigit()


def _fraction(token: str) -> Fraction:
    return Fraction(token.replace(",", "").replace(_MINUS, "-"))
