r"""Find the equations that a text writes out, such as `6*17 = 102`, and check whether they are true, without eval.

A side of an equation consists of numbers, + - * / (also x, ×, ·, ÷, −, \times, \cdot, \div) and brackets. At least one
side has an operator. A side that depends on a letter, `%`, `^` or `!` is ignored: `2x + 3 = 5`, `f(1+1) = 3`,
`20*5% = 1`. So is a side of more than MAX_TOKENS tokens, or with a number of more than MAX_DIGITS digits. This takes
time linear in the length of the text.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

MAX_EQUATIONS = 256
MAX_EVALUATED = 1024  # including equations with the left side of an earlier one
MAX_TOKENS = 32
MAX_DIGITS = 15

_TIMES, _MINUS = "\u00d7", "\u2212"  # the typeset signs, which look like other characters
_TOKEN = re.compile(
    r"(?P<bullet>^[ \t]*[-*+•][ \t])"
    r"|(?P<poison>\*\*|[%^!]|\.[0-9]"
    r"|(?<![0-9])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])|(?<![0-9.,])0[0-9]+)"  # dates and 05 are not numbers
    rf"|(?P<number>(?:(?<![\w).\]])[-{_MINUS}](?=[0-9]))?[0-9]+(?:,[0-9]{{3}})*(?:\.[0-9]+)?)"
    rf"|(?P<op>[-+*/()·÷{_TIMES}{_MINUS}]|\\times|\\cdot|\\div|[xX](?![^\W\d]))"
    r"|(?P<equals>(?<![<>!~])={1,2}(?![>=]))"
    r"|(?P<blank>[ \t$€£`]+)"
    r"|(?P<word>\w+)"
    r"|(?P<other>\\[()\[\]]|[\s\S])",  # first: marks of a TeX formula
    re.MULTILINE,
)
_OPERATORS = {
    **dict.fromkeys(["x", "X", "·", _TIMES, "\\times", "\\cdot"], "*"),
    **dict.fromkeys(["÷", "\\div"], "/"),
    _MINUS: "-",
}


@dataclass(frozen=True, slots=True)
class Equation:
    """One equation.

    Attributes:
        left: the tokens left of the `=`, without blanks.
        operands: the numbers among them.
        result: the number right of the `=`; None if the right side has an operator.
        true: whether both sides are equal.
    """

    left: str
    operands: tuple[Fraction, ...]
    result: Fraction | None
    true: bool


def find_equations(text: str) -> tuple[Equation, ...]:
    """The first MAX_EQUATIONS equations, one for each left side. The last one with a left side counts.

    So a mistake that the text corrects costs nothing.
    """
    found: dict[str, Equation] = {}
    pairs = (pair for sides in _chains(text) for pair in itertools.pairwise(sides))
    for left, right in itertools.islice(pairs, MAX_EVALUATED):
        equation = _equation(left, right)
        if equation is not None and (equation.left in found or len(found) < MAX_EQUATIONS):
            found[equation.left] = equation
    return tuple(found.values())


def _chains(text: str) -> Iterator[list[list[str]]]:
    """Yield runs of sides joined by `=`. A side is a list of numbers, operators and brackets; [] if it is ignored.

    A run ends with its line, so lines without a `=` are skipped.
    """
    for line in text.split("\n"):
        if "=" in line:
            yield from _chains_of_line(line)


def _chains_of_line(text: str) -> Iterator[list[list[str]]]:
    sides: list[list[str]] = [[]]
    spoiled = False  # the side depends on something that is not a number
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
            if kind == "word" and last and not _is_number(last[-1]):  # "2 + apples": the side depends on the word
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
    """Whether a result with decimals is the exact one, rounded to them or cut off after them. 10 / 3 = 3 is false."""
    unit = Fraction(1, 10**places)
    cut = exact * written >= 0 and 0 <= abs(exact) - abs(written) < unit
    return places > 0 and (cut or 2 * abs(exact - written) <= unit)


def _value(side: list[str]) -> Fraction | None:
    """The value of a side; None if it has none.

    This is precedence climbing without recursion. The stack has (sum so far, term so far, pending operator) for each
    open bracket.
    """
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
