"""The known differences between our verdict and BFCL's: who accepts, who is right, why, and the test of the cause."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.bfcl import official
from benchmarks.bfcl.causes import (
    broken_block,
    default_left_out,
    default_written,
    differs_by,
    empty_list,
    empty_string,
    has_name,
    hermes,
    inner_default_left_out,
    parsed_blocks,
    positional_arguments,
    pythonic,
    tuple_for_list,
    value_nodes,
)


@dataclass(frozen=True)
class Difference:
    """One known difference.

    Attributes:
        name: its name in the tables.
        accepted_by, right: ours, BFCL or (right only) either.
        holds: whether it causes the disagreement of a Case or of an Argument.
    """

    name: str
    accepted_by: str
    right: str
    why: str
    holds: Callable[[Any], bool]


GREEDY = Difference(
    "parallel calls paired greedily",
    "ours",
    "ours",
    "BFCL gives each expected call the first made call that fits, which may be the only one that fits another.",
    lambda case: False,
)
READING = (
    Difference(
        "a broken call beside right ones",
        "BFCL",
        "ours",
        "BFCL's Qwen handler drops a block that is not JSON; the model wrote a call that cannot run.",
        broken_block,
    ),
    Difference(
        "a block without line breaks",
        "ours",
        "ours",
        "BFCL's handler wants a line break after <tool_call> and before </tool_call>; vLLM's and SGLang's do not.",
        hermes(lambda case: len(official.blocks(case.text)) < len(parsed_blocks(case))),
    ),
    Difference(
        "no list brackets",
        "BFCL",
        "either",
        "BFCL adds the missing [ or ]. Servers read a list, and a missing ] is a cut-off output.",
        pythonic(lambda case: not (case.text.startswith("[") and case.text.endswith("]"))),
    ),
    Difference(
        "names read as strings",
        "BFCL",
        "ours",
        "BFCL reads f(unit=celsius) as 'celsius', as some of its answers are variables. Executed, it is a NameError.",
        lambda case: (
            has_name(case, constants=False) and any("literal" in problem for problem in case.response.problems)
        ),
    ),
    Difference(
        "expressions evaluated",
        "BFCL",
        "either",
        "BFCL evaluates f(n=4+1) with Python's eval. We execute nothing that a model wrote, so 4+1 is not a literal.",
        pythonic(lambda case: any(isinstance(node, ast.BinOp) for node in value_nodes(case.text))),
    ),
    Difference(
        "true, false and null in pythonic calls",
        "ours",
        "ours",
        "BFCL reads them as the strings 'true', 'false' and 'null'; servers read the constants.",
        lambda case: has_name(case, constants=True),
    ),
    Difference(
        "an answer 'null' that is a string",
        "BFCL",
        "ours",
        "The reverse: the answer is the string 'null', and BFCL reads the constant as that string.",
        lambda case: has_name(case, constants=True),
    ),
    Difference(
        "positional arguments",
        "ours",
        "ours",
        "BFCL drops them; they are the first properties of the schema, in its order.",
        pythonic(lambda case: bool(positional_arguments(case.text))),
    ),
)
VALUES = (
    Difference(
        "sign of a number in a string",
        "BFCL",
        "ours",
        "BFCL drops ,./-_*^ and blanks everywhere: '-5' is '5'.",
        differs_by("sign", {"restyled", "int"}),
    ),
    Difference(
        "decimal point of a number in a string",
        "BFCL",
        "ours",
        "As above: '1.5' is '15'.",
        differs_by("point", {"restyled", "int"}),
    ),
    Difference(
        "* and ^ in a string",
        "BFCL",
        "ours",
        "As above: 'x^2' is 'x2' and '2*3' is '23'.",
        differs_by("operators", {"restyled", "int"}),
    ),
    Difference(
        "strings of only punctuation and blanks",
        "BFCL",
        "ours",
        "As above; nothing is left of the separators ',' and ' ', so they are equal.",
        differs_by("empty", {"restyled", "int"}),
    ),
    Difference(
        "commas of thousands in a string",
        "BFCL",
        "either",
        "As above: '2,022' is '2022'. '1,200' may be two numbers, so we keep digits apart.",
        differs_by("commas", {"restyled", "int"}),
    ),
    Difference(
        "digits joined in a string",
        "BFCL",
        "either",
        "As above: '1/12' is '11/2', which is wrong; but so '2024-03-12' is '20240312', which is the same date.",
        differs_by("joined", {"restyled", "int"}),
    ),
    Difference(
        "empty list for an optional list",
        "BFCL",
        "ours",
        '"" in an answer means that the argument is optional; BFCL\'s list check accepts an empty list for it.',
        empty_list,
    ),
    Difference(
        "empty string for an optional argument",
        "BFCL",
        "ours",
        '"" in an answer means that the argument is optional; BFCL\'s string check also accepts it as a value.',
        empty_string,
    ),
    Difference(
        "1, 1.0 and true alike within lists and dicts",
        "BFCL",
        "ours",
        "BFCL checks types at the top only, and compares what is inside with Python's ==.",
        differs_by("equal", {"restyled", "int"}),
    ),
    Difference(
        "default left out",
        "ours",
        "ours",
        "The answer is the default that the schema states, so the call without it does the same.",
        default_left_out,
    ),
    Difference(
        "default written out",
        "ours",
        "ours",
        "The answer lacks the argument, and the call gives it the default that the schema states.",
        default_written,
    ),
    Difference(
        "default of a key within a dict left out",
        "ours",
        "ours",
        "As above, inside an argument; BFCL wants the key.",
        inner_default_left_out,
    ),
    Difference(
        "Unicode forms, tabs, curly and double quotes",
        "ours",
        "ours",
        'We fold full-width forms, case (ß), all white space and all quotes; BFCL only blanks and "\'".',
        differs_by("form", {"restyled", "int"}),
    ),
    Difference(
        "tuple for a list",
        "ours",
        "ours",
        "In pythonic text (1, 2) and [1, 2] are the same JSON; BFCL wants a list unless the type is tuple.",
        tuple_for_list,
    ),
    Difference(
        "int in a list of floats",
        "ours",
        "ours",
        "BFCL accepts an int for a float argument, but not inside a list.",
        differs_by("int", {"restyled"}),
    ),
    Difference(
        "strings normalized only at the top",
        "ours",
        "ours",
        "BFCL normalizes an argument, an item of a list and a value of a dict. Deeper ones, and answers of another "
        "type than the schema's, it compares as they are.",
        differs_by("restyled", set()),
    ),
)
ALL = (*READING, GREEDY, *VALUES)
