"""The shop task: questions that take a few steps of arithmetic and then tool calls.

    Buy 3 lamps at 4 plus fee 7.   ->   <think> 3*4=12, 12+7=19 </think>  pay(amount=19)

A random generator draws every example, so nothing is downloaded. Rules can check everything: the expected calls and
each intermediate value.

- A level is a number of steps: "easy" 1, "medium" 2, "hard" 4. Counts go from 2 to 6, prices and fees from 2 to 9.
- The tools are order, pay and refund. On every level a question needs one call, or two or three calls in any order.
  Some easy questions need no call, and the answer is a sentence. Any sentence counts as right, so harder levels have no
  such questions: they would hide a model that does not reason.
- A step is an equation such as `3*4=12` on its own line inside <think>. The line's number is the step's place.
- Training and held-out questions never overlap: `split_of` takes a hash of the question's sorted words, so a
  rearranged question ("5 pens at 6 and 3 lamps at 4") is in the same split.

Only `write_parquet` needs a package, pyarrow.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awpo_verl.workbench.data.splits import check_split, split_by_hash

ITEMS = (
    "bikes",
    "books",
    "chairs",
    "clocks",
    "desks",
    "kites",
    "lamps",
    "maps",
    "pens",
    "rugs",
    "seats",
    "vases",
)
DIFFICULTIES = ("easy", "medium", "hard")
STEP_SEPARATOR = "\n"


def _tool(name: str, description: str, properties: dict[str, Any]) -> dict[str, Any]:
    """A tool in OpenAI's function format; every property is required."""
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


TOOLS: tuple[dict[str, Any], ...] = (
    _tool(
        "order",
        "Order goods.",
        {"item": {"type": "string"}, "count": {"type": "integer"}},
    ),
    _tool("pay", "Pay an amount.", {"amount": {"type": "integer"}}),
    _tool("refund", "Refund an amount.", {"amount": {"type": "integer"}}),
)

SYSTEM_PROMPT = (
    "# Tools\n\n"
    "You may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n"
    "<tools>\n" + "\n".join(json.dumps(tool) for tool in TOOLS) + "\n</tools>\n\n"
    "For each function call, return a json object with function name and arguments within "
    "<tool_call></tool_call> XML tags:\n"
    '<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
)


@dataclass(frozen=True)
class Example:
    """A question and the expected reply.

    Attributes:
        tool_calls: the expected calls as {"name", "arguments"}, in any order; empty where no call is expected.
        steps: the expected equations, in order.
        answer: the expected text where no call is expected, else "".
    """

    question: str
    tool_calls: list[dict[str, Any]]
    steps: list[str]
    difficulty: str
    answer: str = ""


class _Sheet:
    """Adds and multiplies, and writes down each equation."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def times(self, a: int, b: int) -> int:
        self.steps.append(f"{a}*{b}={a * b}")
        return a * b

    def plus(self, a: int, b: int) -> int:
        self.steps.append(f"{a}+{b}={a + b}")
        return a + b


@dataclass(frozen=True)
class _Line:
    """So many of an item, at a price for one."""

    count: int
    item: str
    price: int

    def __str__(self) -> str:
        return f"{self.count} {self.item} at {self.price}"


def make_example(rng: random.Random, difficulty: str) -> Example:
    """Draw an example of either split. ValueError: the difficulty is not "easy", "medium" or "hard"."""
    if difficulty not in DIFFICULTIES:
        raise ValueError(f"difficulty is {difficulty!r}; use one of {DIFFICULTIES}")
    make = _make_two_deals if difficulty != "easy" and rng.random() < 0.25 else _make_one_deal
    return make(rng, difficulty)


def _make_one_deal(rng: random.Random, difficulty: str) -> Example:
    """Buy, return or order goods: one total, one call beside the orders. Or, on easy, ask a price."""
    sheet = _Sheet()
    lines = _draw_lines(rng, 2 if difficulty == "hard" else 1)
    total = sheet.times(lines[0].count, lines[0].price)
    words = " and ".join(map(str, lines))
    if difficulty == "hard":
        total = sheet.plus(total, sheet.times(lines[1].count, lines[1].price))
    if difficulty != "easy":
        fee = _draw_fee(rng)
        total, words = sheet.plus(total, fee), f"{words} plus fee {fee}"

    verb = rng.choice(
        ("Buy", "Return", "Order and buy", "Price") if difficulty == "easy" else ("Buy", "Return", "Order and buy")
    )
    if verb == "Price":
        return Example(f"Just tell me the price of {words}.", [], sheet.steps, difficulty, f"That is {total}.")
    calls = [_call("refund" if verb == "Return" else "pay", amount=total)]
    if verb == "Order and buy":
        calls = [_call("order", item=line.item, count=line.count) for line in lines] + calls
    return Example(f"{verb} {words}.", calls, sheet.steps, difficulty)


def _make_two_deals(rng: random.Random, difficulty: str) -> Example:
    """Buy some goods and return others: two totals, two calls; on the hard level with a fee on each."""
    sheet = _Sheet()
    totals, words = [], []
    for line in _draw_lines(rng, 2):
        total, text = sheet.times(line.count, line.price), str(line)
        if difficulty == "hard":
            fee = _draw_fee(rng)
            total, text = sheet.plus(total, fee), f"{text} plus fee {fee}"
        totals.append(total)
        words.append(text)
    calls = [_call("pay", amount=totals[0]), _call("refund", amount=totals[1])]
    return Example(f"Buy {words[0]} and return {words[1]}.", calls, sheet.steps, difficulty)


def _draw_lines(rng: random.Random, n: int) -> list[_Line]:
    return [_Line(rng.randint(2, 6), item, rng.randint(2, 9)) for item in rng.sample(ITEMS, n)]


def _draw_fee(rng: random.Random) -> int:
    return rng.randint(2, 9)


def _call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def split_of(question: str) -> str:
    """The split, "train" or "heldout", from the SHA-256 of the question's lower-cased words in sorted order."""
    words = " ".join(sorted(re.findall(r"\w+", question.lower())))
    return split_by_hash(words)


