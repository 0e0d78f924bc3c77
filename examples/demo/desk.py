"""The desk task: several dependent tool turns at the order desk of a shop, which has a state.

    Refund the order of Ann.   ->   find_order("Ann") -> 47;  get_order(47) -> ... "paid": 18;  refund(47, 18);  Done.

A later call needs the result of an earlier one, because order numbers and amounts are not in the question. The desk's
last state decides whether a rollout has done what was asked (rewards/outcome/execution), not the text.

- A level is a number of calls: "easy" 2, "medium" 3, "hard" 4.
- The thinking is a plan: the tools in order, one on each line. Rows state it as reasoning_steps.
- Every row has its own desk. `split_of` takes a hash of the question and its desk, so training and held-out rows never
  overlap.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awpo_verl.rewards.outcome.execution import Environment, ground_truth_text, tools_kwargs
from awpo_verl.workbench.data.splits import check_split, split_by_hash

CUSTOMERS = ("Ann", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hope")
ITEMS = ("bikes", "books", "clocks", "desks", "kites", "lamps", "maps", "rugs")
DIFFICULTIES = ("easy", "medium", "hard")
DONE = "Done."  # the reply that ends a rollout

SYSTEM_PROMPT = "You work at the order desk of a shop."


class Desk(Environment):
    """The environment: orders by number, stock by item, and reservations by customer."""

    def __init__(self, initial: Mapping[str, Any]) -> None:
        self.orders: dict[str, dict[str, Any]] = initial["orders"]  # number -> customer, item, count, paid, status
        self.stock: dict[str, int] = initial["stock"]
        self.reserved: dict[str, dict[str, Any]] = initial["reserved"]  # customer -> item, count

    def state(self) -> Any:
        return {"orders": self.orders, "stock": self.stock, "reserved": self.reserved}

    def find_order(self, customer: str) -> dict[str, Any]:
        """Find the order of a customer.

        Args:
            customer: The customer's name.
        """
        for number, order in self.orders.items():
            if order["customer"] == customer:
                return {"order": int(number)}
        raise KeyError(f"{customer} has no order")

    def get_order(self, order: int) -> dict[str, Any]:
        """Tell what is in an order and what was paid.

        Args:
            order: The order's number.
        """
        found = self._order(order)
        return {"item": found["item"], "count": found["count"], "paid": found["paid"]}

    def check_stock(self, item: str) -> dict[str, int]:
        """Tell how many of an item are left.

        Args:
            item: The item's name.
        """
        return {"left": self.stock[item]}

    def cancel(self, order: int) -> dict[str, str]:
        """Cancel an open order; its goods go back to the stock.

        Args:
            order: The order's number.
        """
        found = self._open(order)
        self.stock[found["item"]] += found["count"]
        found["status"] = "cancelled"
        return {"status": "cancelled"}

    def ship(self, order: int) -> dict[str, str]:
        """Ship an open order.

        Args:
            order: The order's number.
        """
        self._open(order)["status"] = "shipped"
        return {"status": "shipped"}

    def refund(self, order: int, amount: int) -> dict[str, int]:
        """Pay money back for an order.

        Args:
            order: The order's number.
            amount: How much, at most what was paid.
        """
        found = self._order(order)
        if not 0 < amount <= found["paid"]:
            raise ValueError(f"amount must be from 1 to {found['paid']}")
        found["paid"] -= amount
        return {"refunded": amount}

    def reserve(self, customer: str, item: str, count: int) -> dict[str, str]:
        """Put goods aside for a customer.

        Args:
            customer: The customer's name.
            item: The item's name.
            count: How many.
        """
        if not 0 < count <= self.stock[item]:
            raise ValueError(f"{self.stock[item]} {item} are left")
        if customer in self.reserved:
            raise ValueError(f"goods are put aside for {customer} already")
        self.stock[item] -= count
        self.reserved[customer] = {"item": item, "count": count}
        return {"status": "reserved"}

    def release(self, customer: str) -> dict[str, Any]:
        """Give up what is put aside for a customer, and tell what it was.

        Args:
            customer: The customer's name.
        """
        given_up = self.reserved.pop(customer)
        self.stock[given_up["item"]] += given_up["count"]
        return given_up

    def _order(self, order: int) -> dict[str, Any]:
        if str(order) not in self.orders:
            raise KeyError(f"there is no order {order}")
        return self.orders[str(order)]

    def _open(self, order: int) -> dict[str, Any]:
        found = self._order(order)
        if found["status"] != "open":
            raise ValueError(f"order {order} is {found['status']}")
        return found


@dataclass(frozen=True)
class Example:
    """A question, the state of its desk, and the calls that do what is asked, in order."""

    question: str
    initial: dict[str, Any]
    calls: list[dict[str, Any]]
    difficulty: str

    @property
    def plan(self) -> list[str]:
        """The tools in order, which are the expected thinking."""
        return [call["name"] for call in self.calls]


def make_example(rng: random.Random, difficulty: str) -> Example:
    """Draw an example of either split. ValueError: the difficulty is not "easy", "medium" or "hard"."""
    if difficulty not in DIFFICULTIES:
        raise ValueError(f"difficulty is {difficulty!r}; use one of {DIFFICULTIES}")
    initial = _draw_desk(rng)
    number = rng.choice(list(initial["orders"]))
    order = initial["orders"][number]
    question, calls = rng.choice(_requests(rng, initial, int(number), order)[difficulty])
    return Example(question, initial, calls, difficulty)


def _requests(rng: random.Random, initial: dict[str, Any], number: int, order: dict[str, Any]) -> dict[str, Any]:
    """The questions about an order and its desk by level, each as (question, calls)."""
    customer = order["customer"]
    item, left = rng.choice(list(initial["stock"].items()))
    holder, held = next(iter(initial["reserved"].items()))
    other = rng.choice([name for name in CUSTOMERS if name not in (customer, holder)])
    find, get = _call("find_order", customer=customer), _call("get_order", order=number)
    cancel, ship = _call("cancel", order=number), _call("ship", order=number)
    refund = _call("refund", order=number, amount=order["paid"])
    same = _call("reserve", customer=other, item=order["item"], count=order["count"])
    return {
        "easy": [
            (f"Cancel the order of {customer}.", [find, cancel]),
            (f"Ship the order of {customer}.", [find, ship]),
            (
                f"Reserve all {item} for {other}.",
                [_call("check_stock", item=item), _call("reserve", customer=other, item=item, count=left)],
            ),
            (
                f"Move the goods kept for {holder} to {customer}.",
                [_call("release", customer=holder), _call("reserve", customer=customer, **held)],
            ),
        ],
        "medium": [
            (f"Refund the order of {customer}.", [find, get, refund]),
            (f"Reserve for {other} what {customer} ordered.", [find, get, same]),
        ],
        "hard": [
            (f"Cancel and refund the order of {customer}.", [find, get, cancel, refund]),
            (f"Ship the order of {customer} and reserve the same for {other}.", [find, get, ship, same]),
        ],
    }


def _draw_desk(rng: random.Random) -> dict[str, Any]:
    """Draw open orders of three customers, goods kept for a fourth, and enough of each item."""
    names = rng.sample(CUSTOMERS, 4)
    orders = {
        str(number): {
            "customer": customer,
            "item": rng.choice(ITEMS),
            "count": rng.randint(2, 6),
            "paid": rng.randint(10, 99),
            "status": "open",
        }
        for number, customer in zip(rng.sample(range(10, 100), 3), names, strict=False)
    }
    return {
        "orders": orders,
        "stock": {item: rng.randint(10, 20) for item in ITEMS},
        "reserved": {names[3]: {"item": rng.choice(ITEMS), "count": rng.randint(2, 6)}},
    }


def _call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def split_of(example: Example) -> str:
    """The split, "train" or "heldout", from the SHA-256 of the question and its desk."""
    text = json.dumps([example.question, example.initial], sort_keys=True)
    return split_by_hash(text)


def draw(rng: random.Random, difficulty: str, split: str) -> Example:
    """Draw an example of a split. ValueError: the split is not "train" or "heldout"."""
    check_split(split)
    while True:
        example = make_example(rng, difficulty)
        if split_of(example) == split:
            return example


def messages(example: Example) -> list[dict[str, str]]:
    """The prompt's messages, without the tools, which the chat template adds."""
    return [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": example.question}]


def to_row(example: Example, index: int) -> dict[str, Any]:
    """The example as a row of verl's data set."""
    return {
        "data_source": f"desk_{example.difficulty}",
        "prompt": messages(example),
        "ability": "tool_use",
        "reward_model": {"style": "rule", "ground_truth": ground_truth_text(Desk, example.initial, [example.calls])},
        "extra_info": {
            "index": index,
            "difficulty": example.difficulty,
            "reasoning_steps": example.plan,
            "need_tools_kwargs": True,
            "tools_kwargs": tools_kwargs(Desk, example.initial),
        },
    }


def write_parquet(
    path: str | Path, split: str, counts_by_difficulty: Mapping[str, int], seed: int = 0
) -> list[Example]:
    """Write a data set of one split for verl. Returns its examples in the file's order.

    Args:
        counts_by_difficulty: number of rows of each level, such as {"medium": 64, "hard": 512}.
        seed: draws the rows; the same arguments write the same rows.

    Raises:
        ValueError: a level or the split is unknown, a count is negative, or all counts are 0.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = random.Random(f"{split}-{seed}")
    if min(counts_by_difficulty.values(), default=0) < 0 or not sum(counts_by_difficulty.values()):
        raise ValueError(f"counts_by_difficulty is {dict(counts_by_difficulty)}: nothing to write to {path}")
    examples = [draw(rng, level, split) for level, count in counts_by_difficulty.items() for _ in range(count)]
    rng.shuffle(examples)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([to_row(e, i) for i, e in enumerate(examples)]), path)
    return examples
