"""Where our verdict and BFCL's differ on purpose: who accepts, who is right, why, and the test of the cause."""

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
    empty_list,
    empty_string,
    has_name,
    hermes,
    inner_default_left_out,
    parsed_blocks,
    positional_arguments,
    pythonic,
    told_by,
    tuple_for_list,
    value_nodes,
)


@dataclass(frozen=True)
class Difference:
    """A name for the tables, who accepts, who is right, why, and the test."""

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
        "BFCL reads f(unit=celsius) as 'celsius', for it has answers that are variables. Run, it is a NameError.",
        lambda case: has_name(case, constants=False) and "a value that is no literal" in case.response.problems,
    ),
    Difference(
        "expressions evaluated",
        "BFCL",
        "either",
        "BFCL evaluates f(n=4+1) with Python's eval; we run nothing of what a model wrote, so it is no literal.",
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
        "The other way round: the answer is the string 'null', and BFCL reads the constant as that.",
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
        told_by("sign", {"restyled", "int"}),
    ),
    Difference(
        "decimal point of a number in a string",
        "BFCL",
        "ours",
        "As above: '1.5' is '15'.",
        told_by("point", {"restyled", "int"}),
    ),
    Difference(
        "* and ^ in a string",
        "BFCL",
        "ours",
        "As above: 'x^2' is 'x2' and '2*3' is '23'.",
        told_by("operators", {"restyled", "int"}),
    ),
    Difference(
        "strings of punctuation and blanks alone",
        "BFCL",
        "ours",
        "As above, so that nothing is left: the separator ',' is ' ', and both are the empty string.",
        told_by("empty", {"restyled", "int"}),
    ),
    Difference(
        "commas of thousands in a string",
        "BFCL",
        "either",
        "As above: '2,022' is '2022'. '1,200' may be two numbers, so we keep digits apart.",
        told_by("commas", {"restyled", "int"}),
    ),
    Difference(
        "digits joined in a string",
        "BFCL",
        "either",
        "As above: '1/12' is '11/2', which is wrong; but so '2024-03-12' is '20240312', which is the same date.",
        told_by("joined", {"restyled", "int"}),
    ),
    Difference(
        "empty list for an optional list",
        "BFCL",
        "ours",
        'BFCL\'s list check turns the "" that says that the argument may be left out into an accepted empty list.',
        empty_list,
    ),
    Difference(
        "empty string for an optional argument",
        "BFCL",
        "ours",
        '"" in BFCL\'s answers says that the argument may be left out; its string check also takes it for a value.',
        empty_string,
    ),
    Difference(
        "1, 1.0 and true alike within lists and dicts",
        "BFCL",
        "ours",
        "BFCL checks types at the top only, and compares what is inside with Python's ==.",
        told_by("equal", {"restyled", "int"}),
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
        "The answer does not have the argument, and the call gives it the default that the schema states.",
        default_written,
    ),
    Difference(
        "default of a key within a dict left out",
        "ours",
        "ours",
        "As above, within an argument; BFCL wants the key.",
        inner_default_left_out,
    ),
    Difference(
        "Unicode forms, tabs, curly and double quotes",
        "ours",
        "ours",
        'We fold full-width forms, case (ß), all white space and all quotes; BFCL only blanks and "\'".',
        told_by("form", {"restyled", "int"}),
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
        "BFCL takes an int for a float argument, but not within a list.",
        told_by("int", {"restyled"}),
    ),
    Difference(
        "strings normalized only at the top",
        "ours",
        "ours",
        "BFCL normalizes an argument, an item of a list and a value of a dict. Deeper ones, and answers of another "
        "type than the schema's, it compares as they are.",
        told_by("restyled", set()),
    ),
)
ALL = (*READING, GREEDY, *VALUES)