def draw(rng: random.Random, difficulty: str, split: str) -> Example:
    """Draw an example of a split. ValueError: the split is not "train" or "heldout"."""
    check_split(split)
    while True:
        example = make_example(rng, difficulty)
        if split_of(example.question) == split:
            return example


def render_response(steps: Sequence[str], tool_calls: Sequence[Mapping[str, Any]], answer: str = "") -> str:
    """A reply in Qwen3's form: thinking, a blank line, then the answer or a <tool_call> block for each call."""
    blocks = [f"<tool_call>\n{json.dumps(call)}\n</tool_call>" for call in tool_calls]
    thinking = STEP_SEPARATOR.join(steps)
    return f"<think>\n{thinking}\n</think>\n\n" + ("\n".join(blocks) if blocks else answer)


def reference_response(example: Example) -> str:
    """The reply that earns full outcome and full reasoning reward."""
    return render_response(example.steps, example.tool_calls, example.answer)


def messages(example: Example) -> list[dict[str, str]]:
    """The prompt: a system message with the tools, and the question."""
    return [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": example.question}]


def draw_unique(rng: random.Random, split: str, counts_by_difficulty: Mapping[str, int]) -> list[Example]:
    """Draw the given number of examples of each level without repeated questions, in random order.

    ValueError: a count is negative, or the level has fewer questions. The easy level has about 1,900 in both splits
    together, the others many thousands.
    """
    chosen: dict[str, Example] = {}
    for difficulty, count in counts_by_difficulty.items():
        if count < 0:
            raise ValueError(f"counts_by_difficulty[{difficulty!r}] is {count}; use 0 or more")
        have, misses = 0, 0
        while have < count:
            example = draw(rng, difficulty, split)
            misses = misses + 1 if example.question in chosen else 0
            if misses > 2000:
                raise ValueError(
                    f"{count} {difficulty} questions asked of split {split!r}, which has only about {have}"
                )
            if misses == 0:
                chosen[example.question] = example
                have += 1
    examples = list(chosen.values())
    rng.shuffle(examples)
    return examples


def to_row(example: Example, index: int) -> dict[str, Any]:
    """The example as a row of verl's data set."""
    return {
        "data_source": f"shop_{example.difficulty}",
        "prompt": messages(example),
        "ability": "tool_use",
        "reward_model": {"style": "rule", "ground_truth": json.dumps({"tool_calls": example.tool_calls})},
        "extra_info": {
            "index": index,
            "difficulty": example.difficulty,
            "reasoning_steps": list(example.steps),
        },
    }


def write_parquet(
    path: str | Path, split: str, counts_by_difficulty: Mapping[str, int], seed: int = 0
) -> list[Example]:
    """Write a data set of unique questions of one split for verl. Returns its examples in the file's order.

    Args:
        counts_by_difficulty: number of rows of each level, such as {"medium": 64, "hard": 512}.
        seed: draws the rows; the same arguments write the same rows.

    Raises:
        ValueError: a level or the split is unknown, a count is negative, all counts are 0, or a level has fewer
            questions.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    examples = draw_unique(random.Random(f"{split}-{seed}"), split, counts_by_difficulty)
    if not examples:
        raise ValueError(f"counts_by_difficulty is {dict(counts_by_difficulty)}: nothing to write to {path}")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([to_row(e, i) for i, e in enumerate(examples)]), path)
    return examples
